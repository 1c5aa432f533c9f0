package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Limits of the administrator's pages.
const (
	accountsPage = 100 // accounts of one page
	maxDisplay   = 120 // letters of a display name
	maxReason    = 200 // letters of why two administrators do something
)

// place is where in the list of accounts somebody is: behind one account, or in
// front of one. Zero is the first page. Ids are random and say nothing of a person.
type place struct {
	after, before person.AccountID
}

// place reads where the page is, from its address or from the form that came from it.
func (v *Visit) place() (p place) {
	q := v.r.URL.Query()
	if v.unsafe() {
		q, _ = url.ParseQuery(v.Field("page")) // what is malformed is the first page
	}
	if id, err := person.ParseAccountID(q.Get("after")); err == nil {
		return place{after: id}
	}
	if id, err := person.ParseAccountID(q.Get("before")); err == nil {
		return place{before: id}
	}
	return place{}
}

// query is the page's own part of its address, empty for the first page.
func (p place) query() string {
	switch {
	case !p.after.IsZero():
		return "after=" + p.after.String()
	case !p.before.IsZero():
		return "before=" + p.before.String()
	default:
		return ""
	}
}

func (p place) path() string {
	if q := p.query(); q != "" {
		return "/admin?" + q
	}
	return "/admin"
}

// admin is GET /admin: accounts and assignments. Every form of the page leads back
// to it, because a browser keeps on disk what a form sent for as long as the answer
// to it stands in its history: names, and why somebody needs a new link.
func (d *Door) admin(v *Visit) error {
	g, err := v.decide(access.Ask{Caller: v.caller, Action: access.ListAccounts, Owner: person.Clinic(v.door.c.Clinic)})
	if err != nil {
		return err
	}
	m := &view.Admin{Base: v.Base(view.PlaceAdmin), Roles: givable(), Page: v.place().query()}
	accounts, err := v.accounts(m, g)
	if err != nil {
		return err
	}
	names := patientNames{known: map[person.PatientID]string{}}
	for _, a := range accounts {
		if !a.Chart.IsZero() {
			names.known[a.Chart] = a.Name.Reveal()
			m.Patients = append(m.Patients, view.Choice{ID: a.Chart.String(), Name: a.Name.Reveal()})
		}
	}
	for _, a := range accounts {
		m.Accounts = append(m.Accounts, v.account(a))
		if err := v.assignments(m, g, a, &names); err != nil {
			return err
		}
	}
	slices.SortFunc(m.Patients, func(a, b view.Choice) int { return compareNames(a.Name+a.ID, b.Name+b.ID) })
	slices.SortStableFunc(m.Accounts, func(a, b view.Account) int { return compareNames(a.Name, b.Name) })
	if kept, ok := v.door.made.get(v.r.URL.Query().Get("made"), v.caller, v.door.c.Clock()); ok {
		m.Link = kept.link // once
	}
	return v.Render(http.StatusOK, m)
}

// accounts reads one page of accounts and says what lies before and behind it.
func (v *Visit) accounts(m *view.Admin, g access.Grant) (list []identity.Account, err error) {
	at, room := v.place(), v.door.c.Identity
	if !at.before.IsZero() {
		if list, err = room.ListBefore(v.Context(), g, at.before, accountsPage+1); err != nil {
			return nil, err
		}
		if len(list) > accountsPage {
			list = list[1:]
			m.Newer = list[0].ID.String()
		}
		if len(list) > 0 {
			m.Older = list[len(list)-1].ID.String()
			return list, nil
		}
		m.Page = "" // nothing lies before: the first page
		at = place{}
	}
	if list, err = room.List(v.Context(), g, at.after, accountsPage+1); err != nil {
		return nil, err
	}
	if len(list) > accountsPage {
		list = list[:accountsPage]
		m.Older = list[len(list)-1].ID.String()
	}
	if !at.after.IsZero() {
		first := at.after
		if len(list) > 0 {
			first = list[0].ID
		}
		m.Newer = first.String()
	}
	return list, nil
}

// givable are the roles of people.
func givable() []person.Role {
	return slices.DeleteFunc(person.Roles(), func(r person.Role) bool { return r == person.RoleSystem })
}

func compareNames(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

func (v *Visit) account(a identity.Account) view.Account {
	out := view.Account{ID: a.ID.String(), Name: a.Name.Reveal(), Roles: a.Roles, Passkeys: a.Passkeys,
		Guarded: a.Guarded, Oversees: a.Oversees, Self: a.ID == v.caller.Account(), State: view.AccountActive}
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

// patientNames are the names of patients that the page has met.
type patientNames struct {
	known map[person.PatientID]string
	blind bool // an account fails its check, so that nobody knows whose charts the others are
}

// patientName is the name of the patient's account, else the chart's id: an
// administrator sees no chart, and a patient without an account has no name here.
func (v *Visit) patientName(g access.Grant, names *patientNames, p person.PatientID) (string, error) {
	name, known := names.known[p]
	if known {
		return name, nil
	}
	name = p.String()
	if !names.blind {
		account, err := v.door.c.Identity.PatientName(v.Context(), g, p) // on another page, or nowhere
		if names.blind = fault.Is(err, fault.Tampered); err != nil && !names.blind {
			return "", err
		}
		if !account.IsZero() {
			name = account.Reveal()
		}
	}
	names.known[p] = name
	return name, nil
}

// assignments adds what the page says of a clinician or nurse.
func (v *Visit) assignments(m *view.Admin, g access.Grant, a identity.Account, names *patientNames) error {
	if !slices.Contains(a.Roles, person.RoleClinician) && !slices.Contains(a.Roles, person.RoleNurse) {
		return nil
	}
	m.Clinicians = append(m.Clinicians, view.Choice{ID: a.ID.String(), Name: a.Name.Reveal()})
	for _, p := range a.Patients {
		name, err := v.patientName(g, names, p)
		if err != nil {
			return err
		}
		m.Assignments = append(m.Assignments, view.Assignment{Clinician: a.Name.Reveal(), ClinicianID: a.ID.String(),
			Patient: name, PatientID: p.String()})
	}
	return nil
}

// accountAdd is POST /admin/accounts: the account, and its one-time link at once,
// or the proposal for one that two make.
func (d *Door) accountAdd(v *Visit) error {
	n := identity.NewAccount{Name: phi.NewText(v.Field("name"))}
	if p := nameProblem(v.Field("name"), maxDisplay); p != "" {
		return v.sorry(p, v.place().path())
	}
	role, ok := person.ParseRole(v.Field("role"))
	if !ok || role == person.RoleSystem {
		return v.sorry("problem.role-unknown", v.place().path())
	}
	n.Roles = []person.Role{role}
	if chart := strings.TrimSpace(v.Field("patient")); chart != "" {
		var err error
		if n.Chart, err = person.ParsePatientID(chart); err != nil || role != person.RolePatient {
			return v.sorry("problem.patient-unknown", v.place().path())
		}
	}
	p, err := d.c.Identity.PlanCreate(v.Context(), n)
	if err != nil {
		return err
	}
	if _, err := v.apply(p); fault.Message(err) == "problem.chart-taken" {
		return v.sorry("problem.chart-taken", v.place().path())
	} else if err != nil {
		return err
	}
	link, err := d.c.Identity.PlanEnrolment(v.Context(), p.Account())
	if err != nil {
		return err
	}
	if link.Action().TwoPerson() { // an administrator's
		return v.propose(link, linkProposal("A new administrator's first link", "account-added-two"))
	}
	return v.invite(link, "account-added")
}

// invite makes a one-time link and leads to the page that shows it, once.
func (v *Visit) invite(p *identity.Plan, flash string) error {
	g, err := v.apply(p)
	if err != nil {
		return err
	}
	name, err := v.door.c.Identity.Name(v.Context(), g, p.Account())
	if err != nil {
		return err
	}
	v.door.made.add(finishedAct{act: access.Act{ID: v.quest.ID}, by: v.caller, until: v.door.c.Clock().Add(linkRests),
		link: &view.OneTimeLink{URL: p.Link(), For: name.Reveal(), Until: v.local(p.LinkEnds())}})
	q := url.Values{"made": {v.quest.ID}}
	for name, id := range map[string]person.AccountID{"after": v.place().after, "before": v.place().before} {
		if !id.IsZero() {
			q.Set(name, id.String())
		}
	}
	return v.done(flash, "/admin?"+q.Encode())
}

// proposal is what a second person is asked for.
type proposal struct {
	reason string
	what   string // words of the log, before the account
	flash  string
	waits  string // message when it waits already
}

func linkProposal(reason, flash string) proposal {
	return proposal{reason: reason, what: "Make a new sign-in link for the account ", flash: flash, waits: "problem.link-waits"}
}

// propose asks for a second person. What p holds, such as a link, is never used: what
// is confirmed makes its own.
func (v *Visit) propose(p *identity.Plan, o proposal) error {
	ask := p.Ask(v.caller)
	ask.Reason = o.reason
	_, err := v.door.c.Gate.Propose(v.Context(), ask, o.what+p.Account().String()+". Reason: "+o.reason)
	if fault.Message(err) == "error.act-waits" {
		return v.sorry(o.waits, v.place().path())
	}
	if err != nil {
		return err
	}
	return v.done(o.flash, "/admin/waiting")
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

// accountLink is POST /admin/accounts/{id}/link, for an account that nobody uses yet.
func (d *Door) accountLink(v *Visit) error {
	p, err := d.c.Identity.PlanEnrolment(v.Context(), v.target())
	if err != nil {
		return err
	}
	return v.invite(p, "link-made")
}

// accountRenew is POST /admin/accounts/{id}/renew: the first of two administrators
// says for whom and why.
func (d *Door) accountRenew(v *Visit) error {
	reason := strings.TrimSpace(v.Field("reason"))
	if p := reasonProblem(reason); p != "" {
		return v.sorry(p, v.place().path())
	}
	p, err := d.c.Identity.PlanEnrolment(v.Context(), v.target())
	if err != nil {
		return err
	}
	return v.propose(p, linkProposal(reason, "link-proposed"))
}

// reasonProblem is what is wrong with a typed reason. It is read by the one who
// confirms and kept in the log, so nothing may hide in it.
func reasonProblem(reason string) string {
	switch {
	case reason == "":
		return "problem.reason-empty"
	case utf8.RuneCountInString(reason) > maxReason:
		return "problem.reason-long"
	case strings.ContainsFunc(reason, func(c rune) bool { return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }):
		return "problem.reason-odd"
	default:
		return ""
	}
}

// accountSuspend is POST /admin/accounts/{id}/suspend. Its sessions end at once; that of
// an administrator or officer waits for a second person, who is told why.
func (d *Door) accountSuspend(v *Visit) error {
	p, err := d.c.Identity.PlanSuspension(v.Context(), v.target())
	if err != nil {
		return err
	}
	if !p.Action().TwoPerson() {
		g, err := v.apply(p)
		if err != nil {
			return err
		}
		if err := d.c.Sessions.EndAll(v.Context(), g, ""); err != nil {
			return err
		}
		return v.done("account-suspended", v.place().path())
	}
	reason := strings.TrimSpace(v.Field("reason"))
	if wrong := reasonProblem(reason); wrong != "" {
		// That a reason is wanted says what the account is: for those who list accounts.
		if _, err := v.decide(access.Ask{Caller: v.caller, Action: access.ListAccounts, Owner: person.Clinic(d.c.Clinic)}); err != nil {
			return err
		}
		return v.sorry(wrong, v.place().path())
	}
	return v.propose(p, proposal{reason: reason, what: "Suspend the account ", flash: "suspension-proposed", waits: "problem.suspension-waits"})
}

// accountRestore is POST /admin/accounts/{id}/restore.
func (d *Door) accountRestore(v *Visit) error {
	if _, err := v.change(v.target(), identity.Resume()); err != nil {
		return err
	}
	return v.done("account-restored", v.place().path())
}

// pair reads the two ids of an assignment, or says what is wrong with them.
func (v *Visit) pair() (clinician person.AccountID, patient person.PatientID, problem string) {
	clinician, err := person.ParseAccountID(strings.TrimSpace(v.Field("clinician")))
	if err != nil {
		return clinician, patient, "problem.clinician-unknown"
	}
	if patient, err = person.ParsePatientID(strings.TrimSpace(v.Field("patient"))); err != nil {
		return clinician, patient, "problem.patient-unknown"
	}
	return clinician, patient, ""
}

// assign is POST /admin/assignments.
func (d *Door) assign(v *Visit) error {
	clinician, patient, problem := v.pair()
	if problem != "" {
		return v.sorry(problem, v.place().path())
	}
	edit, err := d.c.Identity.Assign(patient)
	if err != nil {
		return err
	}
	if _, err := v.change(clinician, edit); err != nil {
		return err
	}
	return v.done("assigned", v.place().path())
}

// unassign is POST /admin/assignments/end.
func (d *Door) unassign(v *Visit) error {
	clinician, patient, problem := v.pair()
	if problem != "" {
		return v.sorry(problem, v.place().path())
	}
	if _, err := v.change(clinician, identity.Unassign(patient)); err != nil {
		return err
	}
	return v.done("unassigned", v.place().path())
}
