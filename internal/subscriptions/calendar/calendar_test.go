package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/fault"
	"tillway/internal/subscriptions/calendar"
)

const shown = "2006-01-02 15:04:05 -0700"

func zoneOf(t require.TestingT, name string) *time.Location {
	zone, err := calendar.Zone(name)
	require.NoError(t, err)
	return zone
}

// schedule begins at the anchor, which is written as its zone shows it.
func schedule(t *testing.T, zone, anchor string, count int, interval calendar.Interval) calendar.Schedule {
	t.Helper()
	at, err := time.Parse(shown, anchor)
	require.NoError(t, err)
	s := calendar.Schedule{Anchor: at, Zone: zoneOf(t, zone), Interval: interval, Count: count}
	require.NoError(t, s.Validate())
	require.Equal(t, anchor, at.In(s.Zone).Format(shown), "the anchor is not a time of the zone")
	return s
}

func TestStart_IsCountedFromTheAnchor(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct {
		zone, anchor string
		count        int
		interval     calendar.Interval
		starts       []string // from period 1 on
	}{
		"the 31st comes back after short months": {
			"UTC", "2025-01-31 09:30:00 +0000", 1, calendar.IntervalMonth,
			[]string{"2025-02-28 09:30:00 +0000", "2025-03-31 09:30:00 +0000", "2025-04-30 09:30:00 +0000", "2025-05-31 09:30:00 +0000"},
		},
		"February has 29 days in a leap year": {
			"UTC", "2028-01-31 00:00:00 +0000", 1, calendar.IntervalMonth,
			[]string{"2028-02-29 00:00:00 +0000", "2028-03-31 00:00:00 +0000"},
		},
		"a quarter across the end of a year": {
			"UTC", "2025-11-30 00:00:00 +0000", 3, calendar.IntervalMonth,
			[]string{"2026-02-28 00:00:00 +0000", "2026-05-30 00:00:00 +0000", "2026-08-30 00:00:00 +0000"},
		},
		"a leap day comes back every fourth year": {
			"UTC", "2024-02-29 12:00:00 +0000", 1, calendar.IntervalYear,
			[]string{"2025-02-28 12:00:00 +0000", "2026-02-28 12:00:00 +0000", "2027-02-28 12:00:00 +0000", "2028-02-29 12:00:00 +0000"},
		},
		"the clock on the wall stays the same in summer": {
			"Europe/Berlin", "2026-03-28 08:00:00 +0100", 1, calendar.IntervalDay,
			[]string{"2026-03-29 08:00:00 +0200", "2026-03-30 08:00:00 +0200"},
		},
		"and in winter": {
			"Europe/Berlin", "2026-10-11 08:00:00 +0200", 1, calendar.IntervalWeek,
			[]string{"2026-10-18 08:00:00 +0200", "2026-10-25 08:00:00 +0100"},
		},
		"a time that is jumped over moves forward": {
			"Europe/Berlin", "2026-02-28 02:30:00 +0100", 29, calendar.IntervalDay,
			[]string{"2026-03-29 03:30:00 +0200", "2026-04-27 02:30:00 +0200"},
		},
		"by half an hour where that is jumped": {
			"Australia/Lord_Howe", "2026-09-04 02:10:00 +1030", 1, calendar.IntervalMonth,
			[]string{"2026-10-04 02:40:00 +1100", "2026-11-04 02:10:00 +1100"},
		},
		"at midnight, where the day begins at one": {
			"America/Sao_Paulo", "2018-10-04 00:00:00 -0300", 1, calendar.IntervalMonth,
			[]string{"2018-11-04 01:00:00 -0200", "2018-12-04 00:00:00 -0200"},
		},
		"of a time that comes twice the first counts": {
			"Europe/Berlin", "2026-09-25 02:30:00 +0200", 1, calendar.IntervalMonth,
			[]string{"2026-10-25 02:30:00 +0200", "2026-11-25 02:30:00 +0100"},
		},
		"but the anchor is what it is": {
			"Europe/Berlin", "2026-10-25 02:30:00 +0100", 1, calendar.IntervalDay,
			[]string{"2026-10-26 02:30:00 +0100"},
		},
		"a day that is left out": {
			"Pacific/Apia", "2011-12-29 10:00:00 -1000", 1, calendar.IntervalDay,
			[]string{"2011-12-31 10:00:00 +1400", "2011-12-31 10:00:00 +1400", "2012-01-01 10:00:00 +1400"},
		},
		"a zone without summer time": {
			"Asia/Shanghai", "2026-03-01 00:00:00 +0800", 2, calendar.IntervalWeek,
			[]string{"2026-03-15 00:00:00 +0800", "2026-03-29 00:00:00 +0800", "2026-04-12 00:00:00 +0800"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := schedule(t, tc.zone, tc.anchor, tc.count, tc.interval)
			require.Equal(t, s.Anchor.UTC(), s.Start(0))
			for i, want := range tc.starts {
				start := s.Start(i + 1)
				require.Equal(t, want, start.In(s.Zone).Format(shown), "period %d", i+1)
				require.Equal(t, time.UTC, start.Location())
			}
		})
	}
}

func TestIndex_IsClosedOpen(t *testing.T) {
	t.Parallel()

	s := schedule(t, "UTC", "2025-01-31 09:30:00 +0000", 1, calendar.IntervalMonth)
	for n := range 30 {
		require.Equal(t, n, s.Index(s.Start(n)))
		require.Equal(t, n-1, s.Index(s.Start(n).Add(-time.Nanosecond)))
	}
	require.Equal(t, -1, s.Index(s.Anchor.AddDate(-3, 0, 0)))
}

func TestNext_BeginsAfterTheMoment(t *testing.T) {
	t.Parallel()

	s := schedule(t, "UTC", "2025-01-31 09:30:00 +0000", 1, calendar.IntervalMonth)
	for _, tc := range []struct {
		after time.Time
		n     int
	}{
		{s.Anchor.AddDate(-1, 0, 0), 0},
		{s.Anchor.Add(-time.Nanosecond), 0},
		{s.Anchor, 1},
		{s.Start(1).Add(-time.Nanosecond), 1},
		{s.Start(1), 2},
		{s.Start(40).Add(time.Hour), 41},
	} {
		n, start := s.Next(tc.after)
		require.Equal(t, tc.n, n, tc.after)
		require.Equal(t, s.Start(tc.n), start)
	}
}

func TestIndexAndNext_PassOverAnEmptyPeriod(t *testing.T) {
	t.Parallel()

	s := schedule(t, "Pacific/Apia", "2011-12-29 10:00:00 -1000", 1, calendar.IntervalDay)
	require.Equal(t, s.Start(1), s.Start(2))
	require.Equal(t, 2, s.Index(s.Start(1)))
	n, start := s.Next(s.Anchor)
	require.Equal(t, 2, n)
	require.Equal(t, s.Start(2), start)
}

func TestFrom_GoesOnWhereAPeriodBegins_AndKeepsTheDay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		anchor   string
		from     int
		interval calendar.Interval
		count    int
		starts   []string
	}{
		"the 31st comes back":              {"2027-01-31 10:00:00 +0100", 1, calendar.IntervalMonth, 2, []string{"2027-02-28", "2027-04-30", "2027-06-30", "2027-08-31"}},
		"every quarter":                    {"2027-01-31 10:00:00 +0100", 1, calendar.IntervalMonth, 3, []string{"2027-02-28", "2027-05-31", "2027-08-31"}},
		"every year, of a day that it has": {"2027-01-31 10:00:00 +0100", 2, calendar.IntervalYear, 1, []string{"2027-03-31", "2028-03-31"}},
		"no other February has 31 days":    {"2027-01-31 10:00:00 +0100", 1, calendar.IntervalYear, 1, []string{"2027-02-28", "2028-02-28"}},
		"but some have 29":                 {"2027-01-29 10:00:00 +0100", 1, calendar.IntervalYear, 1, []string{"2027-02-28", "2028-02-29"}},
		"weeks are counted from the day":   {"2027-01-31 10:00:00 +0100", 1, calendar.IntervalWeek, 1, []string{"2027-02-28", "2027-03-07"}},
		"from the first":                   {"2027-01-31 10:00:00 +0100", 0, calendar.IntervalYear, 1, []string{"2027-01-31", "2028-01-31"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := schedule(t, "Europe/Berlin", tc.anchor, 1, calendar.IntervalMonth)
			next, first := s.From(s.Start(tc.from), tc.interval, tc.count)
			require.NoError(t, next.Validate())
			for i, want := range tc.starts {
				require.Equal(t, want+" 10:00", next.Start(first+i).In(s.Zone).Format("2006-01-02 15:04"))
			}
		})
	}
}

func TestAddDays_IsHowATrialEnds(t *testing.T) {
	t.Parallel()

	berlin := zoneOf(t, "Europe/Berlin")
	created := time.Date(2026, 3, 25, 22, 15, 0, 0, time.UTC) // 23:15 in Berlin
	require.Equal(t, "2026-04-01 23:15:00 +0200", calendar.AddDays(created, berlin, 7).In(berlin).Format(shown))
	require.Equal(t, "2026-03-29 03:30:00 +0200",
		calendar.AddDays(time.Date(2026, 3, 28, 1, 30, 0, 0, time.UTC), berlin, 1).In(berlin).Format(shown))
	second := time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC) // the second 02:30
	require.Equal(t, second, calendar.AddDays(second, berlin, 0))
}

func TestValidate_NamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()

	good := calendar.Schedule{Anchor: time.Unix(1_790_000_000, 0), Zone: time.UTC, Interval: calendar.IntervalMonth, Count: 1}
	require.NoError(t, good.Validate())
	for name, tc := range map[string]struct {
		spoil func(*calendar.Schedule)
		param string
		text  string
	}{
		"no interval":       {func(s *calendar.Schedule) { s.Interval = "" }, "interval", "interval must be one of day, week, month and year."},
		"another interval":  {func(s *calendar.Schedule) { s.Interval = "Month" }, "interval", "interval must be one of day, week, month and year."},
		"no count":          {func(s *calendar.Schedule) { s.Count = 0 }, "interval_count", "interval_count must be 1 to 12 for interval month."},
		"a negative count":  {func(s *calendar.Schedule) { s.Count = -1 }, "interval_count", "interval_count must be 1 to 12 for interval month."},
		"no zone":           {func(s *calendar.Schedule) { s.Zone = nil }, "time_zone", "time_zone must be set."},
		"no anchor":         {func(s *calendar.Schedule) { s.Anchor = time.Time{} }, "anchor", "anchor must be a moment in whole seconds."},
		"part of a second":  {func(s *calendar.Schedule) { s.Anchor = time.Unix(0, 1) }, "anchor", "anchor must be a moment in whole seconds."},
		"more than a month": {func(s *calendar.Schedule) { s.Count = 13 }, "interval_count", "interval_count must be 1 to 12 for interval month."},
	} {
		bad := good
		tc.spoil(&bad)
		var refused *fault.Error
		require.ErrorAs(t, bad.Validate(), &refused, name)
		require.Equal(t, fault.InvalidParam(tc.param, "%s", tc.text), refused, name)
	}
	for interval, most := range map[calendar.Interval]int{
		calendar.IntervalDay: 365, calendar.IntervalWeek: 52, calendar.IntervalMonth: 12, calendar.IntervalYear: 1, "hour": 0,
	} {
		s := good
		s.Interval, s.Count = interval, most
		require.Equal(t, most > 0, s.Validate() == nil, interval)
		s.Count++
		require.Error(t, s.Validate(), interval)
	}
}

func TestZone_IsAnIANANameAlone(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"UTC", "Europe/Berlin", "Pacific/Apia"} {
		require.Equal(t, name, zoneOf(t, name).String())
	}
	for _, name := range []string{"", "Local", "Europe/Atlantis", "+02:00", "../etc/passwd", "/etc/localtime"} {
		zone, err := calendar.Zone(name)
		require.Nil(t, zone, name)
		require.Equal(t, fault.InvalidParam("time_zone", "time_zone must be an IANA name, such as Europe/Berlin."), err, name)
	}
}

func TestMinDays_IsTheShortestTimeBetweenTwoCharges(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct {
		anchor   string
		count    int
		interval calendar.Interval
		bought   string // with the anchor where empty
		late     int
		want     int
	}{
		"a day cannot be less":                {"2026-01-31", 1, calendar.IntervalDay, "", 0, 1},
		"thirty days":                         {"2026-01-31", 30, calendar.IntervalDay, "", 0, 29},
		"a week":                              {"2026-01-31", 1, calendar.IntervalWeek, "", 0, 6},
		"a week, when dunning lasts two":      {"2026-01-31", 1, calendar.IntervalWeek, "", 14, 1},
		"a month":                             {"2026-01-15", 1, calendar.IntervalMonth, "", 0, 27},
		"a month at the end of it":            {"2026-01-31", 1, calendar.IntervalMonth, "", 0, 27},
		"a month on the 30th":                 {"2026-01-30", 1, calendar.IntervalMonth, "", 0, 28},
		"a month that may be two weeks late":  {"2026-01-15", 1, calendar.IntervalMonth, "", 14, 13},
		"a quarter":                           {"2026-01-15", 3, calendar.IntervalMonth, "", 0, 89},
		"half a year is more than two digits": {"2026-01-15", 6, calendar.IntervalMonth, "", 0, 99},
		"a year":                              {"2026-01-15", 1, calendar.IntervalYear, "", 14, 99},
		"after a week of trial":               {"2026-01-15", 1, calendar.IntervalMonth, "2026-01-08", 0, 6},
		"after a long trial":                  {"2026-01-15", 1, calendar.IntervalMonth, "2025-01-15", 0, 27},
		"a card given in mid-period":          {"2026-01-15", 1, calendar.IntervalMonth, "2026-04-20", 0, 24},
		"a card given the day before":         {"2026-01-15", 1, calendar.IntervalMonth, "2026-04-14", 0, 1},
	} {
		s := schedule(t, "UTC", tc.anchor+" 12:00:00 +0000", tc.count, tc.interval)
		bought := s.Anchor
		if tc.bought != "" {
			bought = schedule(t, "UTC", tc.bought+" 12:00:00 +0000", 1, calendar.IntervalDay).Anchor
		}
		require.Equal(t, tc.want, s.MinDays(bought, tc.late), name)
	}
}
