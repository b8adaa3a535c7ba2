package ids_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"tillway/internal/ids"
)

func TestID_RoundTripsThroughTextJSONAndUUID(t *testing.T) {
	t.Parallel()

	id := ids.New[ids.OrderEntity]()
	require.True(t, strings.HasPrefix(id.String(), "ord_"), id.String())
	require.EqualValues(t, 7, id.UUID().Version())

	parsed, err := ids.Parse[ids.OrderEntity](id.String())
	require.NoError(t, err)
	require.Equal(t, id, parsed)

	encoded, err := json.Marshal(id)
	require.NoError(t, err)
	var decoded ids.Order
	require.NoError(t, json.Unmarshal(encoded, &decoded))
	require.Equal(t, id, decoded)

	require.Equal(t, id, ids.From[ids.OrderEntity](id.UUID()))
	require.Equal(t, id, ids.FromNullable[ids.OrderEntity](id.Nullable()))
}

func TestID_ZeroIsNone(t *testing.T) {
	t.Parallel()

	var none ids.Payment
	require.True(t, none.IsZero())
	require.Empty(t, none.String())
	require.Nil(t, none.Nullable())
	require.Equal(t, none, ids.FromNullable[ids.PaymentEntity](nil))
}

func TestParse_RefusesOtherEntitiesAndGarbage(t *testing.T) {
	t.Parallel()

	for _, text := range []string{
		"", "ord_", "ord", ids.New[ids.PaymentEntity]().String(), ids.New[ids.OrderEntity]().UUID().String(),
		"ord_" + strings.Repeat("z", 26), "ord_01jz3q8t9kf0p8v6m2c4x5y7z", "ORD_01jz3q8t9kf0p8v6m2c4x5y7za", "ord_\x00",
		strings.Repeat("ord_", 10_000),
	} {
		_, err := ids.Parse[ids.OrderEntity](text)
		require.ErrorIs(t, err, ids.ErrMalformed, text)
		require.Less(t, len(err.Error()), 200, "the error must not echo unbounded input")
	}
}

func TestNew_SortsByCreation(t *testing.T) {
	t.Parallel()

	previous := ids.New[ids.EventEntity]()
	for range 1000 {
		next := ids.New[ids.EventEntity]()
		require.Less(t, previous.String(), next.String())
		previous = next
	}
}

func TestTime_IsWhenTheIdentifierWasDrawn(t *testing.T) {
	t.Parallel()
	before := time.Now().Truncate(time.Millisecond)
	drawn := ids.New[ids.OrderEntity]().Time()
	require.False(t, drawn.Before(before))
	require.False(t, drawn.After(time.Now()))
}

func TestDerive_IsTheSameForTheSameAndForNothingElse(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 31, 12, 0, 0, 123_456_789, time.FixedZone("", 8*60*60))
	id := ids.Derive[ids.OrderEntity](at, "sub_1", "period", "2")
	require.Equal(t, "ord_01kn10rqkvfg1v10z78v3wp43t", id.String(), "it is the same for ever: orders bear it")
	require.Equal(t, id, ids.Derive[ids.OrderEntity](at.UTC(), "sub_1", "period", "2"))
	require.Equal(t, at.Truncate(time.Millisecond).UTC(), id.Time())
	require.EqualValues(t, 7, id.UUID().Version())
	require.Equal(t, uuid.RFC4122, id.UUID().Variant())
	parsed, err := ids.Parse[ids.OrderEntity](id.String())
	require.NoError(t, err)
	require.Equal(t, id, parsed)

	seen := map[uuid.UUID]string{id.UUID(): "itself"}
	for name, other := range map[string]uuid.UUID{
		"another time":            ids.Derive[ids.OrderEntity](at.Add(time.Millisecond), "sub_1", "period", "2").UUID(),
		"another part":            ids.Derive[ids.OrderEntity](at, "sub_1", "period", "3").UUID(),
		"another first part":      ids.Derive[ids.OrderEntity](at, "sub_2", "period", "2").UUID(),
		"other order":             ids.Derive[ids.OrderEntity](at, "period", "sub_1", "2").UUID(),
		"parts that end later":    ids.Derive[ids.OrderEntity](at, "sub_1p", "eriod", "2").UUID(),
		"parts joined":            ids.Derive[ids.OrderEntity](at, "sub_1period2").UUID(),
		"an empty part more":      ids.Derive[ids.OrderEntity](at, "sub_1", "period", "2", "").UUID(),
		"an empty part in front":  ids.Derive[ids.OrderEntity](at, "", "sub_1", "period", "2").UUID(),
		"no parts":                ids.Derive[ids.OrderEntity](at).UUID(),
		"one part that is empty":  ids.Derive[ids.OrderEntity](at, "").UUID(),
		"NUL where a part begins": ids.Derive[ids.OrderEntity](at, "sub_1", "period\x002").UUID(),
	} {
		require.NotContains(t, seen, other, name)
		seen[other] = name
	}
}
