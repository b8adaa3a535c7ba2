package dunning_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/subscriptions/dunning"
)

func TestDefault_IsTheDesignsPlan(t *testing.T) {
	t.Parallel()

	require.NoError(t, dunning.Default().Validate("dunning"))
	text, err := json.Marshal(dunning.Default())
	require.NoError(t, err)
	require.JSONEq(t, `{"retry_days":[1,3,5,7,10],"give_up_days":14,"end":"unpaid","day_cap":10,"month_cap":18}`, string(text))
	again, err := dunning.Parse(text, dunning.Policy{}, "dunning")
	require.NoError(t, err)
	require.Equal(t, dunning.Default(), again)
}

func TestParse_TakesTheRestFromTheBase(t *testing.T) {
	t.Parallel()

	base := dunning.Default()
	for text, want := range map[string]dunning.Policy{
		`{}`:                 {RetryDays: []int{1, 3, 5, 7, 10}, GiveUpDays: 14, End: "unpaid", DayCap: 10, MonthCap: 18},
		`{"end":"cancel"}`:   {RetryDays: []int{1, 3, 5, 7, 10}, GiveUpDays: 14, End: "cancel", DayCap: 10, MonthCap: 18},
		`{"retry_days":[]}`:  {RetryDays: []int{}, GiveUpDays: 14, End: "unpaid", DayCap: 10, MonthCap: 18},
		`{"retry_days":[2]}`: {RetryDays: []int{2}, GiveUpDays: 14, End: "unpaid", DayCap: 10, MonthCap: 18},
		`{"retry_days":[1,59],"give_up_days":60,"day_cap":1,"month_cap":2}`: {
			RetryDays: []int{1, 59}, GiveUpDays: 60, End: "unpaid", DayCap: 1, MonthCap: 2,
		},
	} {
		got, err := dunning.Parse([]byte(text), base, "dunning")
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		require.Equal(t, dunning.Default(), base, "%s changed the base", text)
	}
	got, err := dunning.Parse([]byte(`{}`), base, "dunning")
	require.NoError(t, err)
	got.RetryDays[0] = 9
	require.Equal(t, dunning.Default(), base)
}

func TestParse_NamesTheMemberThatIsWrong(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]*fault.Error{
		``:                      fault.InvalidParam("dunning", "dunning must be a JSON object."),
		`null`:                  fault.InvalidParam("dunning", "dunning must be a JSON object."),
		`[1]`:                   fault.InvalidParam("dunning", "dunning must be a JSON object."),
		`{"end":"unpaid"`:       fault.InvalidParam("dunning", "dunning must be a JSON object."),
		`{"End":"unpaid"}`:      fault.New(fault.Invalid, "unknown_field", `dunning has no field "End".`).WithParam("dunning.End"),
		`{"days":[1]}`:          fault.New(fault.Invalid, "unknown_field", `dunning has no field "days".`).WithParam("dunning.days"),
		`{"retry_days":3}`:      fault.InvalidParam("dunning.retry_days", "dunning.retry_days is not of the right type."),
		`{"retry_days":[1.5]}`:  fault.InvalidParam("dunning.retry_days", "dunning.retry_days is not of the right type."),
		`{"retry_days":null}`:   fault.InvalidParam("dunning.retry_days", "dunning.retry_days is not of the right type."),
		`{"give_up_days":"14"}`: fault.InvalidParam("dunning.give_up_days", "dunning.give_up_days is not of the right type."),
		`{"end":null}`:          fault.InvalidParam("dunning.end", "dunning.end is not of the right type."),
		`{"end":"expire"}`:      fault.InvalidParam("dunning.end", "dunning.end must be unpaid or cancel."),
		`{"give_up_days":0}`:    fault.InvalidParam("dunning.give_up_days", "dunning.give_up_days must be 1 to 60."),
		`{"give_up_days":61}`:   fault.InvalidParam("dunning.give_up_days", "dunning.give_up_days must be 1 to 60."),
		`{"day_cap":0}`:         fault.InvalidParam("dunning.day_cap", "dunning.day_cap must be 1 to 10."),
		`{"day_cap":11}`:        fault.InvalidParam("dunning.day_cap", "dunning.day_cap must be 1 to 10."),
		`{"month_cap":0}`:       fault.InvalidParam("dunning.month_cap", "dunning.month_cap must be 1 to 18."),
		`{"month_cap":19}`:      fault.InvalidParam("dunning.month_cap", "dunning.month_cap must be 1 to 18."),
		`{"retry_days":[0]}`:    fault.InvalidParam("dunning.retry_days", "dunning.retry_days must be ascending, from 1, and before give_up_days."),
		`{"retry_days":[3,3]}`:  fault.InvalidParam("dunning.retry_days", "dunning.retry_days must be ascending, from 1, and before give_up_days."),
		`{"retry_days":[5,3]}`:  fault.InvalidParam("dunning.retry_days", "dunning.retry_days must be ascending, from 1, and before give_up_days."),
		`{"retry_days":[14]}`:   fault.InvalidParam("dunning.retry_days", "dunning.retry_days must be ascending, from 1, and before give_up_days."),
		`{"give_up_days":10}`:   fault.InvalidParam("dunning.retry_days", "dunning.retry_days must be ascending, from 1, and before give_up_days."),
		`{"give_up_days":60,"retry_days":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]}`: fault.InvalidParam("dunning.retry_days", "dunning.retry_days must be at most 18 days."),
	} {
		_, err := dunning.Parse([]byte(text), dunning.Default(), "dunning")
		var refused *fault.Error
		require.ErrorAs(t, err, &refused, text)
		require.Equal(t, want, refused.Because(nil), text)
	}
}
