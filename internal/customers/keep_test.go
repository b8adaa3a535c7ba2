package customers_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tillway/internal/cards"
	"tillway/internal/customers"
	"tillway/internal/details"
	"tillway/internal/fault"
	"tillway/internal/idempotency"
	"tillway/internal/ids"
	"tillway/internal/page"
)

// vault is a provider in memory. What it answers to a binding can be spoilt after the card was kept.
type vault struct {
	mu      sync.Mutex
	kept    map[string][]customers.KeptCard // by the name under which
	binds   int
	spoil   func(customers.Bound) customers.Bound
	during  func() // while a card is being kept
	token   string // the next card's, else a fresh one
	away    error  // what questions and removals fail with
	removed int
}

func (v *vault) Bind(_ context.Context, b customers.Binding) customers.Bound {
	v.mu.Lock()
	v.binds++
	bound := customers.Bound{Result: customers.ResultKept, Token: cards.NewToken("tok-" + rand.Text())}
	if v.token != "" {
		bound.Token = cards.NewToken(v.token)
	}
	if v.kept == nil {
		v.kept = map[string][]customers.KeptCard{}
	}
	n := b.Card.Number
	v.kept[b.ProviderCustomer] = append(v.kept[b.ProviderCustomer], customers.KeptCard{
		Token: bound.Token, First6: n[:6], Last4: n[len(n)-4:], ExpMonth: b.Card.ExpMonth, ExpYear: b.Card.ExpYear,
	})
	spoil, during := v.spoil, v.during
	v.mu.Unlock()
	if during != nil {
		during()
	}
	if spoil != nil {
		return spoil(bound)
	}
	return bound
}

func (v *vault) Kept(_ context.Context, name string) ([]customers.KeptCard, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.kept[name]), v.away
}

func (v *vault) Remove(_ context.Context, name string, token cards.Token) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.away != nil {
		return v.away
	}
	v.removed++
	v.kept[name] = slices.DeleteFunc(v.kept[name], func(k customers.KeptCard) bool { return k.Token.Reveal() == token.Reveal() })
	return nil
}

// set changes the vault while it may be in use.
func (v *vault) set(change func(*vault)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

// count is how many cards are kept under a name.
func (v *vault) count(name string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.kept[name])
}

func lost(customers.Bound) customers.Bound { return customers.Bound{Result: customers.ResultUnknown} }

const pan = "4761344136141390"

func testCard() cards.Card {
	return cards.Card{Number: pan, ExpMonth: 12, ExpYear: 2030, CVC: "123", HolderName: "A B"}
}

func claimed(name string) idempotency.Claim {
	c := idempotency.Claim{Principal: "storefront", Key: name}
	copy(c.Fingerprint[:], name)
	return c
}

func (b *testBundle) payer(t *testing.T) customers.Customer {
	t.Helper()
	return b.create(t, customers.CreateRequest{
		Name: "Zaphod Beeblebrox", Email: "zaphod@heart.example",
		Billing: &details.Contact{Address: &details.Address{Country: "DE", Line1: "Presidentway"}},
	})
}

func (b *testBundle) keep(customer ids.Customer, key string) (customers.Kept, error) {
	return b.service.Keep(context.Background(), customers.KeepRequest{
		Idempotency: claimed(key), CorrelationID: "c", Customer: customer, Card: testCard(),
		Metadata: details.Metadata{"note": "Marvin"},
	})
}

func (b *testBundle) rows(t *testing.T) int {
	t.Helper()
	var n int
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT count(*) FROM payment_methods").Scan(&n))
	return n
}

func requireCode(t *testing.T, err error, code string) {
	t.Helper()
	shown, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, code, shown.Code)
}

func TestKeep_SealsTheTokenToItsRow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.payer(t)
	b.vault.set(func(v *vault) { v.token = "tok-secret" })
	kept, err := b.keep(who.ID, "k")
	require.NoError(t, err)
	saved, err := b.service.Open(t.Context(), who.ID, kept.Method.ID)
	require.NoError(t, err)
	require.Equal(t, "tok-secret", saved.Token.Reveal())
	require.Equal(t, who.ID.String(), saved.ProviderCustomer)

	rows, err := b.pool.Query(t.Context(), "SELECT p::text FROM payment_methods p UNION ALL SELECT e::text FROM customer_events e")
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, secret := range []string{"tok-secret", "746f6b2d736563726574", pan, "41361413"} {
		require.NotContains(t, strings.Join(lines, "\n"), secret)
	}
	// In another row the sealed token opens for nobody.
	b.vault.set(func(v *vault) { v.token = "" })
	other, err := b.keep(who.ID, "k2")
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), `UPDATE payment_methods SET token_sealed =
		(SELECT token_sealed FROM payment_methods WHERE id = $1) WHERE id = $2`, kept.Method.ID.UUID(), other.Method.ID.UUID())
	require.NoError(t, err)
	_, err = b.service.Open(t.Context(), who.ID, other.Method.ID)
	require.ErrorContains(t, err, "open the token")
}

func TestKeep_ATokenThatIsKnownIsTheMethodThatHasIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.payer(t)
	b.vault.set(func(v *vault) { v.token = "tok-same" })
	first, err := b.keep(who.ID, "1")
	require.NoError(t, err)
	second, err := b.keep(who.ID, "2")
	require.NoError(t, err)
	require.Equal(t, first.Method.ID, second.Method.ID)
	require.Equal(t, 1, b.rows(t))
}

func TestKeep_ALostAnswerIsLookedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.payer(t)
	before, err := b.keep(who.ID, "before") // the same card, known already
	require.NoError(t, err)
	b.vault.set(func(v *vault) { v.spoil = lost })
	_, err = b.keep(who.ID, "k")
	requireCode(t, err, "payment_method_unconfirmed")
	_, err = b.keep(who.ID, "other")
	requireCode(t, err, "payment_method_in_progress")
	b.vault.set(func(v *vault) { v.away = errors.New("away") })
	_, err = b.keep(who.ID, "k")
	requireCode(t, err, "payment_method_unconfirmed")
	b.vault.set(func(v *vault) { v.away = nil })
	found, err := b.keep(who.ID, "k")
	require.NoError(t, err)
	require.NotEqual(t, before.Method.ID, found.Method.ID)
	require.Equal(t, 2, b.vault.binds, "what was kept is taken, and not kept again")

	// Where it was not kept, it is kept now.
	b.vault.set(func(v *vault) {
		v.spoil = func(customers.Bound) customers.Bound {
			v.kept[who.ID.String()] = v.kept[who.ID.String()][:2]
			return lost(customers.Bound{})
		}
	})
	_, err = b.keep(who.ID, "never")
	requireCode(t, err, "payment_method_unconfirmed")
	b.vault.set(func(v *vault) { v.spoil = nil })
	_, err = b.keep(who.ID, "never")
	require.NoError(t, err)
	require.Equal(t, 4, b.vault.binds)
}

func TestKeep_WhileTheFirstRequestRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.payer(t)
	entered, release := make(chan struct{}), make(chan struct{})
	b.vault.set(func(v *vault) { v.during = func() { close(entered); <-release } })
	done := make(chan error, 1)
	go func() {
		_, err := b.keep(who.ID, "k")
		done <- err
	}()
	<-entered
	_, err := b.keep(who.ID, "k")
	requireCode(t, err, "idempotency_in_flight")
	close(release)
	require.NoError(t, <-done)
	again, err := b.keep(who.ID, "k")
	require.NoError(t, err)
	require.True(t, again.Replayed)
}

func TestKeep_NobodyRepeatsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.payer(t)
	kept, err := b.keep(who.ID, "kept")
	require.NoError(t, err)
	b.vault.set(func(v *vault) { v.spoil = lost })
	_, err = b.keep(who.ID, "k")
	requireCode(t, err, "payment_method_unconfirmed")
	require.Equal(t, 2, b.vault.count(who.ID.String()))
	b.work(t)
	require.Eventually(t, func() bool { return b.vault.count(who.ID.String()) == 1 && b.rows(t) == 1 }, patience, 50*time.Millisecond)
	_, err = b.service.Open(t.Context(), who.ID, kept.Method.ID)
	require.NoError(t, err, "what is known is left alone")
	b.vault.set(func(v *vault) { v.spoil = nil })
	_, err = b.keep(who.ID, "k")
	require.NoError(t, err, "the key is free again")
}

func TestDetach_TheProviderForgets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who, other := b.payer(t), b.payer(t)
	kept, err := b.keep(who.ID, "k")
	require.NoError(t, err)
	_, err = b.service.Open(t.Context(), other.ID, kept.Method.ID)
	requireCode(t, err, "payment_method_not_allowed")
	_, err = b.service.Detach(t.Context(), kept.Method.ID)
	require.NoError(t, err)
	_, err = b.service.Open(t.Context(), who.ID, kept.Method.ID)
	requireCode(t, err, "payment_method_not_allowed")
	b.work(t)
	require.Eventually(t, func() bool { return b.vault.count(who.ID.String()) == 0 }, patience, 50*time.Millisecond)
	require.Eventually(t, func() bool {
		var gone bool
		err := b.pool.QueryRow(t.Context(), "SELECT token_sealed IS NULL AND token_digest IS NULL FROM payment_methods").Scan(&gone)
		return err == nil && gone
	}, patience, 50*time.Millisecond)
}

func TestDelete_LetsTheMethodsGo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.erase = func(context.Context, ids.Customer) error { return nil }
	who := b.payer(t)
	kept, err := b.keep(who.ID, "k")
	require.NoError(t, err)
	// A card that is just being kept finds nobody to belong to.
	b.vault.set(func(v *vault) {
		v.during = func() {
			_, err := b.service.Delete(context.Background(), who.ID)
			if err != nil {
				panic(err)
			}
		}
	})
	_, err = b.keep(who.ID, "late")
	requireCode(t, err, "parameter_invalid")
	m, err := b.service.Method(t.Context(), kept.Method.ID)
	require.NoError(t, err)
	require.Equal(t, customers.StatusDetached, m.Status)
	require.Empty(t, m.Metadata)
	b.work(t)
	require.Eventually(t, func() bool { return b.vault.count(who.ID.String()) == 0 }, patience, 50*time.Millisecond)

	rows, err := b.pool.Query(t.Context(), `SELECT p::text FROM payment_methods p UNION ALL SELECT e::text FROM customer_events e
		UNION ALL SELECT c::text FROM customers c`)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, word := range []string{"Zaphod", "heart.example", "Presidentway", "Marvin"} {
		require.NotContains(t, strings.Join(lines, "\n"), word)
	}
	_, err = b.service.Methods(t.Context(), who.ID, page.Request{Limit: 10})
	requireCode(t, err, "resource_missing")
	_, err = b.pool.Exec(t.Context(), "UPDATE customer_events SET type = 'payment_method.attached'")
	require.ErrorContains(t, err, "append-only")
}

func TestStatus_TruthTable(t *testing.T) {
	t.Parallel()
	moves := map[customers.Status]map[customers.Event]customers.Status{
		customers.StatusPending: {
			customers.EventKept: customers.StatusActive, customers.EventOrphaned: customers.StatusDetached,
			customers.EventDeclined: customers.StatusFailed,
		},
		customers.StatusActive: {customers.EventDetach: customers.StatusDetached},
	}
	for _, s := range customers.Statuses() {
		require.True(t, s.Valid())
		for _, e := range customers.Events() {
			want, ok := moves[s][e]
			if !ok {
				want = s
			}
			got, moved := s.On(e)
			require.Equal(t, []any{want, ok}, []any{got, moved}, "%s %s", s, e)
		}
	}
	require.False(t, customers.Status("other").Valid())
}
