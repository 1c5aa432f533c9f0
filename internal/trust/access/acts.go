package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"sync"
	"time"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Act is one exact thing that waits for a person: a command on production data,
// or an action marked TwoPerson. Acts live in memory: a restart voids them,
// which is closed, and nobody can restore a used one from an old database.
type Act struct {
	ID      string    // random; the last part of the approval page's path
	Text    string    // what would be done, in words and in full; no PHI
	Hash    [32]byte  // what the approving passkey signs: a hash of id, text, action and target
	Expires time.Time // UTC
	By      person.Caller

	ask    Ask
	person [16]byte // natural person of a proposer who signed in; zero for a command
	fresh  bool     // the proposer had just proved presence
}

// How long an act waits, and how many may wait at once.
const (
	actLife = 15 * time.Minute
	actMost = 100
)

// acts is the bounded list of waiting acts.
type acts struct {
	mu   sync.Mutex
	wait map[string]Act
}

// Propose puts an act down to wait for a person. The proposal is in the log
// before Propose returns. text says what would be done; it is shown to the
// person who approves, and bound to the approval.
func (g *Gate) Propose(ctx context.Context, a Ask, text string) (Act, error) {
	def, ok := g.defs[a.Action]
	if !ok {
		return Act{}, fault.New(fault.Internal, "propose act: no such action")
	}
	a.Kinds, a.Labels = slices.Clone(a.Kinds), slices.Clone(a.Labels)
	s, err := g.facts(ctx, a, def)
	if err != nil {
		return Act{}, err
	}
	act := Act{Text: text, Expires: g.c.Clock().Add(actLife), By: a.Caller, ask: a, fresh: s.fresh}
	if a.Caller.Kind() != person.KindOperator { // a command is decided when it runs, as whoever approved it
		if allowed, ids := g.rule(ctx, a, def, s); !allowed {
			return Act{}, g.refuse(ctx, a, def, s, g.entry(a, def, s, ids), true)
		}
		if act.person, err = g.natural(ctx, a.Caller); err != nil {
			return Act{}, err
		}
	}
	var b [16]byte
	if _, err := io.ReadFull(g.c.Random, b[:]); err != nil {
		return Act{}, fault.Wrap(fault.Unavailable, "draw act", err)
	}
	act.ID = hex.EncodeToString(b[:])
	act.Hash = actHash(act)
	e := g.entry(a, def, s, nil)
	e.Event, e.Reason, e.After = audit.EventAdminChange, "proposed: "+text, act.Hash
	if _, err := g.c.Log.Start(e).Wait(ctx); err != nil {
		return Act{}, fault.Wrap(fault.Unavailable, "log proposal", err)
	}
	if err := g.acts.put(act, g.c.Clock()); err != nil {
		return Act{}, err
	}
	return act, nil
}

// natural is the natural person behind a Caller's account, zero when unknown.
func (g *Gate) natural(ctx context.Context, c person.Caller) ([16]byte, error) {
	standing, err := g.c.Directory.Standing(ctx, c.Account())
	if err != nil {
		g.c.Alert(ctx, "facts of a decision cannot be fetched")
		return [16]byte{}, fault.Wrap(fault.Unavailable, "fetch facts", err)
	}
	return standing.Person, nil
}

// actHash is what an approval signs.
func actHash(a Act) [32]byte {
	h := sha256.New()
	for _, s := range []string{"postern act v1", a.ID, a.Text, string(a.ask.Action), a.ask.Owner.String(), a.ask.Object, a.ask.Reason, a.ask.Detail.File.String()} {
		n := len(s)
		h.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		_, _ = io.WriteString(h, s)
	}
	return [32]byte(h.Sum(nil))
}

func (l *acts) put(a Act, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, old := range l.wait {
		if !now.Before(old.Expires) {
			delete(l.wait, id)
		}
	}
	if len(l.wait) >= actMost {
		return fault.New(fault.Throttled, "propose act: too many wait")
	}
	l.wait[a.ID] = a
	return nil
}

// Waiting returns the act with this id, or fault.NotFound when there is none,
// it was used, or its time is over.
func (g *Gate) Waiting(id string) (Act, error) {
	g.acts.mu.Lock()
	defer g.acts.mu.Unlock()
	return g.acts.find(id, g.c.Clock())
}

// take removes the act, so that it is used once.
func (g *Gate) take(id string) (Act, error) {
	g.acts.mu.Lock()
	defer g.acts.mu.Unlock()
	a, err := g.acts.find(id, g.c.Clock())
	if err == nil {
		delete(g.acts.wait, id)
	}
	return a, err
}

// find looks the act up; the caller holds mu.
func (l *acts) find(id string, now time.Time) (Act, error) {
	a, ok := l.wait[id]
	if !ok || !now.Before(a.Expires) {
		return Act{}, fault.New(fault.NotFound, "find act")
	}
	return a, nil
}

// Approve records that by, who has just proved presence for exactly this act,
// approves it, and uses the act up. The entry names the person, the act and its
// hash. The command then runs as an operator Caller with this person's account,
// and policy decides again on each thing that it does.
func (g *Gate) Approve(ctx context.Context, by person.Caller, id string) (Act, error) {
	a, err := g.Waiting(id)
	if err != nil {
		return Act{}, err
	}
	_, err = g.Decide(ctx, Ask{Caller: by, Action: ApproveAct, Owner: person.Account(by.Account()),
		Object: "act/" + a.ID, Reason: "approved: " + a.Text, Detail: Detail{After: a.Hash}})
	if err != nil {
		return Act{}, err
	}
	return g.take(id)
}

// Decline records that by declines the act, and uses it up. It needs the same
// proof as an approval: whoever finds a browser open must not stop the clinic.
func (g *Gate) Decline(ctx context.Context, by person.Caller, id string) (Act, error) {
	a, err := g.Waiting(id)
	if err != nil {
		return Act{}, err
	}
	_, err = g.Decide(ctx, Ask{Caller: by, Action: ApproveAct, Owner: person.Account(by.Account()),
		Object: "act/" + a.ID, Reason: "declined: " + a.Text, Detail: Detail{After: a.Hash}})
	if err != nil {
		return Act{}, err
	}
	return g.take(id)
}

// Confirm is the second half of an action marked TwoPerson: by must be another
// natural person than the proposer, allowed to do the action alone, and have
// proved presence within the step-up window; and the proposer must still be
// allowed to. The Grant is the proposer's, lives in the confirmer's request, and
// its entry names both.
func (g *Gate) Confirm(ctx context.Context, by person.Caller, id string) (Grant, error) {
	a, err := g.Waiting(id)
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
	if _, err := g.take(id); err != nil {
		return Grant{}, err
	}
	e.After = a.Hash
	pending := &Pending{entry: g.c.Log.Start(e), grant: &grant{ctx: ctx, caller: a.By, action: a.ask.Action,
		owner: a.ask.Owner, kinds: a.ask.Kinds, rework: def.Reseal, seq: -1}}
	return pending.Grant(ctx)
}
