package access_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// office is two administrators and an account that needs a link.
type office struct {
	*kit
	ana, ben person.Caller
	link     access.Ask
}

func newOffice(t *testing.T, o options) *office {
	k := newKit(t, o)
	of := &office{kit: k, ana: k.person(t, person.PatientID{}, person.RoleAdministrator), ben: k.person(t, person.PatientID{}, person.RoleAdministrator)}
	of.link = access.Ask{Caller: of.ana, Action: access.RenewEnrolment, Owner: person.Account(accountID(t)), Kinds: []string{"enrolment"},
		Reason: "lost phone"}
	return of
}

func (o *office) propose(t *testing.T) access.Act {
	t.Helper()
	act, err := o.Propose(t.Context(), o.link, "a new link for the front desk")
	if err != nil {
		t.Fatal(err)
	}
	return act
}

func TestTwoPersonsDoWhatOneMayNot(t *testing.T) {
	o := newOffice(t, options{})
	if _, err := o.Decide(t.Context(), o.link); !fault.Is(err, fault.Denied) {
		t.Fatalf("alone: %v", err)
	}
	if _, err := o.Decide(t.Context(), access.Ask{Caller: stale(o.ana), Action: o.link.Action, Owner: o.link.Owner}); !fault.Is(err, fault.Denied) {
		t.Fatalf("alone and not fresh: %v, want denied: stepping up would not help", err)
	}
	act := o.propose(t)
	if e := o.newest(t); e.Event != audit.EventAdminChange || e.After != act.Hash || !strings.Contains(e.Reason, "proposed: a new link") {
		t.Fatalf("entry of the proposal: %+v", e)
	}
	o.link.Kinds[0] = "credential" // what was proposed is what was proposed
	g, err := o.Confirm(t.Context(), o.ben, act.ID)
	if err != nil {
		t.Fatal(err)
	}
	if g.Caller() != o.ana || g.Covers(o.link.Action, o.link.Owner) != nil || g.Check(o.link.Owner, "enrolment") != nil || g.Check(o.link.Owner, "credential") == nil {
		t.Fatal("the grant is not the proposer's")
	}
	if g.CheckChange(o.link.Owner, access.AccountSet) != nil || g.CheckChange(o.link.Owner, access.SessionSet) == nil || g.CheckMake(o.link.Owner) == nil {
		t.Fatal("the grant does not change what its action does")
	}
	e := o.entry(t, g.Seq())
	if e.Caller.Account != o.ben.Account() || !strings.Contains(e.Reason, o.ana.Account().String()) || e.After != act.Hash || e.Outcome != audit.Success {
		t.Fatalf("the entry does not name both: %+v", e)
	}
	if _, err := o.Confirm(t.Context(), o.ben, act.ID); !fault.Is(err, fault.NotFound) {
		t.Fatalf("confirmed twice: %v", err)
	}
}

func TestConfirmRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		want fault.Kind
		do   func(t *testing.T, o *office) person.Caller
	}{
		"the same person":            {fault.Denied, func(_ *testing.T, o *office) person.Caller { return o.ana }},
		"the same person, not fresh": {fault.Denied, func(_ *testing.T, o *office) person.Caller { return stale(o.ana) }},
		"a second account of the same person": {fault.Denied, func(t *testing.T, o *office) person.Caller {
			s, _ := o.people.Standing(t.Context(), o.ana.Account())
			o.people.Set(o.ben.Account(), s)
			return o.ben
		}},
		"an account of nobody": {fault.Denied, func(t *testing.T, o *office) person.Caller {
			s, _ := o.people.Standing(t.Context(), o.ben.Account())
			s.Person = [16]byte{}
			o.people.Set(o.ben.Account(), s)
			return o.ben
		}},
		"not fresh": {fault.StepUp, func(_ *testing.T, o *office) person.Caller { return stale(o.ben) }},
		"not allowed alone": {fault.Denied, func(t *testing.T, o *office) person.Caller {
			return o.person(t, person.PatientID{}, person.RoleClinician)
		}},
		"by token": {fault.Denied, func(_ *testing.T, o *office) person.Caller {
			return as(o.ben, func(p *person.PersonConfig) { p.Token = true })
		}},
		"a stranger": {fault.Denied, func(*testing.T, *office) person.Caller { return person.Stranger(person.Request{}) }},
		"suspended": {fault.Denied, func(_ *testing.T, o *office) person.Caller {
			o.people.Set(o.ben.Account(), access.Standing{})
			return o.ben
		}},
		"the proposer was suspended meanwhile": {fault.Denied, func(_ *testing.T, o *office) person.Caller {
			o.people.Set(o.ana.Account(), access.Standing{})
			return o.ben
		}},
		"for the own account": {fault.Denied, func(t *testing.T, o *office) person.Caller {
			account, _ := o.link.Owner.AsAccount()
			s, _ := o.people.Standing(t.Context(), o.ben.Account())
			o.people.Set(account, s)
			return as(o.ben, func(p *person.PersonConfig) { p.Account = account })
		}},
		"a role that was lost": {fault.Denied, func(t *testing.T, o *office) person.Caller {
			s, _ := o.people.Standing(t.Context(), o.ben.Account())
			s.Roles = []person.Role{person.RoleCompliance}
			o.people.Set(o.ben.Account(), s)
			return o.ben
		}},
		"too late": {fault.NotFound, func(_ *testing.T, o *office) person.Caller { o.clock.Add(4 * time.Hour); return o.ben }},
		"without a directory": {fault.Unavailable, func(_ *testing.T, o *office) person.Caller {
			o.people.Fail(errors.New("down"))
			return o.ben
		}},
		"without a log": {fault.Unavailable, func(t *testing.T, o *office) person.Caller {
			if err := o.log.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			return o.ben
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, options{})
			act := o.propose(t)
			if _, err := o.Confirm(t.Context(), c.do(t, o), act.ID); !fault.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

// A confirmation needs fresh presence whatever the policies say: they may let one
// administrator do alone what two do here without it.
func TestAConfirmerIsPresentWhateverThePoliciesAsk(t *testing.T) {
	m := files(t)
	m["policies/zz.cedar"] = &fstest.MapFile{Data: []byte(
		`@id("loose") permit (principal in Role::"administrator", action == Action::"renewEnrolment", resource is Account) when { context.active };`)}
	o := newOffice(t, options{policies: m})
	act := o.propose(t)
	if _, err := o.Confirm(t.Context(), stale(o.ben), act.ID); !fault.Is(err, fault.StepUp) {
		t.Fatalf("not fresh: %v, want step-up", err)
	}
	if _, err := o.Confirm(t.Context(), o.ben, act.ID); err != nil {
		t.Fatalf("fresh: %v", err)
	}
}

// The proposer's proof of presence was fresh when it counted.
func TestAConfirmerMayTakeSomeHours(t *testing.T) {
	o := newOffice(t, options{})
	act := o.propose(t)
	o.clock.Add(4*time.Hour - time.Second)
	ben := as(o.ben, func(p *person.PersonConfig) { p.Proof.At = o.clock.Now() })
	if _, err := o.Confirm(t.Context(), ben, act.ID); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyOneOfManyConfirms(t *testing.T) {
	o := newOffice(t, options{})
	act := o.propose(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	grants := 0
	for range 8 {
		wg.Go(func() {
			if _, err := o.Confirm(t.Context(), o.ben, act.ID); err == nil {
				mu.Lock()
				grants++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if grants != 1 {
		t.Fatalf("%d grants for one act", grants)
	}
}

// trip runs fn once, while the gate asks for the third time.
type trip struct {
	access.Directory
	asked int
	fn    func()
}

func (d *trip) Standing(ctx context.Context, id person.AccountID) (access.Standing, error) {
	if d.asked++; d.asked == 3 {
		d.fn()
	}
	return d.Directory.Standing(ctx, id)
}

// Somebody confirms the act while another confirmation is being decided.
func TestAnActIsUsedUpWhileItIsDecided(t *testing.T) {
	o := newOffice(t, options{})
	d := &trip{Directory: o.people, asked: 3}
	g, err := access.New(access.Config{Log: o.log, Refusals: nothing{}, Directory: d, Volume: vaulttest.Endless{}, Environment: "production",
		Clock: o.clock.Now, Alert: o.alert, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	act, err := g.Propose(t.Context(), o.link, "x")
	if err != nil {
		t.Fatal(err)
	}
	d.asked, d.fn = 0, func() {
		if _, err := g.Confirm(t.Context(), o.ben, act.ID); err != nil {
			t.Errorf("the first: %v", err)
		}
	}
	if _, err := g.Confirm(t.Context(), o.ben, act.ID); !fault.Is(err, fault.NotFound) {
		t.Fatalf("the second: %v", err)
	}
}

// lame answers a number of times and then no more.
type lame struct {
	access.Directory
	left int
}

func (l *lame) Standing(ctx context.Context, id person.AccountID) (access.Standing, error) {
	if l.left--; l.left < 0 {
		return access.Standing{}, errors.New("down")
	}
	return l.Directory.Standing(ctx, id)
}

// The directory fails at each of the questions in turn: never a grant.
func TestADirectoryThatFailsInBetween(t *testing.T) {
	o := newOffice(t, options{})
	for left := range 6 {
		g, err := access.New(access.Config{Log: o.log, Refusals: nothing{}, Directory: &lame{o.people, left}, Volume: vaulttest.Endless{}, Environment: "production",
			Clock: o.clock.Now, Alert: o.alert, Random: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		act, err := g.Propose(t.Context(), o.link, "x")
		if err == nil {
			_, err = g.Confirm(t.Context(), o.ben, act.ID)
		}
		if left < 5 != fault.Is(err, fault.Unavailable) || left < 5 != (len(o.takeAlerts()) == 1) {
			t.Errorf("after %d answers: %v", left, err)
		}
	}
}

func TestProposalsRefuse(t *testing.T) {
	o := newOffice(t, options{})
	ctx := t.Context()
	if _, err := o.Propose(ctx, access.Ask{Caller: o.ana, Action: "nothing"}, "x"); !fault.Is(err, fault.Internal) {
		t.Errorf("an unknown action: %v", err)
	}
	alone := o.link
	alone.Action = access.IssueEnrolment
	if _, err := o.Propose(ctx, alone, "x"); !fault.Is(err, fault.Invalid) {
		t.Errorf("what one person does alone: %v", err)
	}
	for name, c := range map[string]struct {
		c    person.Caller
		want fault.Kind
	}{
		"a clinician": {o.person(t, person.PatientID{}, person.RoleClinician), fault.Denied},
		"by token":    {as(o.ana, func(p *person.PersonConfig) { p.Token = true }), fault.Denied},
		"a stranger":  {person.Stranger(person.Request{}), fault.Denied},
		"not fresh":   {stale(o.ana), fault.StepUp},
	} {
		ask := o.link
		ask.Caller = c.c
		if _, err := o.Propose(ctx, ask, "x"); !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	dry := newOffice(t, options{random: iotest.ErrReader(io.ErrUnexpectedEOF)})
	if _, err := dry.Propose(ctx, dry.link, "x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without randomness: %v", err)
	}
	if err := o.log.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Propose(ctx, o.link, "x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a log: %v", err)
	}
	if _, err := o.Propose(ctx, o.link, "x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a log, again: %v: what nobody logged waits", err)
	}
}

// review is a Grant to see what waits.
func (o *office) review(t *testing.T, c person.Caller) access.Grant {
	t.Helper()
	g, err := o.Decide(t.Context(), access.Ask{Caller: c, Action: access.ReviewActs, Owner: person.Owner{Kind: person.OwnerClinic}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// What waits is for those who may approve it, and everybody else gets one answer.
func TestWhatWaitsIsForThoseWhoMayApprove(t *testing.T) {
	covers.Covers(t, "HC-6a")
	o := newOffice(t, options{})
	ctx := t.Context()
	act := o.propose(t)
	for name, c := range map[string]person.Caller{
		"a clinician": o.person(t, person.PatientID{}, person.RoleClinician),
		"a patient":   o.person(t, patientID(t), person.RolePatient),
		"the officer": o.person(t, person.PatientID{}, person.RoleCompliance),
		"by token":    as(o.ana, func(p *person.PersonConfig) { p.Token = true }),
		"a stranger":  person.Stranger(person.Request{}),
	} {
		for _, a := range []access.Action{access.ReviewActs, access.ApproveAct, access.DeclineAct} {
			owner := person.Account(c.Account())
			if a == access.ReviewActs {
				owner = person.Owner{Kind: person.OwnerClinic}
			}
			if _, err := o.Decide(ctx, access.Ask{Caller: c, Action: a, Owner: owner, Object: "act/" + act.ID}); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s, %s: %v, want not found", name, a, err)
			}
		}
	}
	g := o.review(t, o.ben)
	if w, err := o.Waiting(g, act.ID); err != nil || !w.TwoPerson() || w.Action() != o.link.Action || w.Owner() != o.link.Owner || w.Reason() != "lost phone" {
		t.Errorf("waiting %+v, %v", w, err)
	}
	if list, err := o.WaitingForTwo(g); err != nil || len(list) != 1 || list[0].ID != act.ID {
		t.Errorf("list %v, %v", list, err)
	}
	other, err := o.Decide(ctx, access.Ask{Caller: o.ben, Action: access.ListAccounts, Owner: person.Owner{Kind: person.OwnerClinic}})
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]access.Grant{"none": {}, "for something else": other} {
		if _, err := o.Waiting(bad, act.ID); !fault.Is(err, fault.Denied) {
			t.Errorf("seen with a grant: %s: %v", name, err)
		}
		if _, err := o.WaitingForTwo(bad); !fault.Is(err, fault.Denied) {
			t.Errorf("listed with a grant: %s: %v", name, err)
		}
	}
	o.clock.Add(4 * time.Hour)
	ben := as(o.ben, func(p *person.PersonConfig) { p.Proof.At = o.clock.Now() })
	if list, err := o.WaitingForTwo(o.review(t, ben)); err != nil || len(list) != 0 {
		t.Errorf("after its time: %v, %v", list, err)
	}
}

// The officer may confirm the suspension of those who keep watch, and so sees such
// proposals and nothing else that waits.
func TestAnOfficerSeesSuspensionsAlone(t *testing.T) {
	covers.Covers(t, "HC-6a")
	o := newOffice(t, options{})
	officer := o.person(t, person.PatientID{}, person.RoleCompliance)
	link := o.propose(t)
	stop, err := o.Propose(t.Context(), access.Ask{Caller: o.ana, Action: access.SuspendOverseer, Owner: person.Account(o.ben.Account())}, "suspend ben")
	if err != nil {
		t.Fatal(err)
	}
	look := access.Ask{Caller: officer, Action: access.ReviewSuspensions, Owner: person.Owner{Kind: person.OwnerClinic}}
	g, err := o.Decide(t.Context(), look)
	if err != nil {
		t.Fatal(err)
	}
	if w, err := o.Waiting(g, stop.ID); err != nil || w.ID != stop.ID {
		t.Errorf("the suspension: %+v, %v", w, err)
	}
	for what, id := range map[string]string{"a link": link.ID, "nothing": strings.Repeat("0", 32)} {
		if w, err := o.Waiting(g, id); !fault.Is(err, fault.NotFound) || w.ID != "" {
			t.Errorf("%s: %+v, %v", what, w, err)
		}
	}
	if list, err := o.WaitingForTwo(g); err != nil || len(list) != 1 || list[0].ID != stop.ID {
		t.Errorf("list %v, %v", list, err)
	}
	if list, err := o.WaitingForTwo(o.review(t, o.ana)); err != nil || len(list) != 2 {
		t.Errorf("an administrator's list %v, %v", list, err)
	}
	if list, err := o.WaitingForTwo(o.review(t, o.ben)); err != nil || len(list) != 1 || list[0].ID != link.ID {
		t.Errorf("the target's list %v, %v", list, err)
	}
	if _, err := o.Waiting(o.review(t, o.ben), stop.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("the target sees it: %v", err)
	}
	if _, err := o.Decline(t.Context(), o.ben, stop.ID); !fault.Is(err, fault.NotFound) || o.newest(t).Outcome != audit.Refused {
		t.Errorf("the target declines it: %v", err)
	}
	look.Caller = o.ben
	if _, err := o.Decide(t.Context(), look); !fault.Is(err, fault.NotFound) {
		t.Errorf("an administrator has a way of its own: %v", err)
	}
	if _, err := o.Confirm(t.Context(), officer, link.ID); !fault.Is(err, fault.Denied) {
		t.Errorf("the officer confirms a link: %v", err)
	}
	if _, err := o.Confirm(t.Context(), stale(officer), stop.ID); !fault.Is(err, fault.StepUp) {
		t.Errorf("without a fresh proof: %v", err)
	}
	if _, err := o.Confirm(t.Context(), o.ben, stop.ID); !fault.Is(err, fault.Denied) {
		t.Errorf("the target confirms: %v", err)
	}
	if g, err := o.Confirm(t.Context(), officer, stop.ID); err != nil || g.CheckChange(person.Account(o.ben.Account()), access.AccountSet|access.SessionSet) != nil {
		t.Errorf("the officer confirms: %v", err)
	}
}

// The proposer withdraws, another declines: either ends the act, and the patient
// whom it is about has the entry.
func TestAProposalIsWithdrawnOrDeclined(t *testing.T) {
	for want, by := range map[string]func(o *office) person.Caller{
		"withdrawn: a new link": func(o *office) person.Caller { return o.ana },
		"declined: a new link":  func(o *office) person.Caller { return o.ben },
	} {
		o := newOffice(t, options{})
		o.link.Detail.Patient = patientID(t)
		act := o.propose(t)
		if e := o.newest(t); e.Patient != o.link.Detail.Patient {
			t.Errorf("the proposal names %v", e.Patient)
		}
		if _, err := o.Decline(t.Context(), stale(by(o)), act.ID); !fault.Is(err, fault.StepUp) {
			t.Errorf("%s without fresh presence: %v", want, err)
		}
		if _, err := o.Decline(t.Context(), by(o), act.ID); err != nil {
			t.Fatal(err)
		}
		if e := o.newest(t); !strings.HasPrefix(e.Reason, want) || e.Patient != o.link.Detail.Patient || e.After != act.Hash {
			t.Errorf("entry %+v", e)
		}
		if _, err := o.Confirm(t.Context(), o.ben, act.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s and then confirmed: %v", want, err)
		}
		if _, err := o.Decline(t.Context(), by(o), act.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s twice: %v", want, err)
		}
		o.propose(t) // and it can be asked for again
	}
}

// What needs two people is not approved like a command, which one person does,
// and a command is not confirmed.
func TestTheTwoKindsDoNotMix(t *testing.T) {
	o := newOffice(t, options{})
	act := o.propose(t)
	if _, err := o.Approve(t.Context(), o.ben, act.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("approved alone: %v", err)
	}
	if _, err := o.Confirm(t.Context(), o.ben, act.ID); err != nil {
		t.Errorf("the try used it up: %v", err)
	}
	if !access.RenewEnrolment.TwoPerson() || access.IssueEnrolment.TwoPerson() {
		t.Error("the table says otherwise")
	}
}

// A target waits once, and a person has a bound that is nobody else's.
func TestOnePersonsProposalsAreBounded(t *testing.T) {
	o := newOffice(t, options{})
	ctx := t.Context()
	first := o.propose(t)
	again := o.link
	again.Caller = o.ben
	if _, err := o.Propose(ctx, again, "x"); !fault.Is(err, fault.Conflict) || fault.Message(err) != "error.act-waits" {
		t.Errorf("the same target twice: %v", err)
	}
	size := o.log.Size()
	for range 15 {
		o.link.Owner = person.Account(accountID(t))
		o.propose(t)
	}
	o.link.Owner = person.Account(accountID(t))
	if _, err := o.Propose(ctx, o.link, "x"); !fault.Is(err, fault.Throttled) {
		t.Errorf("the 17th of one person: %v", err)
	}
	if o.log.Size() != size+15 {
		t.Errorf("%d entries for 15 proposals", o.log.Size()-size)
	}
	o.link.Caller = o.ben
	o.propose(t)
	if _, err := o.Confirm(ctx, o.ben, first.ID); err != nil {
		t.Errorf("the first was pushed out: %v", err)
	}
	o.clock.Add(4 * time.Hour)
	o.link.Caller = as(o.ana, func(p *person.PersonConfig) { p.Proof.At = o.clock.Now() })
	o.propose(t) // those that waited have expired
}

// command is a command that a user of the operating system runs.
func command(name, user string, a access.Action) access.Ask {
	return access.Ask{Caller: person.NewOperator(name, person.AccountID{}, person.PurposeRecords, person.Request{Source: user}),
		Action: a, Owner: person.Owner{Kind: person.OwnerClinic}}
}

// A flood of proposals pushes out its own kind, the oldest first, and nothing else.
func TestAFloodOfCommandsShutsNobodyOut(t *testing.T) {
	o := newOffice(t, options{})
	ctx := t.Context()
	put := func(a access.Ask) access.Act {
		t.Helper()
		act, err := o.Propose(ctx, a, "x")
		if err != nil {
			t.Fatal(err)
		}
		o.clock.Add(time.Second)
		return act
	}
	kept := []access.Act{o.propose(t), put(command("account", "uid 0", access.AddAccount)), put(command("account", "uid 7", access.AssignPatient)),
		put(command("import", "uid 7", access.AddAccount))}
	var flood []access.Act
	for range 30 {
		flood = append(flood, put(command("account", "uid 7", access.AddAccount)))
	}
	g := o.review(t, o.ben)
	for i, act := range kept {
		if _, err := o.Waiting(g, act.ID); err != nil {
			t.Errorf("the flood pushed out act %d: %v", i, err)
		}
	}
	for i, act := range flood {
		_, err := o.Waiting(g, act.ID)
		if waits := i >= 22; waits != (err == nil) {
			t.Errorf("number %d of the flood: %v", i, err)
		}
		if i >= 8 && (len(act.Voided) != 1 || act.Voided[0] != flood[i-8].ID) {
			t.Errorf("number %d pushed out %v", i, act.Voided)
		}
	}
}

// stuck is a log that writes when it is told to.
type stuck struct {
	access.Log
	at func()
}

func (s stuck) Start(e audit.Entry) *audit.Pending {
	s.at()
	return s.Log.Start(e)
}

// Nobody finds an act before its proposal is in the log.
func TestAnActIsFoundWhenItIsLogged(t *testing.T) {
	o := newOffice(t, options{})
	var ids []string
	watch := stuck{o.log, func() {}}
	g, err := access.New(access.Config{Log: &watch, Refusals: nothing{}, Directory: o.people, Volume: vaulttest.Endless{}, Environment: "production",
		Clock: o.clock.Now, Alert: o.alert, Random: tee{func(b []byte) { ids = append(ids, hex.EncodeToString(b)) }}})
	if err != nil {
		t.Fatal(err)
	}
	gr, err := g.Decide(t.Context(), access.Ask{Caller: o.ben, Action: access.ReviewActs, Owner: person.Owner{Kind: person.OwnerClinic}})
	if err != nil {
		t.Fatal(err)
	}
	tried := false
	watch.at = func() {
		tried = true
		if _, err := g.Waiting(gr, ids[0]); !fault.Is(err, fault.NotFound) {
			t.Errorf("found before it was logged: %v", err)
		}
		if list, err := g.WaitingForTwo(gr); err != nil || len(list) != 0 {
			t.Errorf("listed before it was logged: %v, %v", list, err)
		}
	}
	act, err := g.Propose(t.Context(), o.link, "x")
	if err != nil || !tried || act.ID != ids[0] {
		t.Fatalf("proposed %v, %v", act.ID, err)
	}
	watch.at = func() {}
	if _, err := g.Waiting(gr, act.ID); err != nil {
		t.Error(err)
	}
}

// tee is randomness that a test sees.
type tee struct{ saw func([]byte) }

func (r tee) Read(b []byte) (int, error) {
	n, err := rand.Read(b)
	r.saw(b)
	return n, err
}

// A command waits for a named person, who approves or declines the exact act.
func TestCommandsWaitForANamedPerson(t *testing.T) {
	o := newOffice(t, options{})
	ctx := t.Context()
	command := access.Ask{Caller: person.NewOperator("import", person.AccountID{}, person.PurposeRecords, person.Request{}),
		Action: access.ImportChart, Owner: person.Patient(patientID(t)), Detail: access.Detail{File: audit.Digest{7}}}
	propose := func() access.Act {
		t.Helper()
		act, err := o.Propose(ctx, command, "import one bundle")
		if err != nil {
			t.Fatal(err)
		}
		return act
	}
	one, two := propose(), propose()
	if one.ID == two.ID || one.Hash == two.Hash {
		t.Fatal("two acts share an id or a hash")
	}
	for name, change := range map[string]func() (access.Act, error){
		"approve": func() (access.Act, error) { return o.Approve(ctx, o.ana, one.ID) },
		"decline": func() (access.Act, error) { return o.Decline(ctx, o.ana, two.ID) },
	} {
		waiting := map[string]access.Act{"approve": one, "decline": two}[name]
		if w, err := o.Waiting(o.review(t, o.ana), waiting.ID); err != nil || w.Hash != waiting.Hash || w.Text != "import one bundle" {
			t.Fatalf("%s: waiting %+v, %v", name, w, err)
		}
		act, err := change()
		if err != nil || act.ID != waiting.ID {
			t.Fatalf("%s: %v", name, err)
		}
		if e := o.newest(t); e.Caller.Account != o.ana.Account() || e.After != act.Hash || !strings.HasPrefix(e.Reason, name) {
			t.Fatalf("%s: entry %+v", name, e)
		}
		if _, err := change(); !fault.Is(err, fault.NotFound) {
			t.Fatalf("%s twice: %v", name, err)
		}
	}
	three := propose()
	for _, do := range []func(context.Context, person.Caller, string) (access.Act, error){o.Approve, o.Decline} {
		if _, err := do(ctx, stale(o.ana), three.ID); !fault.Is(err, fault.StepUp) {
			t.Fatalf("without fresh presence: %v", err)
		}
	}
	if _, err := o.Confirm(ctx, o.ana, three.ID); !fault.Is(err, fault.NotFound) {
		t.Fatalf("a command is approved and not confirmed: %v", err)
	}
	g := o.review(t, o.ana)
	if _, err := o.Waiting(g, three.ID); err != nil {
		t.Fatalf("a refused approval used the act up: %v", err)
	}
	o.clock.Add(15 * time.Minute)
	if _, err := o.Waiting(g, three.ID); !fault.Is(err, fault.NotFound) {
		t.Fatalf("after its time: %v", err)
	}
}
