package lifecycle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/subscriptions/lifecycle"
)

// statusTable is the truth table of Next, written again: a cell is the new status, or the verdict where the status stays.
const statusTable = `
from        begun   trial_begun  not_begun  paid     owed      given_up  paused   resumed  trial_resumed  canceled  ended
incomplete  active  trialing     expired    refused  refused   refused   refused  refused  refused        canceled  expired
trialing    same    same         refused    active   past_due  refused   paused   same     same           canceled  expired
active      same    same         refused    same     past_due  refused   paused   same     same           canceled  expired
past_due    same    same         refused    active   same      unpaid    paused   refused  refused        canceled  expired
unpaid      same    same         refused    active   same      same      refused  refused  refused        canceled  expired
paused      same    same         refused    same     same      same      same     active   trialing       canceled  expired
canceled    late    late         same       late     same      same      refused  refused  refused        same      same
expired     late    late         same       late     same      same      refused  refused  refused        same      same
`

// eventTable is that of Events, without "subscription."; "-" is none.
const eventTable = `
from        begun      trial_begun  not_begun  paid               owed      given_up  paused  resumed  trial_resumed  canceled  ended
incomplete  activated  activated    canceled   -                  -         -         -       -        -              canceled  canceled
trialing    -          -            -          renewed            past_due  -         paused  -        -              canceled  canceled
active      -          -            -          renewed            past_due  -         paused  -        -              canceled  canceled
past_due    -          -            -          renewed+recovered  -         unpaid    paused  -        -              canceled  canceled
unpaid      -          -            -          renewed+recovered  -         -         -       -        -              canceled  canceled
paused      -          -            -          renewed            -         -         -       resumed  resumed        canceled  canceled
canceled    -          -            -          -                  -         -         -       -        -              -         -
expired     -          -            -          -                  -         -         -       -        -              -         -
`

// commandTable is that of Allows.
const commandTable = `
status      cancel  cancel_at_period_end  pause  resume  change_card  change_terms  charge
incomplete  no      no                    no     no      no           no            no
trialing    yes     yes                   yes    no      yes          yes           yes
active      yes     yes                   yes    no      yes          yes           yes
past_due    yes     yes                   yes    no      yes          yes           yes
unpaid      yes     no                    no     no      yes          no            no
paused      yes     yes                   no     yes     yes          yes           no
canceled    no      no                    no     no      no           no            no
expired     no      no                    no     no      no           no            no
`

// requireTable holds a function of status and column to its table, every cell of it.
func requireTable[C ~string](t *testing.T, table string, columns []C, got func(lifecycle.Status, C) string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(table), "\n")
	var heads []C
	for _, head := range strings.Fields(lines[0])[1:] {
		heads = append(heads, C(head))
	}
	require.Equal(t, columns, heads)
	require.Len(t, lines[1:], len(lifecycle.Statuses()))
	for i, line := range lines[1:] {
		cells := strings.Fields(line)
		require.Len(t, cells, len(columns)+1, line)
		status := lifecycle.Statuses()[i]
		require.Equal(t, string(status), cells[0])
		for k, want := range cells[1:] {
			require.Equal(t, want, got(status, columns[k]), "%s × %s", status, columns[k])
		}
	}
}

func TestNext_FollowsItsTruthTable(t *testing.T) {
	t.Parallel()
	requireTable(t, statusTable, lifecycle.Happenings(), func(from lifecycle.Status, happening lifecycle.Happening) string {
		to, verdict := lifecycle.Next(from, happening)
		if verdict == lifecycle.VerdictMove {
			return string(to)
		}
		require.Equal(t, from, to)
		return string(verdict)
	})
}

func TestEvents_FollowTheirTable(t *testing.T) {
	t.Parallel()
	requireTable(t, eventTable, lifecycle.Happenings(), func(from lifecycle.Status, happening lifecycle.Happening) string {
		var told []string
		for _, event := range lifecycle.Events(from, happening) {
			name, ours := strings.CutPrefix(string(event), "subscription.")
			require.True(t, ours)
			told = append(told, name)
		}
		if told == nil {
			return "-"
		}
		return strings.Join(told, "+")
	})
}

func TestAllows_FollowsItsTruthTable(t *testing.T) {
	t.Parallel()
	requireTable(t, commandTable, lifecycle.Commands(), func(status lifecycle.Status, command lifecycle.Command) string {
		if lifecycle.Allows(status, command) {
			return "yes"
		}
		return "no"
	})
}

func TestNext_TellsOfEveryMoveAndNeverLeavesAnEnd(t *testing.T) {
	t.Parallel()

	for _, from := range lifecycle.Statuses() {
		for _, happening := range lifecycle.Happenings() {
			to, verdict := lifecycle.Next(from, happening)
			require.Equal(t, to != from, verdict == lifecycle.VerdictMove, "%s × %s", from, happening)
			require.False(t, from.Final() && to != from)
			if to != from {
				require.NotEmpty(t, lifecycle.Events(from, happening), "%s × %s", from, happening)
			}
			again, verdict := lifecycle.Next(to, happening)
			require.Equal(t, to, again, "%s × %s twice", from, happening)
			require.NotEqual(t, lifecycle.VerdictMove, verdict)
		}
	}
}

// What a command brings about can happen wherever the command is allowed, and nowhere may something be paused or resumed that
// the command refuses.
func TestAllows_AgreesWithNext(t *testing.T) {
	t.Parallel()

	for command, happenings := range map[lifecycle.Command][]lifecycle.Happening{
		lifecycle.CommandCancel:            {lifecycle.HappeningCanceled},
		lifecycle.CommandCancelAtPeriodEnd: {lifecycle.HappeningCanceled},
		lifecycle.CommandPause:             {lifecycle.HappeningPaused},
		lifecycle.CommandResume:            {lifecycle.HappeningResumed, lifecycle.HappeningTrialResumed},
		lifecycle.CommandCharge:            {lifecycle.HappeningPaid},
	} {
		for _, status := range lifecycle.Statuses() {
			for _, happening := range happenings {
				_, verdict := lifecycle.Next(status, happening)
				moves := verdict == lifecycle.VerdictMove
				if lifecycle.Allows(status, command) {
					require.True(t, moves || happening == lifecycle.HappeningPaid && verdict == lifecycle.VerdictSame, "%s × %s", status, command)
				} else if command == lifecycle.CommandPause || command == lifecycle.CommandResume {
					require.False(t, moves, "%s × %s", status, command)
				}
			}
		}
	}
}

func TestLifecycle_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()

	for _, status := range lifecycle.Statuses() {
		require.True(t, status.Valid())
	}
	require.False(t, lifecycle.Status("suspended").Valid())
	for _, from := range append(lifecycle.Statuses(), "of another version") {
		to, verdict := lifecycle.Next(from, "never heard of")
		require.Equal(t, from, to)
		require.Equal(t, lifecycle.VerdictRefused, verdict)
		require.Empty(t, lifecycle.Events(from, "never heard of"))
		require.False(t, lifecycle.Allows(from, "never heard of"))
	}
	to, verdict := lifecycle.Next("of another version", lifecycle.HappeningPaid)
	require.Equal(t, lifecycle.Status("of another version"), to)
	require.Equal(t, lifecycle.VerdictRefused, verdict)
	require.Empty(t, lifecycle.Events("of another version", lifecycle.HappeningPaid))
	require.False(t, lifecycle.Allows("of another version", lifecycle.CommandCancel))
}
