package web

import (
	"slices"
	"strings"
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/route"
)

// sieve lets through the lines of Who looked that the reader chose.
type sieve struct {
	view.Sieve
	since time.Time // zero for the whole log
}

// lookedChoose is POST /access-log: whom somebody looks for stands in no address.
func (d *Door) lookedChoose(v *Visit) error { return v.choose("/access-log") }

// sieve reads what was chosen. Without a form there is the choice of other people alone,
// which stands in the address and says nothing of anybody.
func (v *Visit) sieve() (sieve, error) {
	s := sieve{Sieve: view.Sieve{Period: v.Field("period"), Kind: v.Field("kind"), Role: person.Role(v.Field("role"))}}
	if s.Kind == "" && v.r.URL.Query().Get("show") == view.KindOthers {
		s.Kind = view.KindOthers
	}
	if s.Period != "" && !slices.Contains(s.Periods(), s.Period) || s.Kind != "" && !slices.Contains(s.Kinds(), s.Kind) ||
		s.Role != "" && !slices.Contains(s.Roles(), s.Role) {
		return sieve{}, fault.New(fault.Invalid, "list looks: no such choice")
	}
	now := v.now()
	switch s.Period {
	case view.PeriodMonth:
		s.since = now.AddDate(0, -1, 0)
	case view.PeriodHalf:
		s.since = now.AddDate(0, -6, 0)
	case view.PeriodYear:
		s.since = now.AddDate(-1, 0, 0)
	}
	return s, nil
}

// lets reports whether an entry, told as look, is one of those chosen.
func (s sieve) lets(e audit.Entry, look view.Look) bool {
	if s.Role != "" && e.Caller.Role != s.Role {
		return false
	}
	switch s.Kind {
	case view.KindOthers:
		return !look.Self
	case view.KindSelf:
		return look.Self
	case view.KindTeam:
		return !look.Self && (e.Caller.Role == person.RoleClinician || e.Caller.Role == person.RoleNurse)
	case view.KindOffice:
		return !look.Self && office(e.Caller.Role)
	case view.KindApps:
		return e.Caller.Role == person.RoleSystem || strings.HasPrefix(e.Caller.Client, string(route.FHIRAPI))
	case view.KindRefused:
		return look.Act == view.ActRefused || look.Act == view.ActDenyLink
	default:
		return true
	}
}

// office reports whether a role works for the clinic and treats nobody.
func office(r person.Role) bool {
	switch r {
	case person.RoleFrontDesk, person.RoleRecordsOffice, person.RoleBilling, person.RoleAdministrator, person.RoleCompliance, person.RoleAuditor:
		return true
	default:
		return false
	}
}
