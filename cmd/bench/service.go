package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"tillway/internal/sandbox"
)

// service is the running service under measurement.
type service struct {
	*child
	addr, admin string
	// took is the time from the start of the process to its being ready.
	took time.Duration
}

// startService starts the service, HTTP and workers, and waits until it says that it is ready. Settings are NAME=value, and go before
// those of environment.
func (s *stack) startService(ctx context.Context, simulatorAddr string, settings ...string) (*service, error) {
	svc := &service{}
	var err error
	if svc.addr, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	if svc.admin, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	if svc.child, err = startChild(ctx, s.dir, "service", s.binary, append(s.environment(svc, simulatorAddr), settings...), "serve"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("the service was not ready in time"))
	defer cancel()
	if err := svc.await(ctx, time.Millisecond, svc.isReady); err != nil {
		return nil, errors.Join(err, svc.stop())
	}
	svc.took = time.Since(began)
	return svc, nil
}

// environment is the whole configuration of the service: the defaults but for the rate limits and the log level.
func (s *stack) environment(svc *service, simulatorAddr string) []string {
	return []string{
		"DATABASE_URL=" + s.pg.URL(),
		"REDIS_URL=" + s.redis.URL(),
		"LISTEN_ADDR=" + svc.addr,
		"ADMIN_ADDR=" + svc.admin,
		"PUBLIC_URL=http://" + svc.addr,
		"RETURN_URL_ALLOWLIST=https://shop.example",
		"API_KEYS=storefront:" + apiKey + ",admin:" + adminKey,
		"DATA_KEY=" + s.dataKey,
		"RETURN_SECRET=" + s.dataKey,
		"ONERWAY_BASE_URL=http://" + simulatorAddr,
		"ONERWAY_MERCHANT_NO=" + sandbox.DefaultMerchantNo,
		"ONERWAY_APP_ID=" + sandbox.DefaultAppID,
		"ONERWAY_SECRET_KEY=" + sandbox.DefaultSecretKey,
		"RATE_LIMIT=" + unlimited,
		"ONERWAY_RATE_LIMIT=" + unlimited,
		"LOG_LEVEL=warn",
	}
}

// isReady asks /readyz once. The request has a client of its own: a kept connection would be one that waits for nothing.
func (svc *service) isReady(ctx context.Context) error {
	if err := dialable(svc.addr)(ctx); err != nil {
		return err // quicker to refuse than an HTTP client
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+svc.addr+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := (&http.Client{Timeout: time.Second}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz answers %s", response.Status)
	}
	return nil
}
