package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Ask is a question to the gate.
type Ask struct {
	Caller person.Caller
	Action Action
	Owner  person.Owner // whose data: the resource of the decision
	New    person.Owner // whom the action makes where that is not Owner (an account of the clinic), named at the end of Object; else zero
	Object string       // "Observation/<id>", or empty for a view
	Query  string       // the search as asked, for the log's sealed payload
	Kinds  []string     // the kinds of row that the view needs
	Apart  string       // tells refusals apart where the question decides who Owner is, so that their count says nothing of it; in memory alone
	Reason string       // why, in the words of an operator; empty otherwise
	Detail Detail
}

// Detail is what the log keeps of a change.
type Detail struct {
	Before, After audit.Digest     // content before and after
	File          audit.Digest     // content of an imported file
	Patient       person.PatientID // whom the change is about when it is not the owner (an assigned patient)
}

// stepUpWindow is how long a proof of presence counts as fresh (NIST SP
// 800-63B-4 2.2.3 bounds the session; for high-risk acts ours is five minutes).
const stepUpWindow = 5 * time.Minute

// Log is what the gate needs of the log. *audit.Log is one.
type Log interface {
	// Start hands an entry to the sequencer; Wait returns when it is durable.
	Start(e audit.Entry) *audit.Pending
}

// Refusals counts refusals: the first of its kind is durable when Refuse
// returns, identical ones within the minute are counted. fault.Throttled says that
// it is recorded too, and that the caller was refused too many different things.
// *audit.Refusals is one.
type Refusals interface {
	Refuse(ctx context.Context, key string, e audit.Entry) error
}

// Volume bounds what one person is given of other people's charts in a day. It is asked by
// this package and by package vault, so no room and no door can leave it out. What it
// refuses is fault.Throttled, and what it cannot count fault.Unavailable.
type Volume interface {
	// Open counts that c, whom the policies allow it, opens patient's chart for kinds. It
	// is called before the entry is written.
	Open(ctx context.Context, c person.Caller, patient person.PatientID, kinds []string) error
	// Give counts n resources more that leave for c.
	Give(ctx context.Context, c person.Caller, n int) error
}

// Config is what New needs; every field is required but Server, Policies and Ledger.
type Config struct {
	Log         Log
	Refusals    Refusals
	Directory   Directory
	Volume      Volume
	Environment string // demo, test or production
	Server      string // name of this server, for the log; empty leaves it out
	Clock       func() time.Time
	Alert       func(ctx context.Context, what string) // a policy error, or facts that cannot be fetched
	Random      io.Reader                              // identifiers of acts; a cryptographic source
	Policies    fs.FS                                  // nil means the embedded files
	Ledger      *Ledger                                // reads the log; nil means that nothing does
}

// Gate decides.
type Gate struct {
	*Ledger
	c        Config
	policies *policies
	defs     map[Action]ActionDef
	verdicts verdicts
	acts     acts
}

// New loads and validates the policies. An error stops the start.
func New(c Config) (*Gate, error) {
	if c.Log == nil || c.Refusals == nil || c.Directory == nil || c.Volume == nil || c.Clock == nil || c.Alert == nil || c.Random == nil || c.Environment == "" {
		return nil, errors.New("open gate: the configuration is incomplete")
	}
	if c.Policies == nil {
		c.Policies = policyFiles
	}
	p, err := loadPolicies(c.Policies)
	if err != nil {
		return nil, err
	}
	if err := checkActions(Actions(), p.actions); err != nil {
		return nil, err
	}
	g := &Gate{Ledger: c.Ledger, c: c, policies: p, defs: map[Action]ActionDef{}, acts: acts{wait: map[string]Act{}}}
	for _, d := range Actions() {
		g.defs[d.Action] = d
	}
	return g, nil
}

// Pending is a decision to allow whose entry is on its way to the disk. Sealed
// bytes may be fetched meanwhile; Grant waits.
type Pending struct {
	entry *audit.Pending
	grant *grant
}

// Grant waits until the entry is durable and mints the Grant. When the log
// fails there is no Grant and the error is fault.Unavailable.
func (p *Pending) Grant(ctx context.Context) (Grant, error) {
	r, err := p.entry.Wait(ctx)
	if err != nil {
		return Grant{}, fault.Wrap(fault.Unavailable, "log decision", err)
	}
	p.grant.seq = r.Seq
	return Grant{g: p.grant}, nil
}

// Decide asks the policy, has the decision logged durably and mints the Grant.
// A refusal is logged and comes back as the fault that the action's definition
// names, or as fault.StepUp when proving presence again would have helped.
func (g *Gate) Decide(ctx context.Context, a Ask) (Grant, error) {
	p, err := g.Begin(ctx, a)
	if err != nil {
		return Grant{}, err
	}
	return p.Grant(ctx)
}

// Begin is Decide up to the wait for the disk.
func (g *Gate) Begin(ctx context.Context, a Ask) (*Pending, error) {
	def, ok := g.defs[a.Action]
	if !ok {
		return nil, fmt.Errorf("decide %q: no such action", a.Action)
	}
	if !a.New.IsZero() && !(def.Makes && strings.HasSuffix(a.Object, a.New.String())) {
		return nil, fmt.Errorf("decide %q: it makes nobody, or its entry would not say whom", a.Action)
	}
	s, err := g.facts(ctx, a, def)
	if err != nil {
		return nil, err
	}
	allowed, ids := g.rule(ctx, a, def, s)
	e := g.entry(a, def, s, ids)
	if !allowed || def.TwoPerson { // only Confirm mints a Grant for those
		return nil, g.refuse(ctx, a, def, s, e, !def.TwoPerson)
	}
	var meter *Gate
	if p, others := a.Owner.AsPatient(); others && metered(a, def, s) {
		if err := g.c.Volume.Open(ctx, a.Caller, p, a.Kinds); err != nil {
			return nil, g.enough(ctx, a, e, err)
		}
		meter = g
	}
	return &Pending{entry: g.c.Log.Start(e), grant: &grant{ctx: ctx, meter: meter, caller: a.Caller, action: a.Action, owner: a.Owner,
		kinds: slices.Clone(a.Kinds), rework: def.Reseal, changes: def.Changes, makes: def.Makes, made: a.New, seq: -1}}, nil
}

// metered reports whether a decision to allow counts for the caller's day: a person, or
// a program that acts for one, is shown somebody else's chart.
func metered(a Ask, def ActionDef, s situation) bool {
	k := a.Caller.Kind()
	return def.on == chart && def.Changes == 0 && !s.own && (k == person.KindPerson || k == person.KindToken)
}

// enough logs that what the policies allow is more than the day does, and returns what
// the person is told.
func (g *Gate) enough(ctx context.Context, a Ask, e audit.Entry, err error) error {
	if !fault.Is(err, fault.Throttled) {
		return err
	}
	e.Event, e.Outcome, e.Fault, e.Reason = audit.EventRefused, audit.Refused, fault.Throttled.String(), fault.Message(err)
	key := a.Caller.Key() + " enough " + string(a.Action) + " " + a.Owner.String() + " " + a.Object
	if failed := g.c.Refusals.Refuse(ctx, key, e); failed != nil && !fault.Is(failed, fault.Throttled) {
		return fault.Wrap(fault.Unavailable, "log refusal", failed)
	}
	return err
}

// Refused logs that what gr allowed came to nothing: the room that carried it
// out said no for a reason that policy does not know, such as a file that it does
// not take. message is the id of what the caller is told, and no text of theirs.
func (g *Gate) Refused(ctx context.Context, gr Grant, kind fault.Kind, message string) error {
	if err := gr.Alive(); err != nil {
		return err
	}
	a := Ask{Caller: gr.Caller(), Action: gr.Action(), Owner: gr.Owner(),
		Reason: fmt.Sprintf("%s; decided by entry %d", message, gr.Seq())}
	e := g.entry(a, g.defs[a.Action], situation{}, nil)
	e.Event, e.Outcome, e.Fault = audit.EventRefused, audit.Refused, kind.String()
	if _, err := g.c.Log.Start(e).Wait(ctx); err != nil {
		return fault.Wrap(fault.Unavailable, "log refusal", err)
	}
	return nil
}

// facts is situation with an alert when it fails.
func (g *Gate) facts(ctx context.Context, a Ask, def ActionDef) (situation, error) {
	s, err := g.situation(ctx, a, def)
	if err != nil {
		g.c.Alert(ctx, "facts of a decision cannot be fetched")
		return situation{}, fault.Wrap(fault.Unavailable, "fetch facts", err)
	}
	return s, nil
}

// rule is authorize with an alert when a policy fails, which is a deny.
func (g *Gate) rule(ctx context.Context, a Ask, def ActionDef, s situation) (bool, []string) {
	allowed, ids, err := g.authorize(a, def, s)
	if err != nil {
		g.c.Alert(ctx, "policy error: "+err.Error())
	}
	return allowed && err == nil, ids
}

// refuse records the refusal and returns what the person is told: fault.StepUp
// only when freshness is all that is missing, so curable says whether anything
// else stands in the way that the policies do not know.
func (g *Gate) refuse(ctx context.Context, a Ask, def ActionDef, s situation, e audit.Entry, curable bool) error {
	kind := def.Refusal
	if stepped := s; curable && !s.fresh {
		stepped.fresh = true
		if allowed, _, err := g.authorize(a, def, stepped); err == nil && allowed {
			kind = fault.StepUp
		}
	}
	e.Event, e.Outcome, e.Fault = audit.EventRefused, audit.Refused, kind.String()
	key := a.Caller.Key() + " " + string(a.Action) + " " + a.Owner.String() + " " + a.Object + a.Apart
	if err := g.c.Refusals.Refuse(ctx, key, e); err != nil {
		if fault.Is(err, fault.Throttled) {
			return err // in place of every kind: a target that exists and one that does not stay alike
		}
		return fault.Wrap(fault.Unavailable, "log refusal", err)
	}
	return fault.New(kind, "decide "+string(a.Action))
}

// situation is the facts of one decision.
type situation struct {
	active, proven, fresh, own, assigned bool
}

// situation fetches the facts. Every decision of a person about a chart asks for
// the same facts in the same order, whether or not the chart exists or is
// assigned, so that the time of a refusal says nothing.
func (g *Gate) situation(ctx context.Context, a Ask, def ActionDef) (situation, error) {
	c := a.Caller
	var s situation
	s.proven = c.Proof().Method == "passkey" || g.c.Environment != keys.Production
	// A proof from the future is as old as it is early: a clock that steps back
	// must not keep one fresh. Whatever proves nothing here is never fresh.
	s.fresh = s.proven && !c.Proof().At.IsZero() && g.c.Clock().Sub(c.Proof().At).Abs() <= stepUpWindow
	// A fictional person has no passkey to show again; whoever signs in to the
	// demo with one is asked like everybody.
	s.fresh = s.fresh || g.c.Environment == keys.Demo && c.Proof().Method == "demo"
	switch c.Kind() {
	case person.KindStranger:
		id, _ := a.Owner.AsAccount()
		standing, err := g.c.Directory.Standing(ctx, id)
		s.active, s.fresh = standing.Active, false
		return s, err
	case person.KindPerson, person.KindToken:
		return g.personal(ctx, a, def, s)
	default:
		return g.operated(ctx, c, s)
	}
}

// operated is the situation of a job or command. On production data a command is
// proven only by the active administrator who approved the exact act.
func (g *Gate) operated(ctx context.Context, c person.Caller, s situation) (situation, error) {
	s.active, s.fresh = true, true
	if c.Kind() == person.KindSystem || g.c.Environment != keys.Production {
		s.proven = true
		return s, nil
	}
	standing, err := g.c.Directory.Standing(ctx, c.Account())
	s.proven = standing.Active && slices.Contains(standing.Roles, person.RoleAdministrator)
	return s, err
}

func (g *Gate) personal(ctx context.Context, a Ask, def ActionDef, s situation) (situation, error) {
	c := a.Caller
	patient, ok := a.Owner.AsPatient()
	standing, assigned, err := g.standing(ctx, c.Account(), patient, def.on == chart)
	if err != nil {
		return s, err
	}
	s.active = standing.Active && slices.Contains(standing.Roles, c.Role())
	if def.on != chart {
		s.own = a.Owner == person.Account(c.Account())
		return s, nil
	}
	s.own = ok && !standing.Chart.IsZero() && standing.Chart == patient
	s.assigned = ok && assigned
	return s, nil
}

// standing fetches both facts about a person, in one look where the directory can.
func (g *Gate) standing(ctx context.Context, account person.AccountID, patient person.PatientID, both bool) (Standing, bool, error) {
	if d, ok := g.c.Directory.(AtOnce); ok && both {
		return d.StandingFor(ctx, account, patient)
	}
	s, err := g.c.Directory.Standing(ctx, account)
	if err != nil || !both {
		return s, false, err
	}
	assigned, err := g.c.Directory.Assigned(ctx, account, patient)
	return s, assigned, err
}

// entry describes the decision for the log.
func (g *Gate) entry(a Ask, def ActionDef, s situation, ids []string) audit.Entry {
	e := audit.Entry{
		Event: audit.Event(def.Event), Action: string(a.Action), Outcome: audit.Success, Policy: ids,
		Caller: audit.CallerOf(a.Caller), Server: g.c.Server, Kinds: a.Kinds, Query: a.Query,
		Txn: a.Caller.Request().ID, Reason: a.Reason,
		Before: a.Detail.Before, After: a.Detail.After, File: a.Detail.File,
		Class: class(a, s),
	}
	if a.Object != "" {
		e.Objects = []string{a.Object}
	}
	if p, ok := a.Owner.AsPatient(); ok {
		e.Patient = p
	} else {
		e.Owner, e.Patient = a.Owner.String(), a.Detail.Patient
	}
	return e
}

// class is the declared order when the disk fills up: strangers first, treating
// clinicians last (design.md promise 7). Their list of patients is the way to the charts, and
// a chart is not read without the names of doctors and places that it shares with others.
func class(a Ask, s situation) audit.Class {
	c := a.Caller
	cares := s.active && (s.assigned || s.own && a.Action == ListMyPatients || a.Action == ReadShared)
	switch {
	case c.Kind() == person.KindStranger:
		return audit.ClassStranger
	case c.Kind() == person.KindToken:
		return audit.ClassApp
	case c.Role() == person.RolePatient:
		return audit.ClassPatient
	case cares && (c.Role() == person.RoleClinician || c.Role() == person.RoleNurse):
		return audit.ClassCare
	default:
		return audit.ClassOffice
	}
}
