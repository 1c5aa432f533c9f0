package web

import (
	"net/http"
	"sync"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// maxFinished is how many answered acts are remembered, so that the page which
// asked can say how it ended. The log is the record; this is a courtesy.
const maxFinished = 100

// finished remembers the newest answered acts of this process.
type finished struct {
	mu    sync.Mutex
	order []string
	acts  map[string]finishedAct
}

type finishedAct struct {
	act   access.Act
	by    person.AccountID
	state view.ApproveState
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

func (f *finished) get(id string, by person.AccountID) (finishedAct, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, ok := f.acts[id]
	return a, ok && a.by == by
}

// approve is GET /approve/{id}: what would be done, to whoever was sent here.
// The id is random and comes from the terminal of the one who asks.
func (d *Door) approve(v *Visit) error {
	act, err := d.c.Gate.Waiting(v.Path("id"))
	state := view.ApproveWaiting
	if fault.Is(err, fault.NotFound) {
		if old, ok := d.finished.get(v.Path("id"), v.caller.Account()); ok {
			act, state, err = old.act, old.state, nil
		}
	}
	if err != nil {
		return err
	}
	return v.Render(http.StatusOK, &view.Approve{Base: v.Base(""), ID: act.ID, Command: act.By.Name(), State: state,
		Facts: []view.Fact{{Label: "act", Value: act.Text}}, Until: v.local(act.Expires)})
}

// approveOptions is POST /approve/{id}/options: the challenge is bound to the act.
func (d *Door) approveOptions(v *Visit) error {
	act, err := d.c.Gate.Waiting(v.Path("id"))
	if err != nil {
		return err
	}
	return v.offer(d.c.Identity.BeginApproval(v.Context(), v.caller, act.Hash))
}

// approveFinish is POST /approve/{id}/finish.
func (d *Door) approveFinish(v *Visit) error {
	act, err := d.c.Gate.Waiting(v.Path("id"))
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
	if act, err = d.c.Gate.Approve(v.Context(), v.caller, act.ID); err != nil {
		return err
	}
	d.finished.add(finishedAct{act: act, by: v.caller.Account(), state: view.ApproveDone})
	if d.c.Approved != nil {
		if err := d.c.Approved(v.Context(), act, v.caller); err != nil {
			return err
		}
	}
	return v.answer(http.StatusOK, onward{Go: "/approve/" + act.ID})
}

// approveDecline is POST /approve/{id}/decline.
func (d *Door) approveDecline(v *Visit) error {
	act, err := d.c.Gate.Decline(v.Context(), v.caller, v.Path("id"))
	if err != nil {
		return err
	}
	d.finished.add(finishedAct{act: act, by: v.caller.Account(), state: view.ApproveDeclined})
	if d.c.Declined != nil {
		d.c.Declined(v.Context(), act, v.caller)
	}
	return v.Redirect("/approve/" + act.ID)
}
