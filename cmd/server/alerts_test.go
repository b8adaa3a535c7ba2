package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"tillway/internal/telemetry"
)

const (
	rulesFile   = "../../deploy/prometheus/tillway.rules.yml"
	runbookFile = "../../docs/operations.md"
)

// ruleFile is a file of Prometheus rules, as far as we use what may stand in one.
type ruleFile struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	} `yaml:"groups"`
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func alerts(t *testing.T) []rule {
	t.Helper()
	file, err := os.Open(rulesFile)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	var rules ruleFile
	require.NoError(t, decoder.Decode(&rules))
	var all []rule
	for _, group := range rules.Groups {
		all = append(all, group.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

func TestAlerts_SayWhatToDo(t *testing.T) {
	t.Parallel()
	runbook, err := os.ReadFile(runbookFile)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, r := range alerts(t) {
		require.Regexp(t, `^Tillway[A-Za-z]+$`, r.Alert)
		require.False(t, seen[r.Alert], "%s is there twice", r.Alert)
		seen[r.Alert] = true
		require.Contains(t, []string{"critical", "warning"}, r.Labels["severity"], r.Alert)
		require.NotEmpty(t, r.Annotations["summary"], r.Alert)
		require.NotEmpty(t, r.Annotations["description"], r.Alert)
		require.Equal(t, "docs/operations.md#"+strings.ToLower(r.Alert), r.Annotations["runbook"])
		require.Contains(t, string(runbook), "\n### "+r.Alert+"\n", "no section for %s", r.Alert)
		if r.For != "" {
			_, err := time.ParseDuration(r.For)
			require.NoError(t, err, r.Alert)
		}
	}
	for _, section := range regexp.MustCompile(`(?m)^### (Tillway\w+)$`).FindAllStringSubmatch(string(runbook), -1) {
		require.True(t, seen[section[1]], "a section for %s, which is no alert", section[1])
	}
}

func TestAlerts_WatchMetricsThatExist(t *testing.T) {
	t.Parallel()
	scraped := scrape(t)
	for _, r := range alerts(t) {
		for _, name := range regexp.MustCompile(`\btillway_[a-z_]+`).FindAllString(r.Expr, -1) {
			require.Contains(t, scraped, "\n"+name+"{", "%s watches %s", r.Alert, name)
		}
	}
}

// scrape is what a process tells in which everything has happened once.
func scrape(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	tel, err := telemetry.Setup(ctx, telemetry.Options{ServiceName: "tillway"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = tel.Shutdown(context.WithoutCancel(ctx)) })
	m := tel.Metrics
	m.TimeToTruth(ctx, "query", time.Second)
	m.OutboundBudget(ctx, "sale", "busy", time.Second)
	_, err = m.ObserveDependency("postgres", func(context.Context) error { return nil })
	require.NoError(t, err)
	_, err = m.ObserveStanding(func(context.Context) (telemetry.Standing, error) {
		return telemetry.Standing{
			OldestUnresolved: map[string]time.Duration{"payment": 0, "refund": 0}, OpenDiscrepancies: map[string]int64{"amount": 1},
			MoneyAtRisk: map[string]int64{"eur": 1}, Notifications: map[string]int64{"dead": 0},
		}, nil
	})
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	tel.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, recorder.Code)
	return recorder.Body.String()
}
