package view_test

import (
	"testing"
	"time"

	"postern.example/postern/internal/door/web/view"
)

func f(v float64) *float64 { return &v }

func TestAssess(t *testing.T) {
	between := view.Usual{Low: f(3.5), High: f(5.1)}
	upTo := view.Usual{High: f(100)}
	from := view.Usual{Low: f(60)}
	for _, k := range []struct {
		name  string
		value *float64
		usual view.Usual
		flag  string
		want  view.Standing
	}{
		{"inside", f(4.4), between, "", view.StandingIn},
		{"on the upper bound", f(5.1), between, "", view.StandingIn},
		{"a little high", f(5.3), between, "", view.StandingLittleHigh},
		{"high", f(6.4), between, "", view.StandingHigh},
		{"a little low", f(3.3), between, "", view.StandingLittleLow},
		{"low", f(2), between, "", view.StandingLow},
		{"nearly nothing of what begins low", f(0.01), view.Usual{Low: f(0.4), High: f(4)}, "", view.StandingLow},
		{"a little above what must be plain below", f(5.3), view.Usual{Low: f(3.5), High: f(5.1), PlainLow: true}, "", view.StandingLittleHigh},
		{"plain above", f(5.2), view.Usual{Low: f(3.5), High: f(5.1), PlainHigh: true}, "", view.StandingHigh},
		{"plain below", f(3.4), view.Usual{Low: f(3.5), High: f(5.1), PlainLow: true}, "L", view.StandingLow},
		{"plain, and critical by the laboratory", f(3.4), view.Usual{Low: f(3.5), High: f(5.1), PlainLow: true}, "LL", view.StandingVeryLow},
		{"open below", f(118), upTo, "", view.StandingLittleHigh},
		{"far above an open range", f(190), upTo, "", view.StandingHigh},
		{"open above", f(20), from, "", view.StandingLow},
		{"critical by the laboratory", f(6.4), between, "HH", view.StandingVeryHigh},
		{"critical low", f(2), between, "LL", view.StandingVeryLow},
		{"no range", f(2), view.Usual{}, "", view.StandingNone},
		{"no range but a flag", f(2), view.Usual{}, "L", view.StandingLow},
		{"no number", nil, between, "N", view.StandingIn},
		{"no number, high", nil, between, "H", view.StandingHigh},
		{"in the range, and marked high", f(4.4), between, "H", view.StandingMarked},
		{"in the range, and marked", f(4.4), between, "A", view.StandingMarked},
		{"in the range, and marked normal", f(4.4), between, "N", view.StandingIn},
		{"above the range, and marked", f(6.4), between, "A", view.StandingHigh},
		{"positive, and marked", nil, view.Usual{}, "A", view.StandingMarked},
		{"positive, and critical", nil, view.Usual{}, "AA", view.StandingCritical},
		{"in the range, and critical", f(4.4), between, "AA", view.StandingCritical},
		{"a little high, and critical", f(5.3), between, "AA", view.StandingVeryHigh},
		{"low, and critical", f(2), between, "AA", view.StandingVeryLow},
	} {
		if got := view.Assess(k.value, k.usual, k.flag); got != k.want {
			t.Errorf("%s: %s, want %s", k.name, got.ID(), k.want.ID())
		}
	}
	if view.Standing(99).ID() != "standing.none" {
		t.Error("an unknown standing says nothing")
	}
}

func TestAssessBeyond(t *testing.T) {
	between, upTo, from := view.Usual{Low: f(70), High: f(99)}, view.Usual{High: f(10)}, view.Usual{Low: f(60)}
	for _, k := range []struct {
		sign  string
		value float64
		usual view.Usual
		flag  string
		want  view.Standing
	}{
		{">", 600, between, "", view.StandingHigh},
		{">", 99, between, "", view.StandingHigh},
		{">=", 99, between, "", view.StandingNone},
		{">", 80, between, "", view.StandingNone},
		{">", 600, between, "HH", view.StandingVeryHigh},
		{"<", 20, between, "", view.StandingLow},
		{"<=", 70, between, "", view.StandingNone},
		{"<", 80, between, "", view.StandingNone},
		{"<", 5, upTo, "", view.StandingIn},
		{"<", 12, upTo, "", view.StandingNone},
		{">", 12, upTo, "", view.StandingHigh},
		{">", 60, from, "", view.StandingIn},
		{">", 30, from, "", view.StandingNone},
		{"<", 15, from, "", view.StandingLow},
		{"<", 15, from, "A", view.StandingMarked},
		{"<", 15, view.Usual{}, "", view.StandingNone},
	} {
		if got := view.AssessBeyond(k.sign, k.value, k.usual, k.flag); got != k.want {
			t.Errorf("%s %v: %s, want %s", k.sign, k.value, got.ID(), k.want.ID())
		}
	}
}

func TestTrend(t *testing.T) {
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, k := range []struct {
		name   string
		values []float64
		want   view.Drift
		since  int // months after start
	}{
		{"too few", []float64{1, 2}, view.DriftNone, 0},
		{"rising", []float64{4, 5, 6, 7}, view.DriftRising, 0},
		{"falling through noise", []float64{9, 9.1, 8.5, 8.7, 8.2, 8.3, 7.8, 7.4}, view.DriftFalling, 0},
		{"turned", []float64{9, 8, 7, 6, 5, 6, 7, 8}, view.DriftRising, 4},
		{"up and down", []float64{5, 9, 5, 9, 5}, view.DriftMixed, 0},
		{"three at the end are no direction", []float64{10, 10, 10, 10, 10, 10, 10, 10, 10, 8, 9, 10}, view.DriftMixed, 0},
		{"three alone are", []float64{8, 9, 10}, view.DriftRising, 0},
		{"hardly moved", []float64{100, 101, 102}, view.DriftSteady, 0},
		{"flat", []float64{4, 4, 4}, view.DriftSteady, 0},
	} {
		var rs []view.Reading
		for i, v := range k.values {
			rs = append([]view.Reading{{At: start.AddDate(0, i, 0), Number: f(v)}}, rs...) // newest first: order must not matter
		}
		rs = append(rs, view.Reading{Value: "not done"})
		got, since := view.Trend(rs)
		if got != k.want || got == view.DriftRising && !since.Equal(start.AddDate(0, k.since, 0)) {
			t.Errorf("%s: %q since %v", k.name, got.ID(), since)
		}
	}
}

func TestParseDay(t *testing.T) {
	for s, want := range map[string]view.Day{"2026": {2026, 0, 0}, "2026-05": {2026, 5, 0}, "2026-05-03": {2026, 5, 3},
		"2026-05-03T23:10:00-05:00": {2026, 5, 3}, "": {}, "May 3": {}, "2026-13-01": {}} {
		if got := view.ParseDay(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

// A baby has months, and nobody is a year older the day before the birthday.
func TestAgeOn(t *testing.T) {
	on := func(s string) time.Time { d, _ := time.Parse(time.DateOnly, s); return d }
	for _, k := range []struct {
		born, now string
		want      view.Age
	}{
		{"2020-11-27", "2026-11-26", view.Age{Years: 5, Months: 71}}, {"2020-11-26", "2026-11-26", view.Age{Years: 6, Months: 72}},
		{"2026-10-31", "2026-11-30", view.Age{}}, {"2025-09-26", "2026-11-26", view.Age{Years: 1, Months: 14}},
		{"2024-02-29", "2026-02-28", view.Age{Years: 1, Months: 23}},
		{"2020", "2026-11-26", view.AgeUnknown()}, {"2027-01-01", "2026-11-26", view.AgeUnknown()},
	} {
		if got := view.AgeOn(view.ParseDay(k.born), on(k.now)); got != k.want {
			t.Errorf("born %s, on %s: %+v", k.born, k.now, got)
		}
	}
}
