package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tillway/internal/telemetry"
)

// checkPatience bounds one readiness check.
const checkPatience = 2 * time.Second

var errCheckSlow = errors.New("no answer in time")

type healthResource struct {
	Status string                 `json:"status"`
	Checks map[string]checkResult `json:"checks,omitempty"`
}

type checkResult struct {
	Status   string `json:"status"`
	Required bool   `json:"required"`
}

// healthz says that the process is alive, and nothing about anything else: restarting us mends no database.
func (s *server) healthz(c *gin.Context) {
	s.write(c, reply{status: http.StatusOK, body: encode(healthResource{Status: "ok"})})
}

// readyz says whether requests should be sent here. What is not required is reported and changes nothing. Why a check
// fails is for the log: the answer is public.
func (s *server) readyz(c *gin.Context) {
	results := make([]error, len(s.Checks))
	var running sync.WaitGroup
	for i, check := range s.Checks {
		running.Go(func() {
			ctx, cancel := context.WithTimeoutCause(c.Request.Context(), checkPatience, errCheckSlow)
			defer cancel()
			results[i] = check.Run(ctx)
		})
	}
	running.Wait()
	health := healthResource{Status: "ok", Checks: map[string]checkResult{}}
	status := http.StatusOK
	for i, check := range s.Checks {
		result := checkResult{Status: "ok", Required: check.Required}
		if results[i] != nil {
			result.Status = "unavailable"
			telemetry.AddField(c.Request.Context(), slog.String(check.Name, results[i].Error()))
			if check.Required {
				health.Status, status = "unavailable", http.StatusServiceUnavailable
			}
		}
		health.Checks[check.Name] = result
	}
	s.write(c, reply{status: status, body: encode(health)})
}

// notification hands the provider's notification to its receiver, which answers in the provider's terms.
func (s *server) notification(c *gin.Context) {
	s.Notifications.ServeHTTP(c.Writer, c.Request)
}
