package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"

	"tillway/internal/money"
	"tillway/internal/program"
	"tillway/internal/sandbox"
)

// Provider is the simulator in a process of its own.
type Provider struct {
	URL     string
	process *program.Process
}

func startProvider(ctx context.Context, opts Options) (*Provider, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	args := append([]string{"sandbox", "--listen", address, "--keep", strconv.Itoa(keep)}, opts.Simulator...)
	process, err := program.Start(program.Spec{
		Name: "simulator", Path: opts.Binary, Log: filepath.Join(opts.Dir, "simulator.log"), Args: args,
	})
	if err != nil {
		return nil, err
	}
	p := &Provider{URL: "http://" + address, process: process}
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("it was not ready in time"))
	defer cancel()
	return p, process.Await(ctx, pollEvery, func(ctx context.Context) error { return ask(ctx, p.URL+"/sandbox/clock", nil) })
}

// errConflict says that it is too late for what was asked.
var errConflict = errors.New("the simulator says that it is too late for that")

// Arm orders a fault.
func (p *Provider) Arm(ctx context.Context, f sandbox.Fault) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("order fault %s: %w", f.Name, err)
	}
	return p.control(ctx, http.MethodPost, "/sandbox/faults", raw)
}

// DisarmAll takes every ordered fault back.
func (p *Provider) DisarmAll(ctx context.Context) error {
	return p.control(ctx, http.MethodDelete, "/sandbox/faults", nil)
}

// Books is everything that the provider knows.
func (p *Provider) Books(ctx context.Context) (sandbox.Books, error) {
	var raw bytes.Buffer
	var books sandbox.Books
	if err := ask(ctx, p.URL+"/sandbox/books", &raw); err != nil {
		return books, err
	}
	if err := json.Unmarshal(raw.Bytes(), &books); err != nil {
		return books, fmt.Errorf("read the provider's books: %w", err)
	}
	return books, nil
}

// ApproveRefunds approves every refund that waits for a person.
func (p *Provider) ApproveRefunds(ctx context.Context) error {
	var raw bytes.Buffer
	var waiting struct {
		Refunds []sandbox.BookedTransaction `json:"refunds"`
	}
	if err := ask(ctx, p.URL+"/sandbox/refunds?status=I", &raw); err != nil {
		return err
	}
	if err := json.Unmarshal(raw.Bytes(), &waiting); err != nil {
		return fmt.Errorf("read the refunds in review: %w", err)
	}
	for _, t := range waiting.Refunds {
		err := p.control(ctx, http.MethodPost, "/sandbox/refunds/"+t.TransactionID+"/approve", nil)
		if err != nil && !errors.Is(err, errConflict) { // decided meanwhile
			return err
		}
	}
	return nil
}

// TakeBack has a bank take money of a transaction back, or warn that it may; see storefront.Bank.
func (p *Provider) TakeBack(ctx context.Context, transaction string, minor int64, currency string, warns, silent bool) (string, error) {
	known, err := money.ParseCurrency(currency)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(sandbox.Case{Amount: money.New(minor, known).Decimal(), Silent: silent})
	if err != nil {
		return "", fmt.Errorf("order a chargeback of %s: %w", transaction, err)
	}
	kind := "chargeback"
	if warns {
		kind = "pre_dispute"
	}
	var booked sandbox.BookedChargeback
	err = p.controlled(ctx, http.MethodPost, "/sandbox/transactions/"+transaction+"/"+kind, raw, &booked)
	if errors.Is(err, errConflict) {
		return "", nil // nothing was taken, or it is held only
	}
	return booked.ChargebackID, err
}

// MoveCase gives a chargeback its next status.
func (p *Provider) MoveCase(ctx context.Context, id, status string, silent bool) error {
	raw, err := json.Marshal(map[string]any{"status": status, "silent": silent})
	if err != nil {
		return fmt.Errorf("move chargeback %s: %w", id, err)
	}
	return p.control(ctx, http.MethodPost, "/sandbox/chargebacks/"+id+"/move", raw)
}

func (p *Provider) control(ctx context.Context, method, path string, body []byte) error {
	return p.controlled(ctx, method, path, body, nil)
}

// controlled works a control and reads its answer into shown, unless that is nil.
func (p *Provider) controlled(ctx context.Context, method, path string, body []byte, shown any) error {
	request, err := http.NewRequestWithContext(ctx, method, p.URL+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	answer, err := plain.Do(request)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusConflict {
		return errConflict
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	if shown == nil {
		return nil
	}
	if err := json.NewDecoder(answer.Body).Decode(shown); err != nil {
		return fmt.Errorf("read the answer to %s: %w", path, err)
	}
	return nil
}

// Deliveries is the log of every notification, as far back as the provider remembers.
func (p *Provider) Deliveries(ctx context.Context) ([]sandbox.Delivery, error) {
	var raw bytes.Buffer
	var log struct {
		Deliveries []sandbox.Delivery `json:"deliveries"`
	}
	if err := ask(ctx, p.URL+"/sandbox/notifications?limit="+strconv.Itoa(keep), &raw); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw.Bytes(), &log); err != nil {
		return nil, fmt.Errorf("read the provider's delivery log: %w", err)
	}
	return log.Deliveries, nil
}
