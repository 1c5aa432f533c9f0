package web

import (
	"slices"
	"time"

	"postern.example/postern/internal/door/web/view"
)

// before is when the person was here before this session, on the clinic's clock; the
// zero time when Postern knows of no earlier visit. It is asked for once a request.
func (v *Visit) before() time.Time {
	if v.earlier == nil {
		at, err := v.door.c.Sessions.Before(v.Context(), v.caller)
		if err != nil {
			at = time.Time{} // the session ended meanwhile: then nothing is called new
		}
		at = v.local(at)
		v.earlier = &at
	}
	return *v.earlier
}

// rowSince is row for the patient's own pages, which mark what came into the chart since the
// last visit. On a first visit nothing is new: all would be. Staff have the days of
// view.RecentClinicDays: when they looked last says nothing of what their team has seen.
func (v *Visit) rowSince(s series) view.Row {
	r := v.row(s)
	r.New = slices.ContainsFunc(s, func(o observation) bool { return v.since(o.stored) })
	return r
}

// since reports whether something came into the chart after the last visit.
func (v *Visit) since(stored time.Time) bool {
	before := v.before()
	return !before.IsZero() && stored.After(before)
}

// lastVisit is the day of the last visit.
func (v *Visit) lastVisit() view.Day { return view.DayOf(v.before()) }
