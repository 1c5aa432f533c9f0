package identity_test

import (
	"testing"
	"time"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/room/identity/identitytest"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

// linkAction is what a new link into account asks the gate for.
func (h *house) linkAction(t *testing.T, account person.AccountID) access.Action {
	t.Helper()
	p, err := h.rooms.PlanEnrolment(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return p.Action()
}

// A link into an account that has a passkey needs two people, in every
// environment, and stands under the patient whose chart it opens.
func TestALinkIntoAUsedAccountNeedsTwo(t *testing.T) {
	covers.Covers(t, "HC-6a", "HC-7c")
	for _, env := range []string{keys.Test, keys.Demo} {
		h := lite(t, env)
		chart := newPatient(t)
		maya := h.account(t, identity.NewAccount{Name: phi.NewText("Maya"), Roles: []person.Role{person.RolePatient}, Chart: chart})
		if got := h.linkAction(t, maya); got != access.IssueEnrolment {
			t.Fatalf("%s: the first link: %s", env, got)
		}
		early, err := h.rooms.PlanEnrolment(t.Context(), maya)
		if err != nil {
			t.Fatal(err)
		}
		g := vaulttest.Grant(t, h.gate, early.Ask(operator(h)))
		h.enrol(t, maya, device())
		wantKind(t, env+": a first link that is late", h.rooms.Apply(t.Context(), g, early), fault.Conflict)
		if early.Link() != "" {
			t.Errorf("%s: the late link is shown", env)
		}

		p, err := h.rooms.PlanEnrolment(t.Context(), maya)
		if err != nil || p.Action() != access.RenewEnrolment || p.Ask(person.Caller{}).Detail.Patient != chart {
			t.Fatalf("%s: plan %+v, %v", env, p, err)
		}
		admin := signedIn(h, h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleAdministrator}}), person.RoleAdministrator, person.PurposeOperations)
		wantKind(t, env+": one administrator", h.do(t, admin, p, nil), fault.Denied)
		wantKind(t, env+": a command", h.do(t, operator(h), p, nil), fault.Denied)
		first := vaulttest.Grant(t, h.gate, access.Ask{Caller: admin, Action: access.IssueEnrolment, Owner: person.Account(maya)})
		wantKind(t, env+": with a grant for a first link", h.rooms.Apply(t.Context(), first, p), fault.Denied)
		if p.Link() != "" {
			t.Errorf("%s: the link is shown", env)
		}
		if err := h.rooms.Apply(t.Context(), h.two(t, p), p); err != nil || p.Link() == "" {
			t.Errorf("%s: two: %v", env, err)
		}
		token := p.Link()[len(origin+"/enrol#"):]
		h.accept(t, token, device())
		wantKind(t, env+": a used link that two made", h.redeem(t, token), fault.Unauthenticated)
		// Which passkey goes makes no difference: the last one stays.
		if got := h.linkAction(t, maya); got != access.RenewEnrolment {
			t.Errorf("%s: once more: %s", env, got)
		}
	}
}

// One administrator makes no second self: once two have enrolled, the link of
// another administrator's account needs two people as well, and neither
// suspending the other nor damage to the rows changes that.
func TestAnAdministratorsLinkNeedsTwo(t *testing.T) {
	covers.Covers(t, "HC-6a")
	d := dbtest.New(t, db.SQLite, vaulttest.Migrations(identity.Migrations()...), dbtest.NoSync)
	h := open(t, d, keys.Test)
	admin := func() person.AccountID {
		return h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleAdministrator}})
	}
	ana, ben, ghost := admin(), admin(), admin()
	nurse := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
	want := func(when string, account person.AccountID, action access.Action) {
		t.Helper()
		if got := h.linkAction(t, account); got != action {
			t.Errorf("%s: %s, want %s", when, got, action)
		}
	}
	want("nobody has enrolled", ana, access.IssueEnrolment)
	h.enrol(t, ana, device())
	want("one has enrolled", ben, access.IssueEnrolment)
	h.enrol(t, ben, device())
	want("two have enrolled", ghost, access.RenewEnrolment)
	want("a nurse", nurse, access.IssueEnrolment)
	if err := h.suspendByTwo(t, ben, h.boss(ana), h.boss(ghost)); err != nil {
		t.Fatal(err)
	}
	h = h.restart(t)
	want("one of the two was suspended", ghost, access.RenewEnrolment)
	h = h.restart(t)
	h.damage(t, ben)
	want("one of the two was damaged", ghost, access.RenewEnrolment)
}

// Damage asks for two only for as long as it lasts: it is no second administrator, and
// must not keep the only one from making the link of another.
func TestDamageCountsWhileItLasts(t *testing.T) {
	h := lite(t, keys.Test)
	admin := func() person.AccountID {
		return h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleAdministrator}})
	}
	ana, ben := admin(), admin()
	nurse := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
	h.enrol(t, ana, device())
	h.damage(t, nurse)
	if got := h.linkAction(t, ben); got != access.RenewEnrolment {
		t.Errorf("while an account is damaged: %s", got)
	}
	dbtest.Raw(h.DB).Exec(t, `UPDATE account_row SET version = version - 1 WHERE account = ? AND kind = 1`, nurse.Bytes())
	if got := h.linkAction(t, ben); got != access.IssueEnrolment {
		t.Errorf("after the repair: %s", got)
	}
}

// A chart has one account: a second would be another way in that one
// administrator makes alone.
func TestAChartHasOneAccount(t *testing.T) {
	covers.Covers(t, "HC-6a")
	each(t, func(t *testing.T, h *house) {
		chart := newPatient(t)
		n := identity.NewAccount{Name: phi.NewText("Maya"), Roles: []person.Role{person.RolePatient}, Chart: chart}
		one, err := h.rooms.PlanCreate(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		raced, err := h.rooms.PlanCreate(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		h.must(t, operator(h), one, nil)
		wantTaken := func(what string, err error) {
			t.Helper()
			if !fault.Is(err, fault.Conflict) || fault.Message(err) != "problem.chart-taken" {
				t.Errorf("%s: %v", what, err)
			}
		}
		wantTaken("planned at the same time", h.do(t, operator(h), raced, nil))
		h = h.restart(t)
		p, err := h.rooms.PlanCreate(t.Context(), n)
		wantTaken("after a restart", h.do(t, operator(h), p, err))
		g := vaulttest.Grant(t, h.gate, listAsk(h, operator(h)))
		if name, err := h.rooms.PatientName(t.Context(), g, chart); err != nil || name.Reveal() != "Maya" {
			t.Errorf("name %v, %v", name, err)
		}
		if name, err := h.rooms.PatientName(t.Context(), g, newPatient(t)); err != nil || !name.IsZero() {
			t.Errorf("name of a chart without account: %v, %v", name, err)
		}
		_, err = h.rooms.PatientName(t.Context(), access.Grant{}, chart)
		wantKind(t, "without a grant", err, fault.Denied)
		_, err = h.rooms.PatientName(t.Context(), access.Grant{}, newPatient(t))
		wantKind(t, "without a grant, whether there is an account", err, fault.Denied)

		// A creation that fails leaves the chart free, and one that is repeated does not.
		n.Chart = newPatient(t)
		p, err = h.rooms.PlanCreate(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		raw := dbtest.Raw(h.DB)
		raw.Exec(t, `ALTER TABLE account_row RENAME TO away`)
		if err := h.do(t, operator(h), p, nil); err == nil {
			t.Fatal("an account without a table")
		}
		raw.Exec(t, `ALTER TABLE away RENAME TO account_row`)
		h.must(t, operator(h), p, nil)
		wantTaken("the same plan twice", h.do(t, operator(h), p, nil))
		again, err := h.rooms.PlanCreate(t.Context(), n)
		wantTaken("and still", h.do(t, operator(h), again, err))
	})
}

// When an account fails its check, nobody knows whose chart it holds.
func TestADamagedAccountMayHoldTheChart(t *testing.T) {
	h := lite(t, keys.Test)
	nurse := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
	h.damage(t, nurse)
	p, err := h.rooms.PlanCreate(t.Context(), identity.NewAccount{Roles: []person.Role{person.RolePatient}, Chart: newPatient(t)})
	wantKind(t, "create", h.do(t, operator(h), p, err), fault.Tampered)
	g := vaulttest.Grant(t, h.gate, listAsk(h, operator(h)))
	if name, err := h.rooms.PatientName(t.Context(), g, newPatient(t)); err != nil || !name.IsZero() {
		t.Errorf("name %v, %v", name, err)
	}
}

// Pages of accounts go forth and back.
func TestAccountsAreListedInPages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for range 5 {
			h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
		}
		g := vaulttest.Grant(t, h.gate, listAsk(h, operator(h)))
		ids := func(list []identity.Account, err error) (out []person.AccountID) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range list {
				out = append(out, a.ID)
			}
			return out
		}
		all := ids(h.rooms.List(t.Context(), g, person.AccountID{}, 10))
		if len(all) != 5 {
			t.Fatalf("%d accounts", len(all))
		}
		if back := ids(h.rooms.ListBefore(t.Context(), g, all[4], 2)); len(back) != 2 || back[0] != all[2] || back[1] != all[3] {
			t.Errorf("the page before the last: %v of %v", back, all)
		}
		if none := ids(h.rooms.ListBefore(t.Context(), g, all[0], 2)); len(none) != 0 {
			t.Errorf("before the first: %v", none)
		}
		_, err := h.rooms.ListBefore(t.Context(), access.Grant{}, all[4], 2)
		wantKind(t, "without a grant", err, fault.Denied)
		if a, err := h.rooms.Account(t.Context(), g, all[1]); err != nil || a.ID != all[1] || a.Guarded {
			t.Errorf("one account: %+v, %v", a, err)
		}
		_, err = h.rooms.Account(t.Context(), g, newAccount(t))
		wantKind(t, "no account", err, fault.NotFound)
		_, err = h.rooms.Account(t.Context(), access.Grant{}, all[1])
		wantKind(t, "one without a grant", err, fault.Denied)
	})
}

// An expired invitation does not keep an account from its first link.
func TestAnExpiredFirstLinkIsRenewedByOne(t *testing.T) {
	h := lite(t, keys.Test)
	nurse := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
	h.invite(t, nurse)
	h.Clock.Add(time.Hour)
	if got := h.linkAction(t, nurse); got != access.IssueEnrolment {
		t.Errorf("%s", got)
	}
}

// redeem uses a link, up to where it is refused.
func (h *house) redeem(t *testing.T, token string) error {
	t.Helper()
	o, err := h.rooms.BeginEnrol(t.Context(), token)
	if err != nil {
		return err
	}
	return h.finish(t, o)
}

func (h *house) finish(t *testing.T, o identity.Options) error {
	t.Helper()
	p, err := h.rooms.FinishEnrol(t.Context(), phi.NewText("phone"), identitytest.Answer(t, o.Ceremony, device().Create(t, o.PublicKey)))
	return h.do(t, person.Stranger(vaulttest.Request()), p, err)
}

// Links that one person made at one time are not a store of second selves: what was
// the rule when a link was made is asked again when it is used.
func TestALinkDiesWithTheRuleItWasMadeUnder(t *testing.T) {
	covers.Covers(t, "HC-6a")
	each(t, func(t *testing.T, h *house) {
		admin := func() person.AccountID {
			return h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleAdministrator}})
		}
		ana, ben, cid, dora := admin(), admin(), admin(), admin()
		nurse := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
		forAna, forBen, forNurse := h.invite(t, ana), h.invite(t, ben), h.invite(t, nurse)
		atBen, err := h.rooms.BeginEnrol(t.Context(), forBen)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.redeem(t, forAna); err != nil {
			t.Fatalf("the first link: %v", err)
		}
		wantKind(t, "a link of before anybody had enrolled", h.redeem(t, forBen), fault.Unauthenticated)
		wantKind(t, "one whose ceremony had begun", h.finish(t, atBen), fault.Unauthenticated)

		forBen, forCid := h.invite(t, ben), h.invite(t, cid)
		h = h.restart(t)
		if err := h.redeem(t, forBen); err != nil {
			t.Fatalf("the second administrator: %v", err)
		}
		wantKind(t, "a second self", h.redeem(t, forCid), fault.Unauthenticated)
		if err := h.redeem(t, h.invite(t, dora)); err != nil {
			t.Errorf("a link that two made: %v", err)
		}
		if err := h.redeem(t, forNurse); err != nil {
			t.Errorf("a nurse's link: %v", err)
		}
	})
}

// Two links that were both good when their ceremonies were planned: the change that
// comes second is refused.
func TestOfTwoLinksUsedAtOnceOneIsGood(t *testing.T) {
	h := lite(t, keys.Test)
	var plans []*identity.Plan
	for range 2 {
		id := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleAdministrator}})
		o, err := h.rooms.BeginEnrol(t.Context(), h.invite(t, id))
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.rooms.FinishEnrol(t.Context(), phi.NewText("phone"), identitytest.Answer(t, o.Ceremony, device().Create(t, o.PublicKey)))
		if err != nil {
			t.Fatal(err)
		}
		plans = append(plans, p)
	}
	stranger := person.Stranger(vaulttest.Request())
	h.must(t, stranger, plans[0], nil)
	wantKind(t, "the second", h.do(t, stranger, plans[1], nil), fault.Unauthenticated)
}

func (h *house) boss(account person.AccountID) person.Caller {
	return signedIn(h, account, person.RoleAdministrator, person.PurposeOperations)
}

// suspendByTwo suspends account as asked by one and confirmed by another.
func (h *house) suspendByTwo(t *testing.T, account person.AccountID, by, other person.Caller) error {
	t.Helper()
	p, err := h.rooms.PlanSuspension(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	act, err := h.gate.Propose(t.Context(), p.Ask(by), "suspend")
	if err != nil {
		t.Fatal(err)
	}
	return h.confirmed(t, account, act.ID, other)
}

func (h *house) confirmed(t *testing.T, account person.AccountID, act string, by person.Caller) error {
	t.Helper()
	p, err := h.rooms.PlanSuspension(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	g, err := h.gate.Confirm(t.Context(), by, act)
	if err != nil {
		return err
	}
	return h.rooms.Apply(t.Context(), g, p)
}

func (h *house) active(t *testing.T, account person.AccountID) bool {
	t.Helper()
	st, err := h.rooms.Standing(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return st.Active
}

// Those who keep watch over each other are suspended by two, and never the last one who
// could resume the others; everybody else by one.
func TestWhoKeepsWatchIsSuspendedByTwo(t *testing.T) {
	covers.Covers(t, "HC-6a")
	each(t, func(t *testing.T, h *house) {
		account := func(r person.Role) person.AccountID {
			return h.account(t, identity.NewAccount{Roles: []person.Role{r}})
		}
		ana, ben, ghost := account(person.RoleAdministrator), account(person.RoleAdministrator), account(person.RoleAdministrator)
		dora, omar, nurse := account(person.RoleCompliance), account(person.RoleCompliance), account(person.RoleNurse)
		h.enrol(t, ana, device())
		h.enrol(t, ben, device())
		officer := func(a person.AccountID) person.Caller {
			return signedIn(h, a, person.RoleCompliance, person.PurposeOperations)
		}
		for who, want := range map[person.AccountID]access.Action{nurse: access.SuspendAccount, ben: access.SuspendOverseer,
			ghost: access.SuspendOverseer, dora: access.SuspendOverseer} {
			p, err := h.rooms.PlanSuspension(t.Context(), who)
			if err != nil || p.Action() != want {
				t.Fatalf("%s is wanted: %v, %v", want, p, err)
			}
			if want == access.SuspendAccount {
				h.must(t, h.boss(ana), p, err)
				continue
			}
			wantKind(t, "alone", h.do(t, h.boss(ana), p, err), fault.Denied)
			p, err = h.rooms.PlanSuspension(t.Context(), who)
			if err != nil {
				t.Fatal(err)
			}
			g := vaulttest.Grant(t, h.gate, access.Ask{Caller: h.boss(ana), Action: access.SuspendAccount, Owner: person.Account(who)})
			wantKind(t, "as if it were anybody", h.rooms.Apply(t.Context(), g, p), fault.Denied)
		}
		wantKind(t, "by the target", h.suspendByTwo(t, ben, h.boss(ana), h.boss(ben)), fault.Denied)
		p, err := h.rooms.PlanSuspension(t.Context(), ana)
		if err != nil {
			t.Fatal(err)
		}
		against, err := h.gate.Propose(t.Context(), p.Ask(h.boss(ben)), "the other way round")
		if err != nil {
			t.Fatal(err)
		}
		if h.active(t, nurse) || !h.active(t, ben) || !h.active(t, dora) {
			t.Fatal("one person suspends those who keep watch")
		}
		if err := h.suspendByTwo(t, omar, h.boss(ana), h.boss(ghost)); err != nil || h.active(t, omar) {
			t.Errorf("an officer by two administrators: %v", err)
		}
		p, err = h.rooms.Plan(t.Context(), omar, identity.Resume())
		h.must(t, h.boss(ana), p, err) // one restores
		p, err = h.rooms.PlanSuspension(t.Context(), ghost)
		if err != nil {
			t.Fatal(err)
		}
		act, err := h.gate.Propose(t.Context(), p.Ask(h.boss(ana)), "suspend")
		if err != nil {
			t.Fatal(err)
		}
		if err := h.confirmed(t, ghost, act.ID, officer(dora)); err != nil || h.active(t, ghost) {
			t.Errorf("an administrator, with the officer: %v", err)
		}
		if err := h.suspendByTwo(t, dora, h.boss(ana), h.boss(ben)); err != nil {
			t.Error(err)
		}
		wantKind(t, "by a suspended officer", h.confirmed(t, ana, against.ID, officer(dora)), fault.Denied)
		if err := h.confirmed(t, ana, against.ID, officer(omar)); err != nil || h.active(t, ana) {
			t.Errorf("with the other officer: %v", err)
		}
		p, err = h.rooms.Plan(t.Context(), dora, identity.Resume())
		h.must(t, h.boss(ben), p, err)
		h = h.restart(t) // what waits is void
		wantKind(t, "the last administrator", h.suspendByTwo(t, ben, officer(omar), officer(dora)), fault.Conflict)
		if !h.active(t, ben) {
			t.Error("nobody is left to resume anybody")
		}
	})
}
