package access

import (
	"context"
	"slices"
	"sync/atomic"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Grant is permission to open the sealed rows of one owner, for the kinds that
// were asked for, within one request. Only this package makes one, after the
// entry is durable. The zero Grant opens nothing.
type Grant struct {
	_ [0]func()
	g *grant
}

type grant struct {
	ctx    context.Context // the request: when it ends, so does the Grant
	caller person.Caller
	action Action
	owner  person.Owner
	kinds  []string
	rework bool // opens for sealing anew, not for an answer

	changes Sets         // what may be changed of whom the Grant is about
	makes   bool         // whom it is about may come into being
	made    person.Owner // whom it is about, when that is not owner

	seq int64

	meter *Gate        // whose Volume counts what is given; nil where nothing is counted
	given atomic.Int64 // documents that were opened with it
}

// Alive returns an error when g is the zero Grant or its request has ended.
func (g Grant) Alive() error {
	if g.g == nil {
		return fault.New(fault.Denied, "use grant: none was given")
	}
	if g.g.ctx.Err() != nil {
		return fault.New(fault.Denied, "use grant: its request has ended")
	}
	return nil
}

// Check returns nil when g is alive and covers kind of owner, for an answer: the
// Grant of a job that only seals anew is refused.
func (g Grant) Check(owner person.Owner, kind string) error { return g.check(owner, kind, false) }

// CheckRework is Check for sealing anew, which is all that the Grant of an action
// marked Reseal is good for, and no other Grant is.
func (g Grant) CheckRework(owner person.Owner, kind string) error { return g.check(owner, kind, true) }

func (g Grant) check(owner person.Owner, kind string, rework bool) error {
	if err := g.Alive(); err != nil {
		return err
	}
	if g.g.rework != rework || g.g.owner != owner || !slices.Contains(g.g.kinds, kind) {
		return fault.New(fault.Denied, "use grant: it does not cover this")
	}
	return nil
}

// Give counts n documents more that g opens, and refuses them when they are more than the
// caller's day allows. The refusal has an entry that says which decision it ends. Package
// vault calls it with every document, so nothing leaves uncounted.
func (g Grant) Give(ctx context.Context, n int) error {
	if err := g.Alive(); err != nil {
		return err
	}
	g.g.given.Add(int64(n))
	if g.g.meter == nil {
		return nil
	}
	err := g.g.meter.c.Volume.Give(ctx, g.g.caller, n)
	if fault.Is(err, fault.Throttled) {
		if failed := g.g.meter.Refused(ctx, g, fault.Throttled, fault.Message(err)); failed != nil {
			return failed
		}
	}
	return err
}

// Given is how many documents were opened with g.
func (g Grant) Given() int {
	if g.g == nil {
		return 0
	}
	return int(g.g.given.Load())
}

// Changes is what the Grant may change at all.
func (g Grant) Changes() Sets {
	if g.g == nil {
		return 0
	}
	return g.g.changes
}

// CheckChange returns nil when g is alive and may change sets of owner. Whom
// another owner's action makes (Ask.New) it covers too: that the owner is new is
// for package vault to see.
func (g Grant) CheckChange(owner person.Owner, sets Sets) error {
	if err := g.Alive(); err != nil {
		return err
	}
	if g.g.about() != owner || g.g.changes&sets != sets {
		return fault.New(fault.Denied, "use grant: it does not change this")
	}
	return nil
}

// CheckMake returns nil when g is alive and was given for bringing owner into being.
func (g Grant) CheckMake(owner person.Owner) error {
	if err := g.Alive(); err != nil {
		return err
	}
	if g.g.about() != owner || !g.g.makes {
		return fault.New(fault.Denied, "use grant: it does not make this")
	}
	return nil
}

// about is whose rows the Grant may change.
func (g *grant) about() person.Owner {
	if !g.made.IsZero() {
		return g.made
	}
	return g.owner
}

// Seq is the sequence number of the durable entry, -1 for the zero Grant.
func (g Grant) Seq() int64 {
	if g.g == nil {
		return -1
	}
	return g.g.seq
}

// Caller is whom the Grant was given to.
func (g Grant) Caller() person.Caller {
	if g.g == nil {
		return person.Caller{}
	}
	return g.g.caller
}

// Action is what was allowed, empty for the zero Grant.
func (g Grant) Action() Action {
	if g.g == nil {
		return ""
	}
	return g.g.action
}

// Owner is whose data the Grant covers.
func (g Grant) Owner() person.Owner {
	if g.g == nil {
		return person.Owner{}
	}
	return g.g.owner
}

// Covers returns an error unless g is alive and was minted for action on owner.
// Rooms whose change is not a row's kind (an assignment, a role) check it.
func (g Grant) Covers(action Action, owner person.Owner) error {
	if err := g.Alive(); err != nil {
		return err
	}
	if g.g.action != action || g.g.owner != owner {
		return fault.New(fault.Denied, "use grant: it was given for something else")
	}
	return nil
}
