package app

import (
	"cmp"
	"context"
	"time"

	"postern.example/postern/internal/room/risk"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/person"
)

// reserved is the action of the entry that lets the tokens of one of the staff be given more
// resources. The entry's Count says how many.
const reserved = "limit day resources"

// volume counts what one of the staff is given in a day. The log is what it lasts in.
func (a *App) volume() *risk.Volume {
	l := a.Config.Limits
	return risk.NewVolume(risk.VolumeConfig{Clock: a.opt.Clock, Location: time.Local,
		Charts: cmp.Or(l.ChartsPerDay, chartsPerDay), Names: cmp.Or(l.NamesPerDay, namesPerDay), Resources: cmp.Or(l.ResourcesPerDay, resourcesPerDay),
		Recall: a.recall, Alert: a.alarm, Listed: a.Identity.PatientsSince,
		Reserve: func(ctx context.Context, c person.Caller, n int) error {
			_, err := a.Log.Append(ctx, audit.Entry{Event: audit.EventCount, Action: reserved, Outcome: audit.Success, Count: int64(n),
				Caller: audit.CallerOf(c), Server: a.Config.serverName(), Txn: c.Request().ID, Class: audit.ClassApp})
			return err
		}})
}

// recallBlock is how many entries are opened at a time, going back to the day's start.
const recallBlock = 1024

// recall tells v what the log knows of a day, from its newest entry back. What v learns is
// which accounts opened which charts, and it answers nobody with that.
func (a *App) recall(ctx context.Context, v *risk.Volume, since time.Time) error {
	for end, more := a.Log.Size(), true; end > 0 && more; end -= recallBlock {
		err := a.Log.RiskyRead(ctx, max(0, end-recallBlock), end, func(e audit.Entry) error {
			if e.Time.Before(since) {
				more = false // this block is the last one
				return nil
			}
			recalled(v, e)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func recalled(v *risk.Volume, e audit.Entry) {
	switch {
	case e.Outcome != audit.Success || e.Caller.Role == person.RolePatient:
	case e.Event == audit.EventCount && e.Action == reserved:
		v.Reserved(e.Caller.Account, int(e.Count))
	case e.Caller.Kind == person.KindPerson.String() && !e.Patient.IsZero() && (e.Event == audit.EventRead || e.Event == audit.EventSearch):
		v.Opened(e.Caller.Account, e.Patient, e.Kinds)
	}
}
