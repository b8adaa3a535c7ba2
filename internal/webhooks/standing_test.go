package webhooks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStanding_CountsWhatIsNotAppliedForAWeek(t *testing.T) {
	t.Parallel()
	b := setup(t)
	standing, err := b.receiver.Standing(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"unmatched": 0, "failed": 0, "dead": 0}, standing)

	b.acknowledged(t, saleOf("pay_nobody_has", "S").signed(t, secret))
	b.acknowledged(t, saleOf(b.payment(t).MerchantTxnID, "S").signed(t, secret))
	standing, err = b.receiver.Standing(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"unmatched": 1, "failed": 0, "dead": 0}, standing)

	b.clock.Store(int64(8 * 24 * time.Hour))
	standing, err = b.receiver.Standing(t.Context())
	require.NoError(t, err)
	require.Zero(t, standing["unmatched"], "of the week before")
}
