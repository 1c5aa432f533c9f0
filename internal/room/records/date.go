package records

import (
	"errors"
	"math"
	"strings"
	"time"

	"postern.example/postern/internal/room/records/rawjson"
)

// Precision is how exactly a FHIR date is known.
type Precision uint8

// The precisions.
const (
	Year Precision = iota + 1
	Month
	Day
	Second
)

var errDate = errors.New("not a FHIR date")

// span is the time that a date covers, [low, high) in milliseconds of Unix
// time. A year is 365 days long here, not a point.
type span struct{ low, high int64 }

const (
	openLow  = math.MinInt64
	openHigh = math.MaxInt64
)

// parseDate reads date, dateTime and instant (FHIR R4 2.24.0.1). A date without
// a time zone counts as a day, month or year in UTC. short also allows hh:mm
// and a missing zone, as search values may have.
func parseDate(s string, short bool) (span, Precision, error) {
	day, clock, timed := strings.Cut(s, "T")
	y, m, d, prec, err := parseDay(day)
	if err != nil {
		return span{}, 0, err
	}
	start := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if start.Day() != d { // 31 April
		return span{}, 0, errDate
	}
	if timed {
		if prec != Day {
			return span{}, 0, errDate
		}
		return parseClock(start, clock, short)
	}
	end := start.AddDate(0, 0, 1)
	switch prec {
	case Year:
		end = start.AddDate(1, 0, 0)
	case Month:
		end = start.AddDate(0, 1, 0)
	}
	return span{start.UnixMilli(), end.UnixMilli()}, prec, nil
}

func parseDay(s string) (y, m, d int, p Precision, err error) {
	m, d, p = 1, 1, Year
	ok := len(s) == 4 || len(s) == 7 || len(s) == 10
	if ok {
		y, ok = number(s[:4])
	}
	if ok && len(s) >= 7 {
		p = Month
		m, ok = number(s[5:7])
		ok = ok && s[4] == '-'
	}
	if ok && len(s) == 10 {
		p = Day
		d, ok = number(s[8:10])
		ok = ok && s[7] == '-'
	}
	if !ok || y < 1 || m < 1 || m > 12 || d < 1 || d > 31 {
		return 0, 0, 0, 0, errDate
	}
	return y, m, d, p, nil
}

// parseClock reads hh:mm:ss(.fraction)(Z|+hh:mm) on the given day.
func parseClock(day time.Time, s string, short bool) (span, Precision, error) {
	clock, offset, ok := cutZone(s)
	if !ok && !short {
		return span{}, 0, errDate
	}
	var h, min, sec int
	length := int64(1000)
	good := len(clock) >= 5 && clock[2] == ':'
	if good {
		h, good = number(clock[:2])
	}
	if good {
		min, good = number(clock[3:5])
	}
	milli := int64(0)
	switch {
	case !good:
	case len(clock) == 5:
		good, length = short, 60_000
	case len(clock) < 8 || clock[5] != ':':
		good = false
	default:
		sec, good = number(clock[6:8])
		if good && len(clock) > 8 {
			milli, good = fraction(clock[8:])
			length = 1
		}
	}
	if !good || h > 23 || min > 59 || sec > 60 {
		return span{}, 0, errDate
	}
	low := day.UnixMilli() + int64(h*3600+min*60+sec)*1000 + milli - int64(offset)*60_000
	return span{low, low + length}, Second, nil
}

// cutZone takes the zone off a clock time; the offset is in minutes.
func cutZone(s string) (clock string, offset int, ok bool) {
	if c, found := strings.CutSuffix(s, "Z"); found {
		return c, 0, true
	}
	i := len(s) - 6
	if i < 0 || s[i] != '+' && s[i] != '-' {
		return s, 0, false
	}
	h, ok1 := number(s[i+1 : i+3])
	m, ok2 := number(s[i+4:])
	if !ok1 || !ok2 || s[i+3] != ':' || h > 14 || m > 59 {
		return s, 0, false
	}
	if offset = h*60 + m; s[i] == '-' {
		offset = -offset
	}
	return s[:i], offset, true
}

// fraction reads ".123456" as milliseconds.
func fraction(s string) (int64, bool) {
	if len(s) < 2 || len(s) > 10 || s[0] != '.' {
		return 0, false
	}
	if _, ok := number(s[1:]); !ok {
		return 0, false
	}
	n, _ := number((s[1:] + "00")[:3])
	return int64(n), true
}

func number(s string) (int, bool) {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, s != ""
}

// absurd reports whether a date cannot be one of a living person's care. Such a
// date is kept as written and flagged, and its resource is listed after the
// dated ones, so that the year 9999 does not stand above today's result.
func absurd(s span) bool {
	return s.low != openLow && odd(s.low) || s.high != openHigh && odd(s.high)
}

// The moments of a person's care lie between these, in milliseconds of Unix time.
const (
	earliest = -3_786_825_600_000 // 1850
	latest   = 5_680_281_600_000  // 2150
)

func odd(ms int64) bool { return ms < earliest || ms > latest }

// valueSpan is the time of a date or Period; ok is false where there is none, as for a
// Timing. Sources write the end of what goes on as 9999: such an end is open.
func valueSpan(v rawjson.Value) (s span, ok bool, err error) {
	switch v.Type() {
	case rawjson.String:
		s, _, err = parseDate(v.Text(), false)
		return s, err == nil, err
	case rawjson.Object:
	default:
		return span{}, false, nil
	}
	start, end := v.Get("start"), v.Get("end")
	if start.Type() == rawjson.Absent && end.Type() == rawjson.Absent {
		return span{}, false, nil
	}
	s = span{openLow, openHigh}
	if start.Type() != rawjson.Absent {
		one, _, err := parseDate(start.Text(), false)
		if err != nil {
			return span{}, false, err
		}
		s.low = one.low
	}
	if end.Type() != rawjson.Absent {
		one, _, err := parseDate(end.Text(), false)
		if err != nil {
			return span{}, false, err
		}
		if one.low < latest {
			s.high = one.high
		}
	}
	return s, true, nil
}
