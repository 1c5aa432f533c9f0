package web

import (
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/word/person"
)

// recent is how new a result is to be marked so for staff: their own earlier look
// says nothing of what the patient's care team has seen.
const recent = 14 * 24 * time.Hour

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

// isNew reports whether a result is new: for a patient, in the chart since the
// last visit; for staff, of the last days. On a first visit nothing is: all would be.
func (v *Visit) isNew(o observation) bool {
	if v.caller.Role() != person.RolePatient {
		return !o.at.IsZero() && v.now().Sub(o.at) < recent
	}
	return v.since(o.stored)
}

// since reports whether something came into the chart after the last visit.
func (v *Visit) since(stored time.Time) bool {
	before := v.before()
	return !before.IsZero() && stored.After(before)
}

// lastVisit is the day of the last visit.
func (v *Visit) lastVisit() view.Day { return view.DayOf(v.before()) }
