package view

import (
	"cmp"

	"postern.example/postern/internal/word/person"
)

// Sieve is which lines of Who looked the reader chose to see. The zero Sieve is all.
type Sieve struct {
	Period string // a Period; empty for the whole log
	Kind   string // a Kind; empty for everyone
	Role   person.Role
}

// Periods and kinds; each is part of a message id ("looked.period.month").
const (
	PeriodMonth = "month"
	PeriodHalf  = "half"
	PeriodYear  = "year"

	KindOthers  = "others"
	KindTeam    = "team"
	KindOffice  = "office"
	KindApps    = "apps"
	KindSelf    = "self"
	KindRefused = "refused"
)

// Periods lists the periods, "all" first.
func (Sieve) Periods() []string { return []string{"all", PeriodMonth, PeriodHalf, PeriodYear} }

// Kinds lists the kinds, "all" first.
func (Sieve) Kinds() []string {
	return []string{"all", KindOthers, KindTeam, KindOffice, KindApps, KindSelf, KindRefused}
}

// Roles lists the roles that one can look for.
func (Sieve) Roles() []person.Role {
	return []person.Role{person.RoleClinician, person.RoleNurse, person.RoleFrontDesk, person.RoleRecordsOffice, person.RoleBilling,
		person.RoleAdministrator, person.RoleCompliance, person.RoleAuditor, person.RoleSystem}
}

// Some reports whether lines are left out.
func (s Sieve) Some() bool { return s.ByForm() || s.Others() }

// Others reports the one choice that has a link of its own.
func (s Sieve) Others() bool { return s.Kind == KindOthers && !s.ByForm() }

// ByForm reports a choice that only the form makes.
func (s Sieve) ByForm() bool {
	return s.Period != "" && s.Period != "all" || s.Role != "" || s.Kind != "" && s.Kind != "all" && s.Kind != KindOthers
}

// PeriodOf and KindOf name what is chosen.
func (s Sieve) PeriodOf() string { return cmp.Or(s.Period, "all") }
func (s Sieve) KindOf() string   { return cmp.Or(s.Kind, "all") }
