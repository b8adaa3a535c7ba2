package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"tillway/internal/onerway"
	"tillway/internal/sandbox"
)

const (
	// firstNumber names prepared payments, and the transactions of the provider that they stand for: 19 digits.
	firstNumber = 2_000_000_000_000_000_000
	batchStride = 1_000_000_000
	warmShare   = 50 // notifications of each client before the first round
)

// notifications measures what arrives at the webhook alone: prepared payments are confirmed as fast as the service can.
func (s *stack) notifications(ctx context.Context) (_ *notificationsReport, err error) {
	svc, sim, err := s.pair(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, svc.stop(), sim.stop()) }()
	model, err := s.firstPayment(ctx, svc, "notifications")
	if err != nil {
		return nil, err
	}
	run := &notificationsRun{stack: s, service: svc, report: &notificationsReport{}}
	if run.values, err = s.sample(ctx, model); err != nil {
		return nil, err
	}
	err = s.db.QueryRow(ctx, "SELECT to_jsonb(o), to_jsonb(p) FROM orders o JOIN payments p ON p.order_id = o.id WHERE o.id = $1",
		model.UUID()).Scan(&run.order, &run.payment)
	if err != nil {
		return nil, fmt.Errorf("read a payment to prepare others: %w", err)
	}
	if _, err := run.round(ctx, warmShare); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	for number := 1; number <= s.options.rounds; number++ {
		turn, err := run.round(ctx, s.options.notifications/s.options.clients)
		if err != nil {
			return nil, fmt.Errorf("round %d: %w", number, err)
		}
		run.report.Rounds = append(run.report.Rounds, turn)
		turn.tell(number)
	}
	run.report.finish(run)
	return run.report, nil
}

// notificationsRun is the scenario under way.
type notificationsRun struct {
	*stack

	service        *service
	values         map[string]string
	order, payment json.RawMessage // rows that the prepared ones are copies of
	report         *notificationsReport
	cpu            time.Duration
	measured       int64
	ours, twins    writes
}

// round has the service and then the twin, under each protocol, confirm share payments for each client.
func (r *notificationsRun) round(ctx context.Context, share int) (roundReport, error) {
	base, err := r.prepare(ctx, r.db, share)
	if err != nil {
		return roundReport{}, err
	}
	ours, err := r.serviceTurn(ctx, base, share)
	if err != nil {
		return roundReport{}, fmt.Errorf("service: %w", err)
	}
	return compare(ours, func(protocol string) (twinResult, error) {
		base, err := r.prepare(ctx, r.twin, share)
		if err != nil {
			return twinResult{}, err
		}
		return r.twinTurn(ctx, protocol, base, share)
	})
}

// prepare writes share payments for each client and returns the number of the first.
func (r *notificationsRun) prepare(ctx context.Context, db database, share int) (int64, error) {
	base := int64(firstNumber + r.batches*batchStride)
	r.batches++
	text, err := script("prepare.sql")
	if err != nil {
		return 0, err
	}
	count := share * r.options.clients
	if _, err := db.Exec(ctx, text, r.order, r.payment, base, count); err != nil {
		return 0, fmt.Errorf("prepare %d payments: %w", count, err)
	}
	return base, nil
}

func (r *notificationsRun) serviceTurn(ctx context.Context, base int64, share int) (float64, error) {
	count := share * r.options.clients
	bodies, err := r.bodies(base, count)
	if err != nil {
		return 0, err
	}
	before, err := r.begin(ctx, r.db)
	if err != nil {
		return 0, err
	}
	spent, err := cpuTime(ctx, r.service.pid(), false)
	if err != nil {
		return 0, err
	}
	stopProfile := r.profile(ctx, r.service, "notifications-"+strconv.Itoa(r.batches))
	began := time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range r.options.clients {
		group.Go(func() error { return deliver(groupCtx, r.service.addr, bodies[i*share:(i+1)*share]) })
	}
	err = group.Wait()
	took := time.Since(began)
	if err := errors.Join(err, stopProfile()); err != nil {
		return 0, err
	}
	after, err := cpuTime(ctx, r.service.pid(), false)
	if err != nil {
		return 0, err
	}
	r.cpu, r.measured = r.cpu+after-spent, r.measured+int64(count)
	if err := r.allApplied(ctx, base, count); err != nil {
		return 0, err
	}
	now, err := written(ctx, r.db)
	r.ours = r.ours.plus(now.since(before))
	return float64(count) / took.Seconds(), err
}

// begin starts a turn of one side on equal terms with the other's.
func (r *notificationsRun) begin(ctx context.Context, db database) (writes, error) {
	if err := r.checkpoint(ctx); err != nil {
		return writes{}, err
	}
	return written(ctx, db)
}

// allApplied holds the service to its acknowledgements.
func (r *notificationsRun) allApplied(ctx context.Context, base int64, count int) error {
	var confirmed int
	err := r.db.QueryRow(ctx, `SELECT count(*) FROM payments JOIN notifications n ON n.payment_id = payments.id
		WHERE payments.merchant_txn_id >= $1 AND payments.merchant_txn_id < $2 AND confirmed AND n.status = 'applied'`,
		strconv.FormatInt(base, 10), strconv.FormatInt(base+batchStride, 10)).Scan(&confirmed)
	if err != nil {
		return fmt.Errorf("count confirmed payments: %w", err)
	}
	if confirmed != count {
		return fmt.Errorf("%d of %d acknowledged notifications were applied", confirmed, count)
	}
	return nil
}

func (r *notificationsRun) twinTurn(ctx context.Context, protocol string, base int64, share int) (twinResult, error) {
	before, err := r.begin(ctx, r.twin)
	if err != nil {
		return twinResult{}, err
	}
	text, err := script("notifications.sql", "notification.sql")
	if err != nil {
		return twinResult{}, err
	}
	r.values["base"], r.values["share"] = strconv.FormatInt(base, 10), strconv.Itoa(share)
	result, err := r.runTwin(ctx, protocol, text, r.values, "--transactions="+strconv.Itoa(share))
	if err != nil {
		return twinResult{}, err
	}
	after, err := written(ctx, r.twin)
	r.twins = r.twins.plus(after.since(before))
	return result, err
}

// notice is one signed notification.
type notice struct {
	transaction string
	body        []byte
}

// bodies signs a notification for each prepared payment, in the form of the one that the simulator sent for the model.
func (r *notificationsRun) bodies(base int64, count int) ([]notice, error) {
	var model map[string]string
	if err := json.Unmarshal([]byte(r.values["notification"]), &model); err != nil {
		return nil, fmt.Errorf("read the model of a notification: %w", err)
	}
	notices := make([]notice, 0, count)
	for i := range count {
		number := strconv.FormatInt(base+int64(i), 10)
		model["transactionId"], model["merchantTxnId"] = number, number
		model["channelRequestId"] = sandbox.DefaultMerchantNo + number
		model["sign"] = onerway.Sign(onerway.Fields(model), onerway.ExcludedFromNotification, onerway.Conceal(sandbox.DefaultSecretKey))
		body, err := json.Marshal(model)
		if err != nil {
			return nil, fmt.Errorf("write a notification: %w", err)
		}
		notices = append(notices, notice{transaction: number, body: body})
	}
	return notices, nil
}

// deliver posts notifications one after the other and insists on their acknowledgement.
func deliver(ctx context.Context, addr string, notices []notice) error {
	c, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.close()
	for _, n := range notices {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		got, err := c.post("/v1/webhooks/onerway", "", n.body)
		if err != nil {
			return err
		}
		if got.status != http.StatusOK || string(got.body) != n.transaction {
			return fmt.Errorf("notification %s: %d %s", n.transaction, got.status, got.body)
		}
	}
	return nil
}
