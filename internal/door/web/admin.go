package web

import (
	"net/http"
	"slices"
	"strings"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Limits of the administrator's pages.
const (
	accountsPage = 500 // accounts that the page lists
	maxDisplay   = 120 // letters of a display name
)

// made is a one-time link that the answer shows once.
type made struct {
	account person.AccountID
	link    string
}

// admin is GET /admin: accounts and assignments.
func (d *Door) admin(v *Visit) error { return v.adminPage(http.StatusOK, "", made{}) }

func (v *Visit) adminPage(status int, problem string, fresh made) error {
	g, err := v.decide(access.Ask{Caller: v.caller, Action: access.ListAccounts, Owner: person.Clinic(v.door.c.Clinic)})
	if err != nil {
		return err
	}
	accounts, err := v.door.c.Identity.List(v.Context(), g, person.AccountID{}, accountsPage)
	if err != nil {
		return err
	}
	m := &view.Admin{Base: v.Base(view.PlaceAdmin), Roles: givable()}
	m.Problem = problem
	names := map[person.PatientID]string{}
	for _, a := range accounts {
		if !a.Chart.IsZero() {
			names[a.Chart] = a.Name.Reveal()
		}
	}
	for _, a := range accounts {
		m.Accounts = append(m.Accounts, v.account(a))
		v.assignments(m, a, names)
		if a.ID == fresh.account && fresh.link != "" {
			m.Link = &view.OneTimeLink{URL: fresh.link, For: a.Name.Reveal(), Until: v.local(a.Invited)}
		}
	}
	for id, name := range names {
		m.Patients = append(m.Patients, view.Choice{ID: id.String(), Name: name})
	}
	slices.SortFunc(m.Patients, func(a, b view.Choice) int { return compareNames(a.Name+a.ID, b.Name+b.ID) })
	slices.SortStableFunc(m.Accounts, func(a, b view.Account) int { return compareNames(a.Name, b.Name) })
	return v.Render(status, m)
}

// givable are the roles of people.
func givable() []person.Role {
	return slices.DeleteFunc(person.Roles(), func(r person.Role) bool { return r == person.RoleSystem })
}

func compareNames(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

func (v *Visit) account(a identity.Account) view.Account {
	out := view.Account{ID: a.ID.String(), Name: a.Name.Reveal(), Roles: a.Roles, Passkeys: a.Passkeys,
		Self: a.ID == v.caller.Account(), State: view.AccountActive}
	switch {
	case a.Damaged:
		out.Name, out.State = a.ID.String(), "damaged"
	case !a.Active:
		out.State = view.AccountSuspended
	case a.Passkeys == 0 && a.Invited.IsZero():
		out.State = view.AccountWaiting
	case a.Passkeys == 0:
		out.State = view.AccountInvited
	}
	if !a.Chart.IsZero() {
		out.Patient = a.Chart.String()
	}
	return out
}

// assignments adds what the page says of a clinician or nurse. A patient without
// an account has no name here: an administrator sees no chart.
func (v *Visit) assignments(m *view.Admin, a identity.Account, names map[person.PatientID]string) {
	if !slices.Contains(a.Roles, person.RoleClinician) && !slices.Contains(a.Roles, person.RoleNurse) {
		return
	}
	m.Clinicians = append(m.Clinicians, view.Choice{ID: a.ID.String(), Name: a.Name.Reveal()})
	for _, p := range a.Patients {
		name, known := names[p]
		if !known {
			name = p.String()
		}
		m.Assignments = append(m.Assignments, view.Assignment{Clinician: a.Name.Reveal(), ClinicianID: a.ID.String(),
			Patient: name, PatientID: p.String()})
	}
}

// accountAdd is POST /admin/accounts: the account, and its one-time link at once.
func (d *Door) accountAdd(v *Visit) error {
	n := identity.NewAccount{Name: phi.NewText(v.Field("name"))}
	if p := nameProblem(v.Field("name"), maxDisplay); p != "" {
		return v.adminPage(http.StatusBadRequest, p, made{})
	}
	role, ok := person.ParseRole(v.Field("role"))
	if !ok || role == person.RoleSystem {
		return v.adminPage(http.StatusBadRequest, "problem.role-unknown", made{})
	}
	n.Roles = []person.Role{role}
	if chart := strings.TrimSpace(v.Field("patient")); chart != "" {
		var err error
		if n.Chart, err = person.ParsePatientID(chart); err != nil || role != person.RolePatient {
			return v.adminPage(http.StatusBadRequest, "problem.patient-unknown", made{})
		}
	}
	p, err := d.c.Identity.PlanCreate(v.Context(), n)
	if err != nil {
		return err
	}
	if _, err := v.apply(p); err != nil {
		return err
	}
	return v.invite(p.Account(), "flash.account-added")
}

// invite makes a one-time link and answers with the page that shows it, once.
func (v *Visit) invite(account person.AccountID, flash string) error {
	p, err := v.door.c.Identity.PlanEnrolment(v.Context(), account)
	if err != nil {
		return err
	}
	if _, err := v.apply(p); err != nil {
		return err
	}
	v.flash = flash
	return v.adminPage(http.StatusOK, "", made{account: account, link: p.Link()})
}

// target is the account in the path. A text that is no id names nobody, and
// nobody's account is answered for by the gate like any other.
func (v *Visit) target() person.AccountID {
	id, err := person.ParseAccountID(v.Path("id"))
	if err != nil {
		return person.AccountID{}
	}
	return id
}

// accountLink is POST /admin/accounts/{id}/link.
func (d *Door) accountLink(v *Visit) error { return v.invite(v.target(), "flash.link-made") }

// accountSuspend is POST /admin/accounts/{id}/suspend. Its sessions end at once.
func (d *Door) accountSuspend(v *Visit) error {
	g, err := v.change(v.target(), identity.Suspend())
	if err != nil {
		return err
	}
	if err := d.c.Sessions.EndAll(v.Context(), g, ""); err != nil {
		return err
	}
	return v.done("account-suspended", "/admin")
}

// accountRestore is POST /admin/accounts/{id}/restore.
func (d *Door) accountRestore(v *Visit) error {
	if _, err := v.change(v.target(), identity.Resume()); err != nil {
		return err
	}
	return v.done("account-restored", "/admin")
}

// pair reads the two ids of an assignment.
func (v *Visit) pair() (person.AccountID, person.PatientID, error) {
	clinician, err := person.ParseAccountID(v.Field("clinician"))
	if err != nil {
		return clinician, person.PatientID{}, fault.New(fault.Invalid, "read assignment: no such account")
	}
	patient, err := person.ParsePatientID(v.Field("patient"))
	if err != nil {
		return clinician, patient, fault.New(fault.Invalid, "read assignment: no such patient")
	}
	return clinician, patient, nil
}

// assign is POST /admin/assignments.
func (d *Door) assign(v *Visit) error {
	clinician, patient, err := v.pair()
	if err != nil {
		return err
	}
	edit, err := d.c.Identity.Assign(patient)
	if err != nil {
		return err
	}
	if _, err := v.change(clinician, edit); err != nil {
		return err
	}
	return v.done("assigned", "/admin")
}

// unassign is POST /admin/assignments/end.
func (d *Door) unassign(v *Visit) error {
	clinician, patient, err := v.pair()
	if err != nil {
		return err
	}
	if _, err := v.change(clinician, identity.Unassign(patient)); err != nil {
		return err
	}
	return v.done("unassigned", "/admin")
}
