package view

import (
	"time"

	"postern.example/postern/internal/door/web/catalog"
)

// Span is a value that says when: a day, a moment, or from and to.
type Span struct {
	From, To Day
	At       time.Time // the moment; zero when only the day is known
	Is       bool      // it is a span, of which an end may be open
}

// When words it: "May 3, 2026 at 10:14 am", "from May 2024 to June 2026".
func When(l *catalog.Language, s Span) (string, error) {
	w := &writer{lang: l}
	switch {
	case s.Is:
		return w.during(s.From, s.To, false)
	case !s.At.IsZero():
		return w.moment(s.At)
	default:
		return w.day(s.From)
	}
}
