package app

import (
	"context"
	"time"

	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/person"
)

// reindexJob is the Caller of the job that makes indexes anew.
func reindexJob() person.Caller {
	return person.NewSystem("reindex", person.PurposeSystemAdmin, person.Request{ID: requestID(), Client: "job"})
}

// How often the rework of indexes says how far it is, and how long it rests when
// something failed.
const (
	reindexTells = 10 * time.Second
	reindexRests = time.Minute
)

// reindex makes the indexes anew that were written under other definitions. Charts
// that somebody asks for meanwhile are made anew at once; this does the others.
func (a *App) reindex(ctx context.Context) {
	for ctx.Err() == nil {
		last := a.opt.Clock()
		sum, err := a.Records.ReindexAll(ctx, func(sum records.Reworked) {
			if now := a.opt.Clock(); now.Sub(last) >= reindexTells {
				last = now
				a.slog.Info("making indexes anew", "charts", sum.Charts, "indexes", sum.Parts, "refused", sum.Refused)
			}
		})
		if err == nil {
			if sum.Charts > 0 {
				a.slog.Info("indexes are made anew", "charts", sum.Charts, "indexes", sum.Parts, "refused", sum.Refused)
			}
			return
		}
		if ctx.Err() != nil {
			return
		}
		a.slog.Error("indexes cannot be made anew, trying again", "charts", sum.Charts, "error", err)
		rest := time.NewTimer(reindexRests)
		select {
		case <-ctx.Done():
		case <-rest.C:
		}
		rest.Stop()
	}
}
