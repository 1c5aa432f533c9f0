package access

import (
	"context"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// waiting is the act with this id, if it waits for what two says.
func (g *Gate) waiting(id string, two bool) (Act, error) {
	a, err := g.acts.find(id, g.c.Clock())
	if err == nil && a.two != two {
		err = fault.New(fault.NotFound, "find act")
	}
	return a, err
}

// Approve records that by, who has just proved presence for exactly this act,
// approves a command, and uses the act up. The entry names the person, the act
// and its hash. The command then runs as an operator Caller with this person's
// account, and policy decides again on each thing that it does.
func (g *Gate) Approve(ctx context.Context, by person.Caller, id string) (Act, error) {
	a, err := g.waiting(id, false)
	if err != nil {
		return Act{}, err
	}
	_, err = g.Decide(ctx, Ask{Caller: by, Action: ApproveAct, Owner: person.Account(by.Account()),
		Object: "act/" + a.ID, Reason: "approved: " + a.Text, Detail: Detail{After: a.Hash}})
	if err != nil {
		return Act{}, err
	}
	return g.acts.take(id, g.c.Clock())
}

// Decline records that by declines an act, or withdraws the own proposal, and uses
// it up. It needs the same proof as an approval: whoever finds a browser open must
// not stop the clinic. The patient whom it is about sees that, too.
func (g *Gate) Decline(ctx context.Context, by person.Caller, id string) (Act, error) {
	a, err := g.acts.find(id, g.c.Clock())
	if err != nil {
		return Act{}, err
	}
	what := "declined: "
	if a.By.Account() == by.Account() {
		what = "withdrawn: "
	}
	ask := Ask{Caller: by, Action: DeclineAct, Owner: person.Account(by.Account()),
		Object: "act/" + a.ID, Reason: what + a.Text, Detail: Detail{After: a.Hash, Patient: a.ask.Detail.Patient}}
	if def := g.defs[DeclineAct]; a.stops(by) { // nobody stops the own suspension
		return Act{}, g.refuse(ctx, ask, def, situation{}, g.entry(ask, def, situation{}, nil), false)
	}
	if _, err := g.Decide(ctx, ask); err != nil {
		return Act{}, err
	}
	return g.acts.take(id, g.c.Clock())
}

// Confirm is the second half of an action marked TwoPerson: by must be another
// natural person than the proposer, allowed to do the action alone, and have
// proved presence within the step-up window; and the proposer must still be
// allowed to. The Grant is the proposer's, lives in the confirmer's request, and
// its entry names both.
func (g *Gate) Confirm(ctx context.Context, by person.Caller, id string) (Grant, error) {
	a, err := g.waiting(id, true)
	if err != nil {
		return Grant{}, err
	}
	def := g.defs[a.ask.Action]
	first, err := g.facts(ctx, a.ask, def)
	if err != nil {
		return Grant{}, err
	}
	first.fresh = first.fresh || a.fresh // as it was when the act was proposed
	still, _ := g.rule(ctx, a.ask, def, first)
	second := a.ask
	second.Caller, second.Reason = by, "confirmed what "+a.By.Account().String()+" proposed: "+a.Text
	s, err := g.facts(ctx, second, def)
	if err != nil {
		return Grant{}, err
	}
	other, err := g.natural(ctx, by)
	if err != nil {
		return Grant{}, err
	}
	two := still && other != a.person && other != [16]byte{} && a.person != [16]byte{}
	allowed, ids := g.rule(ctx, second, def, s)
	e := g.entry(second, def, s, ids)
	if !allowed || !two || !s.fresh {
		return Grant{}, g.refuse(ctx, second, def, s, e, two)
	}
	if _, err := g.acts.take(id, g.c.Clock()); err != nil {
		return Grant{}, err
	}
	e.After = a.Hash
	pending := &Pending{entry: g.c.Log.Start(e), grant: &grant{ctx: ctx, caller: a.By, action: a.ask.Action,
		owner: a.ask.Owner, kinds: a.ask.Kinds, rework: def.Reseal, changes: def.Changes, seq: -1}}
	return pending.Grant(ctx)
}
