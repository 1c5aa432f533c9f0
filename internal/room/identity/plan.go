package identity

import (
	"context"
	"errors"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Plan is one change of one account, prepared but not made: what to ask the
// gate, and what to do with its Grant. The order is always
//
//	plan, err := room.Plan...(ctx, ...)
//	grant, err := gate.Decide(ctx, plan.Ask(caller))
//	err = room.Apply(ctx, grant, plan)
//
// A Plan that cannot succeed (no such account, a role that does not fit) is
// still a Plan: the gate decides first, so that somebody without the right
// learns nothing from it, and Apply answers with the reason.
type Plan struct {
	account person.AccountID
	action  access.Action
	owner   person.Owner
	patient person.PatientID // whom it is about, when it is an assignment or a chart's account
	object  string
	before  [32]byte
	after   [32]byte
	failed  error
	edit    func(*set) error // nil changes nothing
	fresh   bool             // creates the account
	loose   bool             // may be applied to a newer state than it was planned on
	applied bool
	claimed bool // the chart was taken for the account that is being made
	link    string
	passkey string // id of the one that is enrolled

	linkEnds time.Time
}

// Action is what the gate is asked for.
func (p *Plan) Action() access.Action { return p.action }

// Account is the account that the change is about.
func (p *Plan) Account() person.AccountID { return p.account }

// Ask is the question to the gate, with the digests that the log keeps.
func (p *Plan) Ask(caller person.Caller) access.Ask {
	a := access.Ask{Caller: caller, Action: p.action, Owner: p.owner, Object: p.object,
		Detail: access.Detail{Before: p.before, After: p.after, Patient: p.patient}}
	if p.fresh {
		a.New = person.Account(p.account)
	}
	return a
}

// Edit is a change that one function makes to an account.
type Edit struct {
	action  access.Action
	patient person.PatientID
	do      func(*set) error
}

// Plan prepares edit of account.
func (r *Room) Plan(ctx context.Context, account person.AccountID, edit Edit) (*Plan, error) {
	p := &Plan{account: account, action: edit.action, owner: person.Account(account), patient: edit.patient, edit: edit.do}
	s, err := r.load(ctx, account)
	if err != nil {
		return nil, err
	}
	if s == nil {
		p.failed = fault.New(fault.NotFound, "change account: there is none")
		return p, nil
	}
	if p.patient.IsZero() && concerns(edit.action) {
		p.patient = chartOf(s.profile())
	}
	p.before = s.content()
	next := s.clone()
	if p.failed = edit.do(next); p.failed == nil {
		p.after = next.content()
	}
	return p, nil
}

// Apply makes the change that g was given for. It is fault.Denied when g is for
// something else, and fault.Conflict when the account changed since the Plan.
func (r *Room) Apply(ctx context.Context, g access.Grant, p *Plan) error {
	if err := g.Covers(p.action, p.owner); err != nil {
		return err
	}
	if p.failed != nil {
		return p.failed
	}
	if p.edit == nil {
		return nil
	}
	err := r.c.Vault.Change(ctx, g, func(tx *vault.ChangeTx) error {
		if p.fresh {
			return r.createIn(ctx, tx, p)
		}
		s, err := r.loadIn(ctx, tx, p.account)
		if err != nil {
			return err
		}
		if !p.loose && s.content() != p.before {
			return fault.New(fault.Conflict, "change account: it changed in between")
		}
		next := s.clone()
		if err := p.edit(next); err != nil {
			return err
		}
		if len(next.changed) == 0 {
			return nil
		}
		return r.store(ctx, tx, next)
	})
	p.applied = err == nil
	switch {
	case err == nil || !p.claimed:
	case errors.Is(err, vault.ErrOutcome):
		r.doubt(p.patient)
	default:
		r.release(p.patient)
	}
	p.claimed = false
	return err
}

// concerns reports whether a change decides who reads the account's own chart. The
// patient then sees it in Who looked: an administrator who makes a new sign-in
// link for an account, or whoever uses it, leaves a line there.
func concerns(a access.Action) bool {
	switch a {
	case access.IssueEnrolment, access.RenewEnrolment, access.EnrolPasskey, access.SuspendAccount, access.SuspendOverseer, access.ResumeAccount:
		return true
	default:
		return false
	}
}
