package app

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// How often the process's own log repeats itself.
const (
	quietWindow = time.Minute
	quietMost   = 30  // lines with the same message within a window
	quietKinds  = 256 // different messages that are told apart; ours are constants, and fewer
)

// quiet lets each message through a number of times within a window and counts
// the rest: a stranger who makes the server complain a thousand times a second must
// not fill its disk. The count is written when the message comes again after the
// window. What is lost is detail: an alarm stands in the log of all accesses, durably.
type quiet struct {
	slog.Handler
	lines *lines
}

// lines counts what was written, by level and message.
type lines struct {
	mu sync.Mutex
	by map[string]*tally
}

type tally struct {
	began time.Time
	n     int // within the window
	left  int // of these not written
}

func newQuiet(h slog.Handler) quiet { return quiet{h, &lines{by: map[string]*tally{}}} }

// WithAttrs keeps counting together with the handler it came from.
func (q quiet) WithAttrs(as []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(as), q.lines}
}

// WithGroup does likewise.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name), q.lines} }

// Handle writes the record, or counts it.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	left, write := q.lines.admit(r)
	if left > 0 {
		sum := slog.NewRecord(r.Time, slog.LevelWarn, "lines left out", r.PC)
		sum.AddAttrs(slog.String("like", r.Message), slog.Int("count", left))
		if err := q.Handler.Handle(ctx, sum); err != nil {
			return err
		}
	}
	if !write {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

// admit counts a record. left is how many of an earlier window were not written.
func (l *lines) admit(r slog.Record) (left int, write bool) {
	key := r.Level.String() + " " + r.Message
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.by[key]
	if x == nil && len(l.by) >= quietKinds {
		key = ""
		x = l.by[key]
	}
	if x == nil {
		x = &tally{began: r.Time}
		l.by[key] = x
	}
	if r.Time.Sub(x.began) >= quietWindow {
		left = x.left
		*x = tally{began: r.Time}
	}
	x.n++
	if x.n > quietMost {
		x.left++
		return left, false
	}
	return left, true
}
