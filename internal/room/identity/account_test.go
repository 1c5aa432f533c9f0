package identity_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

// The room answers the gate's questions.
var _ access.Directory = (*identity.Room)(nil)

// Rosa Quintero is a patient and works as a nurse; one person, two roles.
func TestAccountStandsAsCreated(t *testing.T) {
	covers.Covers(t, "HC-6a")
	each(t, func(t *testing.T, h *house) {
		chart, ward := newPatient(t), newPatient(t)
		rosa := h.account(t, identity.NewAccount{Name: phi.NewText("Rosa Quintero"), Chart: chart,
			Roles: []person.Role{person.RoleNurse, person.RolePatient}})
		st, err := h.rooms.Standing(t.Context(), rosa)
		if err != nil || !st.Active || st.Chart != chart || st.Person == [16]byte{} ||
			!slices.Equal(st.Roles, []person.Role{person.RolePatient, person.RoleNurse}) {
			t.Fatalf("standing %+v, %v", st, err)
		}
		assigned := func(want bool) {
			t.Helper()
			if ok, err := h.rooms.Assigned(t.Context(), rosa, ward); err != nil || ok != want {
				t.Fatalf("assigned: %v, %v, want %v", ok, err, want)
			}
		}
		assigned(false)
		mine := func() []person.PatientID {
			t.Helper()
			nurse := signedIn(h, rosa, person.RoleNurse, person.PurposeTreatment)
			g := vaulttest.Grant(t, h.gate, access.Ask{Caller: nurse, Action: access.ListMyPatients, Owner: person.Account(rosa)})
			list, err := h.rooms.Patients(t.Context(), g)
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		edit, err := h.rooms.Assign(ward)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time changes nothing
			p, err := h.rooms.Plan(t.Context(), rosa, edit)
			h.must(t, operator(h), p, err)
			assigned(true)
		}
		h = h.restart(t)
		assigned(true)
		for _, w := range []struct{ after, want int }{{0, 0}, {1, 1}} { // hours
			list, err := h.rooms.PatientsSince(t.Context(), rosa, h.Clock.Now().Add(time.Duration(w.after)*time.Hour))
			if err != nil || len(list) != w.want {
				t.Errorf("assigned before a moment %d h from now: %d, %v", w.after, len(list), err)
			}
		}
		if list := mine(); !slices.Equal(list, []person.PatientID{ward}) {
			t.Errorf("my patients: %v", list)
		}
		for range 2 {
			p, err := h.rooms.Plan(t.Context(), rosa, identity.Unassign(ward))
			h.must(t, operator(h), p, err)
			assigned(false)
		}
	})
}

func TestUnknownAccountHasNoStanding(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		nobody := newAccount(t)
		st, err := h.rooms.Standing(t.Context(), nobody)
		if err != nil || st.Active || len(st.Roles) != 0 || !st.Chart.IsZero() {
			t.Errorf("standing of nobody: %+v, %v", st, err)
		}
		if ok, err := h.rooms.Assigned(t.Context(), nobody, newPatient(t)); ok || err != nil {
			t.Errorf("assigned to nobody: %v, %v", ok, err)
		}
		if found := h.Alarms.Take(); len(found) != 0 {
			t.Errorf("alarms: %v", found)
		}
		// The gate is asked all the same; only then does the answer differ.
		p, err := h.rooms.PlanEnrolment(t.Context(), nobody)
		wantKind(t, "invite nobody", h.do(t, operator(h), p, err), fault.NotFound)
		if p.Link() != "" {
			t.Error("a link for nobody")
		}
	})
}

// An id is never reused: the same name twice is two accounts.
func TestAccountIDsAreNew(t *testing.T) {
	covers.Covers(t, "HC-6a")
	h := lite(t, "test")
	n := identity.NewAccount{Name: phi.NewText("Ada Brandt"), Roles: []person.Role{person.RoleAdministrator}}
	if a, b := h.account(t, n), h.account(t, n); a == b {
		t.Fatal("two accounts share an id")
	}
}

func TestCreateRefuses(t *testing.T) {
	h := lite(t, "production")
	for name, c := range map[string]struct {
		n    identity.NewAccount
		kind fault.Kind
	}{
		"no role":           {identity.NewAccount{}, fault.Invalid},
		"system":            {identity.NewAccount{Roles: []person.Role{person.RoleSystem}}, fault.Invalid},
		"unknown role":      {identity.NewAccount{Roles: []person.Role{"root"}}, fault.Invalid},
		"twice":             {identity.NewAccount{Roles: []person.Role{person.RoleNurse, person.RoleNurse}}, fault.Invalid},
		"chart, no patient": {identity.NewAccount{Roles: []person.Role{person.RoleNurse}, Chart: newPatient(t)}, fault.Invalid},
		"bidi in the name":  {identity.NewAccount{Roles: []person.Role{person.RoleNurse}, Name: phi.NewText("a\u202eb")}, fault.Invalid},
		"long name":         {identity.NewAccount{Roles: []person.Role{person.RoleNurse}, Name: phi.NewText(strings.Repeat("a", 201))}, fault.Invalid},
		"persona":           {identity.NewAccount{Roles: []person.Role{person.RoleNurse}, Handle: "mother"}, fault.Invalid},
		"too early":         {identity.NewAccount{Roles: []person.Role{person.RolePatient}, Chart: newPatient(t)}, fault.Conflict},
	} {
		p, err := h.rooms.PlanCreate(t.Context(), c.n)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		g := vaulttest.Grant(t, h.testGate(t), p.Ask(operator(h)))
		wantKind(t, name, h.rooms.Apply(t.Context(), g, p), c.kind)
		if st, err := h.rooms.Standing(t.Context(), p.Account()); err != nil || st.Active {
			t.Errorf("%s: an account stands: %+v, %v", name, st, err)
		}
	}
}

// A Grant for one thing does no other.
func TestGrantsAreChecked(t *testing.T) {
	h := lite(t, "test")
	ada := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
	bea := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
	suspendAda, err := h.rooms.PlanSuspension(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	invite, err := h.rooms.PlanEnrolment(t.Context(), bea)
	if err != nil {
		t.Fatal(err)
	}
	g := vaulttest.Grant(t, h.gate, invite.Ask(operator(h)))
	wantKind(t, "another action", h.rooms.Apply(t.Context(), g, suspendAda), fault.Denied)
	wantKind(t, "no grant", h.rooms.Apply(t.Context(), access.Grant{}, suspendAda), fault.Denied)
	for name, err := range map[string]error{
		"list":     second(h.rooms.List(t.Context(), g, person.AccountID{}, 10)),
		"patients": second(h.rooms.Patients(t.Context(), g)),
		"passkeys": second(h.rooms.Passkeys(t.Context(), g)),
		"name":     second(h.rooms.Name(t.Context(), access.Grant{}, ada)),
	} {
		wantKind(t, name, err, fault.Denied)
	}
	if name, err := h.rooms.Name(t.Context(), g, ada); err != nil || !name.IsZero() {
		t.Errorf("name: %v, %v", name, err)
	}
}

func second[T any](_ T, err error) error { return err }

// What the administrator's page shows, and what happens to it when somebody
// writes into the database.
func TestListShowsAccounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		chart := newPatient(t)
		mia := h.account(t, identity.NewAccount{Name: phi.NewText("Mia Torres"), Roles: []person.Role{person.RolePatient}, Chart: chart, Handle: "mother"})
		h.enrol(t, mia, device())
		h.invite(t, mia)
		g := vaulttest.Grant(t, h.gate, access.Ask{Caller: operator(h), Action: access.ListAccounts, Owner: person.Clinic(h.Clinic)})
		list, err := h.rooms.List(t.Context(), g, person.AccountID{}, 10)
		if err != nil || len(list) != 3 { // the two who made the second link stand there too
			t.Fatalf("list: %v, %v", list, err)
		}
		a := list[slices.IndexFunc(list, func(a identity.Account) bool { return a.ID == mia })]
		if a.ID != mia || a.Chart != chart || !a.Active || a.Passkeys != 1 || a.Invited.IsZero() || a.Name.Reveal() != "Mia Torres" || a.Damaged {
			t.Errorf("account: %+v", a)
		}
		if rest, err := h.rooms.List(t.Context(), g, list[2].ID, 10); err != nil || len(rest) != 0 {
			t.Errorf("after the last: %v, %v", rest, err)
		}
		if id, err := h.rooms.FindPersona(t.Context(), "mother"); err != nil || id != mia {
			t.Errorf("find persona: %v, %v", id, err)
		}
		wantKind(t, "no such persona", second(h.rooms.FindPersona(t.Context(), "father")), fault.NotFound)
		self, err := h.rooms.Self(t.Context(), patient(h, mia))
		if err != nil || self.Name.Reveal() != "Mia Torres" || self.Chart != chart || self.Language != "" {
			t.Errorf("self: %+v, %v", self, err)
		}
		p, err := h.rooms.Plan(t.Context(), mia, identity.ChooseLanguage("es"))
		h.must(t, patient(h, mia), p, err)
		if self, err := h.rooms.Self(t.Context(), patient(h, mia)); err != nil || self.Language != "es" {
			t.Errorf("language: %+v, %v", self, err)
		}
		wantKind(t, "self of a stranger", second(h.rooms.Self(t.Context(), person.Stranger(vaulttest.Request()))), fault.Unauthenticated)
	})
}

func TestSuspendAndResume(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := device()
		nora := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
		admin := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleAdministrator}})
		boss := signedIn(h, admin, person.RoleAdministrator, person.PurposeOperations)
		key := h.enrol(t, nora, a)
		p, err := h.rooms.PlanSuspension(t.Context(), nora)
		h.must(t, boss, p, err)
		_, err = h.signIn(t, a, key)
		wantKind(t, "suspended", err, fault.Unauthenticated)
		p, err = h.rooms.Plan(t.Context(), nora, identity.Resume())
		h.must(t, boss, p, err)
		if _, err := h.signIn(t, a, key); err != nil {
			t.Errorf("resumed: %v", err)
		}
		p, err = h.rooms.PlanSuspension(t.Context(), admin)
		wantKind(t, "own account", h.do(t, boss, p, err), fault.Denied)
	})
}

// Somebody else changed the account between the plan and its Grant.
func TestStalePlanIsAConflict(t *testing.T) {
	h := lite(t, "test")
	ada := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
	edit, err := h.rooms.Assign(newPatient(t))
	if err != nil {
		t.Fatal(err)
	}
	stale, err := h.rooms.Plan(t.Context(), ada, edit)
	if err != nil {
		t.Fatal(err)
	}
	h.invite(t, ada)
	wantKind(t, "stale plan", h.do(t, operator(h), stale, nil), fault.Conflict)
}

// The entry of a change says what the account was and what it is.
func TestPlansTellTheLog(t *testing.T) {
	h := lite(t, "test")
	ward := newPatient(t)
	ada := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
	edit, err := h.rooms.Assign(ward)
	if err != nil {
		t.Fatal(err)
	}
	first, err := h.rooms.Plan(t.Context(), ada, edit)
	h.must(t, operator(h), first, err)
	second, err := h.rooms.Plan(t.Context(), ada, identity.Unassign(ward))
	if err != nil {
		t.Fatal(err)
	}
	one, two := first.Ask(operator(h)).Detail, second.Ask(operator(h)).Detail
	if one.Before.IsZero() || one.After == one.Before || two.Before != one.After || two.After != one.Before || one.Patient != ward {
		t.Errorf("details %+v, %+v", one, two)
	}
	doctor := h.account(t, identity.NewAccount{Roles: []person.Role{person.RolePatient}})
	p, err := h.rooms.Plan(t.Context(), doctor, edit)
	wantKind(t, "assign to a patient", h.do(t, operator(h), p, err), fault.Invalid)
}

// Production takes no patient before two administrators, who are two people, and
// a compliance officer have enrolled.
func TestReadyForPatients(t *testing.T) {
	h := lite(t, "production")
	ready := func(want bool) {
		t.Helper()
		if ok, err := h.rooms.ReadyForPatients(t.Context()); err != nil || ok != want {
			t.Fatalf("ready: %v, %v, want %v", ok, err, want)
		}
	}
	create := func(role person.Role, who byte, enrolled bool) person.AccountID {
		t.Helper()
		p, err := h.rooms.PlanCreate(t.Context(), identity.NewAccount{Roles: []person.Role{role}, Person: [16]byte{who}})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.rooms.Apply(t.Context(), vaulttest.Grant(t, h.testGate(t), p.Ask(operator(h))), p); err != nil {
			t.Fatal(err)
		}
		if !enrolled {
			return p.Account()
		}
		inv, err := h.rooms.PlanEnrolment(t.Context(), p.Account())
		if err != nil {
			t.Fatal(err)
		}
		if err := h.rooms.Apply(t.Context(), vaulttest.Grant(t, h.testGate(t), inv.Ask(operator(h))), inv); err != nil {
			t.Fatal(err)
		}
		h.accept(t, inv.Link()[len(origin+"/enrol#"):], device())
		return p.Account()
	}
	first := create(person.RoleAdministrator, 1, true)
	create(person.RoleAdministrator, 1, true) // the same person again
	create(person.RoleCompliance, 3, true)
	ready(false)
	create(person.RoleAdministrator, 2, false) // has not enrolled
	ready(false)
	create(person.RoleAdministrator, 4, true)
	ready(true)
	if ok, err := h.rooms.Enrolled(t.Context(), first); err != nil || !ok {
		t.Errorf("enrolled: %v, %v", ok, err)
	}
	wantKind(t, "personas on production", second(h.rooms.FindPersona(t.Context(), "mother")), fault.NotFound)
	create(person.RolePatient, 5, false)
}
