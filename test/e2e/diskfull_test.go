package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// diskFull makes PostgreSQL answer writes of payments as it does without room: SQLSTATE 53100. When says which writes.
func (w *world) diskFull(when string) {
	w.t.Helper()
	w.exec(`CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
		CREATE TRIGGER no_room BEFORE ` + when + ` ON payments FOR EACH ROW EXECUTE FUNCTION no_room()`)
}

func (w *world) diskFreed() {
	w.t.Helper()
	w.exec("DROP TRIGGER no_room ON payments")
}

func TestDiskFull_BeforeTheChargeRefusesAndChargesNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	o := w.service.createOrder(nil)
	pay := w.service.payCall(o.ID, goodCard, "k", nil)
	w.diskFull("INSERT")
	w.service.send(pay).requireDatabaseDown(t)
	w.service.send(pay).requireDatabaseDown(t)
	require.Equal(t, "open", w.service.order(o.ID).Status)
	require.Equal(t, []string{"order.created"}, w.service.history(o.ID))
	require.Empty(t, w.provider.books(o.ID).Transactions)
	w.diskFreed()
	w.service.send(pay).requireStatus(t, http.StatusCreated)
	w.requirePaidOnce(o.ID)
}

// TestDiskFull_AfterTheChargeLosesNothing: the money is taken and there is no room to write it down. The answer is kept and
// written later, or, when the process that keeps it dies, asked for again. Nobody notifies.
func TestDiskFull_AfterTheChargeLosesNothing(t *testing.T) {
	t.Parallel()
	w := start(t, with("CALLER_DEADLINE", "500ms"), with("NOT_FOUND_AFTER", "1h"))
	w.provider.silence()
	kept, dead := w.service.createOrder(nil), w.service.createOrder(nil)
	w.diskFull("UPDATE")
	p := into[payment](t, w.service.pay(kept.ID, goodCard, nil).requireStatus(t, http.StatusAccepted))
	require.Equal(t, "processing", p.Status)
	w.provider.requireOneSale(kept.ID)
	got, err := w.service.notify(t.Context(), noticeOf(p).but("transactionId", "2084000000000000998").signed(signingKey), nil)
	require.NoError(t, err)
	got.requireStatus(t, http.StatusOK) // what it says cannot be applied; itself it can be stored
	w.diskFreed()
	w.requirePaidOnce(kept.ID)

	w.diskFull("UPDATE")
	w.service.pay(dead.ID, goodCard, nil).requireStatus(t, http.StatusAccepted)
	w.provider.requireOneSale(dead.ID)
	w.service.kill(t)
	w.diskFreed()
	w.restart()
	w.claimsRunOut()
	w.requirePaidOnce(dead.ID)
}
