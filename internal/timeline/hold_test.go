package timeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/orders"
)

// modifications answers captures and voids, and questions about them, with what the story says.
type modifications struct{ answer, found orders.Evidence }

func (m *modifications) Modify(context.Context, orders.ModificationOrder) orders.Evidence {
	m.answer.Source = orders.SourceAnswer
	return m.answer
}

func (m *modifications) FindModification(context.Context, orders.Query) (orders.Evidence, error) {
	m.found.Source = orders.SourceQuery
	return m.found, nil
}

// sweep settles the payments that are due.
func (b *testBundle) sweep() {
	b.t.Helper()
	due, err := b.service.ClaimDue(b.t.Context(), 10)
	require.NoError(b.t, err)
	require.NotEmpty(b.t, due)
	for _, p := range due {
		require.NoError(b.t, b.service.SettlePayment(b.t.Context(), p, time.Second))
	}
}

func TestTell_AHoldThatIsCapturedInTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.capture = orders.CaptureManual
	held := succeeded(t, "t-1")
	held.Outcome = orders.OutcomeAuthorized
	p := b.pay(merchant, held)
	b.notified(p, held)
	b.requireTold("held")

	b.modifications.answer = orders.Evidence{Outcome: orders.OutcomeDeclined, ProviderCode: "70002"}
	_, err := b.service.Capture(t.Context(), orders.CaptureRequest{Payment: p.ID, CorrelationID: "test"})
	require.Error(t, err)
	b.requireTold("capture_failed")

	b.modifications.answer = orders.Evidence{Outcome: orders.OutcomeUnknown}
	_, err = b.service.Capture(t.Context(), orders.CaptureRequest{Payment: p.ID, CorrelationID: "test"})
	require.NoError(t, err)
	b.requireTold("capture_unknown")

	b.wait(3 * time.Second)
	b.modifications.found = succeeded(t, "t-2")
	due, err := b.service.ClaimDueModifications(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	require.NoError(t, b.service.SettleModification(t.Context(), due[0], time.Second))
	b.requireTold("captured")
}

func TestTell_AHoldThatLapses(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *orders.CreateOrder) { c.ExpiresIn = 200 * time.Hour })
	b.capture = orders.CaptureManual
	held := succeeded(t, "t-1")
	held.Outcome = orders.OutcomeAuthorized
	p := b.pay(merchant, held)
	b.notified(p, held)
	b.wait(60 * time.Hour)
	b.sweep()
	b.requireTold("hold_expiring")
	b.wait(13 * time.Hour)
	b.asked(p, held)
	b.requireTold("hold_lapsed")
}

func TestTell_APartOfAHoldIsCaptured(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.capture = orders.CaptureManual
	held := succeeded(t, "t-1")
	held.Outcome = orders.OutcomeAuthorized
	p := b.pay(merchant, held)
	b.notified(p, held)
	part := succeeded(t, "t-2")
	part.Amount = eur(t, 1000)
	b.modifications.answer = part
	b.wait(time.Hour)
	_, err := b.service.Capture(t.Context(), orders.CaptureRequest{Payment: p.ID, CorrelationID: "test", Amount: new(int64(1000))})
	require.NoError(t, err)
	b.requireTold("part_captured")
}
