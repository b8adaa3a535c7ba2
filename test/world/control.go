package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Advance moves the provider's clock on, by whole seconds.
func (p *Provider) Advance(ctx context.Context, by time.Duration) error {
	return p.order(ctx, "/sandbox/clock", map[string]any{"advance_seconds": int64(by / time.Second)})
}

// Decline has the provider decline the next renewals of a contract, negative times for all.
func (p *Provider) Decline(ctx context.Context, contractID, code string, times int) error {
	return p.order(ctx, "/sandbox/contracts/"+url.PathEscape(contractID)+"/decline", map[string]any{"code": code, "times": times})
}

func (p *Provider) order(ctx context.Context, path string, body map[string]any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("order %s: %w", path, err)
	}
	return p.control(ctx, http.MethodPost, path, raw)
}
