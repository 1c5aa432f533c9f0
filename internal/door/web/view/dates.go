package view

import (
	"strconv"
	"time"
)

// Day is a calendar date as charts give it: a whole date, a month, or a year
// alone. The zero Day is unknown.
type Day struct {
	Year  int
	Month time.Month // 0 when only the year is known
	Day   int        // 0 when only the month is known
}

// DayOf is the date of t in t's own time zone.
func DayOf(t time.Time) Day {
	if t.IsZero() {
		return Day{}
	}
	return Day{t.Year(), t.Month(), t.Day()}
}

// ParseDay reads a FHIR date (2026, 2026-05, 2026-05-03) or the date part of a
// dateTime as it is written. What it cannot read is the zero Day.
func ParseDay(s string) Day {
	if len(s) > 10 && s[10] == 'T' {
		s = s[:10]
	}
	for _, layout := range []string{"2006-01-02", "2006-01", "2006"} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		d := DayOf(t)
		if len(layout) < 10 {
			d.Day = 0
		}
		if len(layout) < 7 {
			d.Month = 0
		}
		return d
	}
	return Day{}
}

// Known reports whether there is a date.
func (d Day) Known() bool { return d.Year != 0 }

// day writes a date in words: "May 3, 2026", "May 2026", "2026", "date not known".
func (w *writer) day(d Day) (string, error) {
	switch {
	case !d.Known():
		return w.text("date.unknown")
	case d.Month == 0:
		return strconv.Itoa(d.Year), nil
	}
	month, err := w.month(d.Month)
	if err != nil {
		return "", err
	}
	if d.Day == 0 {
		return w.text("date.month-year", "month", month, "year", strconv.Itoa(d.Year))
	}
	return w.text("date.day", "month", month, "day", strconv.Itoa(d.Day), "year", strconv.Itoa(d.Year))
}

// during writes how long something was or is: "May 3, 2024 to June 1, 2026", "until
// 2019", "since May 2024", and for what is over without an end "started May 3, 2024".
// A whole date has messages of its own: Spanish puts an article before it, and joins
// it to "de" and "a".
func (w *writer) during(since, ended Day, over bool) (string, error) {
	to, from := ended, since
	id := "list.since"
	switch {
	case ended.Known() && since.Known():
		id = "list.from-to"
	case ended.Known():
		id, from = "list.until", ended
	case !since.Known():
		return w.text("list.since-unknown")
	case over:
		id, to = "list.started", since
	default:
		to = since
	}
	if from.Day != 0 && to.Day != 0 {
		id += "-day"
	}
	first, err := w.day(from)
	if err != nil {
		return "", err
	}
	last, err := w.day(to)
	if err != nil {
		return "", err
	}
	return w.text(id, "day", first, "from", first, "to", last)
}

// since writes since when something holds.
func (w *writer) since(d Day) (string, error) { return w.during(d, Day{}, false) }

// on writes the date of a moment.
func (w *writer) on(t time.Time) (string, error) { return w.day(DayOf(t)) }

// monthYear writes the month that d lies in.
func (w *writer) monthYear(d Day) (string, error) { d.Day = 0; return w.day(d) }

// short writes month and day without the year, for a line under a heading that
// names the year.
func (w *writer) short(t time.Time) (string, error) {
	month, err := w.month(t.Month())
	if err != nil {
		return "", err
	}
	return w.text("date.short", "month", month, "day", strconv.Itoa(t.Day()))
}

// hour writes the time of day for a column of times: "10:14 am".
func (w *writer) hour(t time.Time) (string, error) {
	half := "date.am"
	if t.Hour() >= 12 {
		half = "date.pm"
	}
	suffix, err := w.text(half)
	if err != nil {
		return "", err
	}
	return w.text("date.hour", "time", t.Format("3:04"), "half", suffix)
}

// clock writes the time of day. Spanish says "a la 1:05" and "a las 2:05", so
// "at" belongs to it: "at 10:14 am", "a las 10:14 a. m.".
func (w *writer) clock(t time.Time) (string, error) {
	half := "date.am"
	if t.Hour() >= 12 {
		half = "date.pm"
	}
	suffix, err := w.text(half)
	if err != nil {
		return "", err
	}
	hour := t.Hour() % 12
	if hour == 0 {
		hour = 12
	}
	id := "date.clock"
	if hour == 1 {
		id = "date.clock-one"
	}
	return w.text(id, "time", strconv.Itoa(hour)+":"+t.Format("04"), "half", suffix)
}

// moment writes date and time: "May 3, 2026 at 10:14 am".
func (w *writer) moment(t time.Time) (string, error) {
	if t.IsZero() {
		return w.text("date.never")
	}
	day, err := w.day(DayOf(t))
	if err != nil {
		return "", err
	}
	clock, err := w.clock(t)
	if err != nil {
		return "", err
	}
	return w.text("date.moment", "day", day, "clock", clock)
}

// fullMoment writes date and time with the day of the week, for what somebody has to
// be there for: "Friday, May 3, 2026 at 10:14 am".
func (w *writer) fullMoment(t time.Time) (string, error) {
	weekday, err := w.text("date.weekday." + strconv.Itoa(int(t.Weekday())))
	if err != nil {
		return "", err
	}
	moment, err := w.moment(t)
	if err != nil {
		return "", err
	}
	return w.text("date.full", "weekday", weekday, "moment", moment)
}

// exact writes a moment to the second with its offset, for the log.
func exact(t time.Time) string { return t.Format("2006-01-02 15:04:05 -07:00") }

// machine is the datetime attribute of a time element.
func machine(t time.Time) string { return t.Format(time.RFC3339) }

// axis writes a date below a chart: month and year, short.
func (w *writer) axis(t time.Time) (string, error) {
	month, err := w.text("date.month-short." + strconv.Itoa(int(t.Month())))
	if err != nil {
		return "", err
	}
	return month + " " + strconv.Itoa(t.Year()), nil
}

func (w *writer) month(m time.Month) (string, error) {
	return w.text("date.month." + strconv.Itoa(int(m)))
}
