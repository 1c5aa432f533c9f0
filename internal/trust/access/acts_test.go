package access_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// office is two administrators and an account that needs a link.
type office struct {
	*kit
	ana, ben person.Caller
	link     access.Ask
}

func newOffice(t *testing.T, o options) *office {
	k := newKit(t, o)
	k.MarkTwoPerson(access.IssueEnrolment)
	of := &office{kit: k, ana: k.person(t, person.PatientID{}, person.RoleAdministrator), ben: k.person(t, person.PatientID{}, person.RoleAdministrator)}
	of.link = access.Ask{Caller: of.ana, Action: access.IssueEnrolment, Owner: person.Account(accountID(t)), Kinds: []string{"enrolment"}}
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
		"too late": {fault.NotFound, func(_ *testing.T, o *office) person.Caller { o.clock.Add(15 * time.Minute); return o.ben }},
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

// The proposer's proof of presence was fresh when it counted.
func TestAConfirmerMayTakeTenMinutes(t *testing.T) {
	o := newOffice(t, options{})
	act := o.propose(t)
	o.clock.Add(10 * time.Minute)
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
	g, err := access.New(access.Config{Log: o.log, Refusals: nothing{}, Directory: d, Environment: "production",
		Clock: o.clock.Now, Alert: o.alert, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	g.MarkTwoPerson(o.link.Action)
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
		g, err := access.New(access.Config{Log: o.log, Refusals: nothing{}, Directory: &lame{o.people, left}, Environment: "production",
			Clock: o.clock.Now, Alert: o.alert, Random: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		g.MarkTwoPerson(o.link.Action)
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
	for range 100 {
		o.propose(t)
	}
	if _, err := o.Propose(ctx, o.link, "x"); !fault.Is(err, fault.Throttled) {
		t.Errorf("the 101st: %v", err)
	}
	o.clock.Add(16 * time.Minute)
	o.link.Caller = as(o.ana, func(p *person.PersonConfig) { p.Proof.At = o.clock.Now() })
	o.propose(t) // those that waited have expired
	if err := o.log.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Propose(ctx, o.link, "x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a log: %v", err)
	}
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
		if w, err := o.Waiting(waiting.ID); err != nil || w.Hash != waiting.Hash || w.Text != "import one bundle" {
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
	if _, err := o.Confirm(ctx, o.ana, three.ID); !fault.Is(err, fault.Denied) {
		t.Fatalf("a command is approved and not confirmed: %v", err)
	}
	if _, err := o.Waiting(three.ID); err != nil {
		t.Fatalf("a refused approval used the act up: %v", err)
	}
	o.clock.Add(15 * time.Minute)
	if _, err := o.Waiting(three.ID); !fault.Is(err, fault.NotFound) {
		t.Fatalf("after its time: %v", err)
	}
}
