package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
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
	Text    string    // what would be done, in words and in full; no health data
	Hash    [32]byte  // what the approving passkey signs: a hash of id, text, action and target
	Asked   time.Time // UTC
	Expires time.Time // UTC
	By      person.Caller
	Voided  []string // older acts of the same kind that this one pushed out

	ask    Ask
	two    bool     // the action is marked TwoPerson
	person [16]byte // natural person of a proposer who signed in; zero for a command
	fresh  bool     // the proposer had just proved presence
	logged bool     // its entry is durable; until then nobody finds it
}

// Action is what would be done.
func (a Act) Action() Action { return a.ask.Action }

// Owner is to whom it would be done.
func (a Act) Owner() person.Owner { return a.ask.Owner }

// Reason is why, in the words of whoever asked.
func (a Act) Reason() string { return a.ask.Reason }

// TwoPerson reports whether the act is half done by a person, for another to
// Confirm. Otherwise a command waits, for somebody to Approve.
func (a Act) TwoPerson() bool { return a.two }

// How long an act waits. Somebody sits at the terminal of a command; a second
// person may have to be found first (decision 13).
const (
	actLife = 15 * time.Minute
	twoLife = 4 * time.Hour
)

// How many acts may wait at once, so that a flood of one kind shuts nobody else
// out: of one command by one user of the operating system, where the newest
// pushes out the oldest, and of one person, who has to withdraw one first.
const (
	commandsMost = 8
	personsMost  = 16
)

// acts are those that wait.
type acts struct {
	mu   sync.Mutex
	wait map[string]Act
}

// Propose puts an act down to wait for a person. The proposal is in the log
// before anybody can find the act. text says what would be done; it is shown to
// the person who approves, and bound to the approval. What two people do together
// waits once: a second proposal for the same target is fault.Conflict.
func (g *Gate) Propose(ctx context.Context, a Ask, text string) (Act, error) {
	def, ok := g.defs[a.Action]
	if !ok {
		return Act{}, fault.New(fault.Internal, "propose act: no such action")
	}
	a.Kinds = slices.Clone(a.Kinds)
	s, err := g.facts(ctx, a, def)
	if err != nil {
		return Act{}, err
	}
	act := Act{Text: text, Asked: g.c.Clock().UTC(), By: a.Caller, ask: a, fresh: s.fresh}
	act.Expires = act.Asked.Add(actLife)
	if a.Caller.Kind() != person.KindOperator { // a command is decided when it runs, as whoever approved it
		if allowed, ids := g.rule(ctx, a, def, s); !allowed {
			return Act{}, g.refuse(ctx, a, def, s, g.entry(a, def, s, ids), true)
		}
		if !def.TwoPerson {
			return Act{}, fault.New(fault.Invalid, "propose act: one person does this alone")
		}
		if act.person, err = g.natural(ctx, a.Caller); err != nil {
			return Act{}, err
		}
		act.two, act.Expires = true, act.Asked.Add(twoLife)
	}
	var b [16]byte
	if _, err := io.ReadFull(g.c.Random, b[:]); err != nil {
		return Act{}, fault.Wrap(fault.Unavailable, "draw act", err)
	}
	act.ID = hex.EncodeToString(b[:])
	act.Hash = actHash(act)
	if act.Voided, err = g.acts.put(act); err != nil {
		return Act{}, err
	}
	e := g.entry(a, def, s, nil)
	e.Event, e.Reason, e.After = audit.EventAdminChange, "proposed: "+text, act.Hash
	if _, err := g.c.Log.Start(e).Wait(ctx); err != nil {
		_, _ = g.acts.take(act.ID, act.Asked)
		return Act{}, fault.Wrap(fault.Unavailable, "log proposal", err)
	}
	g.acts.show(act.ID)
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

// put takes the act in and returns the ids of those that it pushed out.
func (l *acts) put(a Act) (voided []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var same []Act
	for id, old := range l.wait {
		switch {
		case !a.Asked.Before(old.Expires):
			delete(l.wait, id)
		case a.two && old.two && old.ask.Action == a.ask.Action && old.ask.Owner == a.ask.Owner:
			return nil, fault.Say(fault.Conflict, "error.act-waits", "propose act: it waits already")
		case a.group() == old.group():
			same = append(same, old)
		}
	}
	if a.two && len(same) >= personsMost {
		return nil, fault.New(fault.Throttled, "propose act: too many of this person wait")
	}
	slices.SortFunc(same, byAge)
	for ; !a.two && len(same) >= commandsMost; same = same[1:] {
		delete(l.wait, same[0].ID)
		voided = append(voided, same[0].ID)
	}
	l.wait[a.ID] = a
	return voided, nil
}

// group is what shares one bound: a person's acts, or one command's by one user of
// the operating system, whom the door of commands names as the source.
func (a Act) group() string {
	if a.two {
		return a.By.Account().String()
	}
	return a.By.Request().Source + " " + a.By.Name() + " " + string(a.ask.Action)
}

func byAge(a, b Act) int {
	if c := a.Asked.Compare(b.Asked); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// show lets the act be found.
func (l *acts) show(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a, ok := l.wait[id]; ok { // a flood may have pushed it out already
		a.logged = true
		l.wait[id] = a
	}
}

// find looks an act up: fault.NotFound when there is none, it was used, or its
// time is over.
func (l *acts) find(id string, now time.Time) (Act, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.wait[id]
	if !ok || !a.logged || !now.Before(a.Expires) {
		return Act{}, fault.New(fault.NotFound, "find act")
	}
	return a, nil
}

// take removes the act, so that it is used once.
func (l *acts) take(id string, now time.Time) (Act, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.wait[id]
	if !ok || !now.Before(a.Expires) {
		return Act{}, fault.New(fault.NotFound, "find act")
	}
	delete(l.wait, id)
	return a, nil
}

// shownTo reports whether the act is for the eyes of gr's holder, once reviews said
// that gr is for looking at acts at all. Whom a suspension is about sees nothing of it:
// nobody is warned, and nobody stops the own one.
func (a Act) shownTo(gr Grant) bool {
	return !a.stops(gr.Caller()) && (gr.Action() == ReviewActs || a.ask.Action == SuspendOverseer)
}

// stops reports whether the act would suspend c.
func (a Act) stops(c person.Caller) bool {
	return a.ask.Action == SuspendOverseer && a.ask.Owner == person.Account(c.Account())
}

// reviews returns an error unless gr is a Grant for ReviewActs, which shows every act, or
// for ReviewSuspensions, which shows proposed suspensions and no other act.
func reviews(gr Grant) error {
	if gr.Covers(ReviewSuspensions, gr.Owner()) == nil {
		return nil
	}
	return gr.Covers(ReviewActs, gr.Owner())
}

// Waiting returns the act with this id to the holder of a Grant for ReviewActs, or a
// proposed suspension to that of one for ReviewSuspensions.
// The decision comes first, so that an act which is there and one which is not
// are the same to somebody who may not see any.
func (g *Gate) Waiting(gr Grant, id string) (Act, error) {
	if err := reviews(gr); err != nil {
		return Act{}, err
	}
	a, err := g.acts.find(id, g.c.Clock())
	if err == nil && !a.shownTo(gr) {
		return Act{}, fault.New(fault.NotFound, "find act")
	}
	return a, err
}

// WaitingForTwo lists what waits for a second person, oldest first, for the
// holder of a Grant that Waiting takes. A command is not in the list: whoever approves
// one was sent to it by the one who typed it.
func (g *Gate) WaitingForTwo(gr Grant) ([]Act, error) {
	if err := reviews(gr); err != nil {
		return nil, err
	}
	g.acts.mu.Lock()
	defer g.acts.mu.Unlock()
	var out []Act
	for _, a := range g.acts.wait {
		if a.two && a.logged && a.shownTo(gr) && g.c.Clock().Before(a.Expires) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, byAge)
	return out, nil
}
