package session

import (
	"context"
	"time"

	"postern.example/postern/internal/word/person"
)

// Before is when the person was here before the Caller's session, in the role of a
// patient: the last use of any session that the account had when this one began.
// The zero time means that Postern knows of no earlier visit.
func (r *Room) Before(ctx context.Context, caller person.Caller) (time.Time, error) {
	s, err := r.of(ctx, caller.Account())
	if err != nil {
		return time.Time{}, err
	}
	i, err := lookup(s.rows, caller.Device())
	if err != nil {
		return time.Time{}, err
	}
	return s.rows[i].body.Before, nil
}

// remember tells the sessions that are new in after when the person was here last,
// and keeps that time in a row of its own when the sessions that knew it go.
func (r *Room) remember(ctx context.Context, before, after []row) []row {
	var visit row
	last := time.Time{} // any session's last use
	left := time.Time{} // the last use that no row tells any more
	for _, o := range before {
		if o.kind == kindVisit {
			visit = o
			last = later(last, o.body.Created)
			continue
		}
		used, err := r.lastUse(ctx, o)
		if err != nil || o.kind != kindSession || o.body.Role != person.RolePatient {
			continue // what does not open tells no time
		}
		last = later(last, used)
		if (&set{rows: after}).byID(o.id) < 0 {
			left = later(left, used)
		}
	}
	for i := range after {
		if o := &after[i]; o.kind == kindSession && o.sealed == nil && o.version == 0 {
			o.body.Before = last
		}
	}
	if left.After(visit.body.Created) {
		if visit.handle == nil {
			var err error
			if _, visit, err = r.fresh(kindVisit, ""); err != nil {
				return after // a session ends all the same
			}
		}
		visit.body, visit.sealed = body{Created: left, Started: left, Expires: left, Role: person.RolePatient}, nil
	}
	if visit.handle != nil {
		after = append(after, visit)
	}
	return after
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
