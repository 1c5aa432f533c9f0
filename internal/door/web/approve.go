package web

import (
	"net/http"
	"sync"
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// maxFinished is how many answered acts are remembered, so that the page which
// asked can say how it ended. The log is the record; this is a courtesy.
const maxFinished = 100

// linkRests is how long a link that two people made waits to be shown.
const linkRests = 2 * time.Minute

// finished remembers the newest answered acts of this process.
type finished struct {
	mu    sync.Mutex
	order []string
	acts  map[string]finishedAct
}

type finishedAct struct {
	act   access.Act
	by    person.Caller // who answered
	state view.ApproveState
	link  *view.OneTimeLink // of a confirmed act, until it was shown
	until time.Time         // when a link that nobody fetched goes
}

func (f *finished) add(a finishedAct) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.acts == nil {
		f.acts = map[string]finishedAct{}
	}
	if len(f.order) == maxFinished {
		delete(f.acts, f.order[0])
		f.order = f.order[1:]
	}
	f.acts[a.act.ID] = a
	f.order = append(f.order, a.act.ID)
}

// get is how the act ended, for the one who answered it and the one who asked. The
// link goes to the session that confirmed, in time, and once: whoever asked for it
// never gets it (decision 13).
func (f *finished) get(id string, by person.Caller, now time.Time) (finishedAct, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, ok := f.acts[id]
	if !ok || a.by.Account() != by.Account() && (!a.act.TwoPerson() || a.act.By.Account() != by.Account()) {
		return finishedAct{}, false
	}
	if a.link == nil {
		return a, true
	}
	theirs, late := a.by.Account() == by.Account() && a.by.Device() == by.Device(), !now.Before(a.until)
	kept := a
	if kept.link = nil; theirs || late {
		f.acts[id] = kept
	}
	if theirs && !late {
		return a, true
	}
	return kept, true
}

// review asks the gate before the act is looked for: for somebody who may approve
// nothing, an act that waits is like one that does not.
func (v *Visit) review() (access.Grant, error) {
	id := v.Path("id")
	if !opaque(id) {
		id = "unknown"
	}
	return v.reviewing("act/" + id)
}

// reviewing asks the gate for a look at what waits: all of it, or, for the officer, the
// suspensions that an officer may confirm.
func (v *Visit) reviewing(object string) (access.Grant, error) {
	action := access.ReviewActs
	if v.caller.Role() == person.RoleCompliance {
		action = access.ReviewSuspensions
	}
	return v.decide(access.Ask{Caller: v.caller, Action: action, Owner: person.Clinic(v.door.c.Clinic), Object: object})
}

// act is the act in the path.
func (v *Visit) act() (access.Act, error) {
	g, err := v.review()
	if err != nil {
		return access.Act{}, err
	}
	return v.door.c.Gate.Waiting(g, v.Path("id"))
}

// approve is GET /approve/{id}: what would be done.
func (d *Door) approve(v *Visit) error {
	g, err := v.review()
	if err != nil {
		return err
	}
	ended := finishedAct{state: view.ApproveWaiting}
	act, err := d.c.Gate.Waiting(g, v.Path("id"))
	if fault.Is(err, fault.NotFound) {
		if old, ok := d.finished.get(v.Path("id"), v.caller, d.c.Clock()); ok {
			act, ended, err = old.act, old, nil
		}
	}
	if err != nil {
		return err
	}
	m := &view.Approve{Base: v.Base(""), ID: act.ID, State: ended.state, Link: ended.link, Reason: act.Reason(),
		Asked: v.local(act.Asked), Until: v.local(act.Expires)}
	if !act.TwoPerson() {
		m.Command, m.Reason = act.By.Name(), "" // it stands in the words of the act
		m.Facts = []view.Fact{{Label: "act", Value: act.Text}}
		return v.Render(http.StatusOK, m)
	}
	m.Two, m.Own, m.Suspend = true, act.By.Account() == v.caller.Account(), act.Action() == access.SuspendOverseer
	m.Lapses = v.caller.Role() == person.RoleCompliance
	names := v.names(g)
	if m.Asker, err = names(act.By.Account()); err != nil {
		return err
	}
	if account, ok := act.Owner().AsAccount(); ok {
		m.Account = account.String()
		if m.For, err = names(account); err != nil {
			return err
		}
	}
	return v.Render(http.StatusOK, m)
}

// waiting is GET /admin/waiting: what waits for a second person.
func (d *Door) waiting(v *Visit) error {
	g, err := v.reviewing("")
	if err != nil {
		return err
	}
	acts, err := d.c.Gate.WaitingForTwo(g)
	if err != nil {
		return err
	}
	m := &view.Waiting{Base: v.Base(view.PlaceWaiting)}
	names := v.names(g)
	for _, a := range acts {
		w := view.WaitingAct{ID: a.ID, Reason: a.Reason(), Asked: v.local(a.Asked), Until: v.local(a.Expires),
			Own: a.By.Account() == v.caller.Account(), Suspend: a.Action() == access.SuspendOverseer}
		if w.Asker, err = names(a.By.Account()); err != nil {
			return err
		}
		if account, ok := a.Owner().AsAccount(); ok {
			w.Account = account.String()
			if w.For, err = names(account); err != nil {
				return err
			}
		}
		m.Acts = append(m.Acts, w)
	}
	return v.Render(http.StatusOK, m)
}

// approveOptions is POST /approve/{id}/options: the challenge is bound to the act.
func (d *Door) approveOptions(v *Visit) error {
	act, err := v.act()
	if err != nil {
		return err
	}
	return v.offer(d.c.Identity.BeginApproval(v.Context(), v.caller, act.Hash))
}

// approveFinish is POST /approve/{id}/finish: one person approves a command, or
// the second one confirms what the first proposed.
func (d *Door) approveFinish(v *Visit) error {
	act, err := v.act()
	if err != nil {
		return err
	}
	answer, err := v.credential()
	if err != nil {
		return err
	}
	p, err := d.c.Identity.FinishApproval(v.Context(), v.caller, act.Hash, answer)
	if err != nil {
		v.notLetIn(err)
		return err
	}
	if err := v.rotate(p); err != nil { // the approval is the proof of presence that the gate wants
		return err
	}
	if act.TwoPerson() {
		err = v.confirm(act)
	} else {
		err = v.approveCommand(act)
	}
	if err != nil {
		return err
	}
	return v.answer(http.StatusOK, onward{Go: "/approve/" + act.ID})
}

func (v *Visit) approveCommand(act access.Act) error {
	d := v.door
	act, err := d.c.Gate.Approve(v.Context(), v.caller, act.ID)
	if err != nil {
		return err
	}
	d.finished.add(finishedAct{act: act, by: v.caller, state: view.ApproveDone})
	if d.c.Approved == nil {
		return nil
	}
	return d.c.Approved(v.Context(), act, v.caller)
}

// confirm does what two people want.
func (v *Visit) confirm(act access.Act) error {
	account, ok := act.Owner().AsAccount()
	switch {
	case ok && act.Action() == access.RenewEnrolment:
		return v.confirmLink(act, account)
	case ok && act.Action() == access.SuspendOverseer:
		return v.confirmSuspension(act, account)
	default:
		return fault.New(fault.Internal, "confirm act: nobody knows how")
	}
}

// confirmSuspension suspends under the Grant of both, and ends the sessions at once.
func (v *Visit) confirmSuspension(act access.Act, account person.AccountID) error {
	d := v.door
	p, err := d.c.Identity.PlanSuspension(v.Context(), account)
	if err != nil {
		return err
	}
	g, err := d.c.Gate.Confirm(v.Context(), v.caller, act.ID)
	if err != nil {
		return err
	}
	if err := d.c.Identity.Apply(v.Context(), g, p); err != nil {
		return err
	}
	if err := d.c.Sessions.EndAll(v.Context(), g, ""); err != nil {
		return err
	}
	d.finished.add(finishedAct{act: act, by: v.caller, state: view.ApproveDone})
	return nil
}

// confirmLink makes the link under the Grant of both. It waits for the page that the
// confirmer's browser loads next.
func (v *Visit) confirmLink(act access.Act, account person.AccountID) error {
	d := v.door
	p, err := d.c.Identity.PlanEnrolment(v.Context(), account)
	if err != nil {
		return err
	}
	g, err := d.c.Gate.Confirm(v.Context(), v.caller, act.ID)
	if err != nil {
		return err
	}
	if err := d.c.Identity.Apply(v.Context(), g, p); err != nil {
		return err
	}
	name, err := d.c.Identity.Name(v.Context(), g, account)
	if err != nil {
		return err
	}
	d.finished.add(finishedAct{act: act, by: v.caller, state: view.ApproveDone, until: d.c.Clock().Add(linkRests),
		link: &view.OneTimeLink{URL: p.Link(), For: name.Reveal(), Until: v.local(p.LinkEnds())}})
	return nil
}

// approveDecline is POST /approve/{id}/decline: another's act is declined, the own
// proposal is withdrawn.
func (d *Door) approveDecline(v *Visit) error {
	act, err := v.act()
	if err != nil {
		return err
	}
	if act, err = d.c.Gate.Decline(v.Context(), v.caller, act.ID); err != nil {
		return err
	}
	d.finished.add(finishedAct{act: act, by: v.caller, state: view.ApproveDeclined})
	if !act.TwoPerson() && d.c.Declined != nil {
		d.c.Declined(v.Context(), act, v.caller)
	}
	return v.Redirect("/approve/" + act.ID)
}
