package audit_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
)

// Each event, with each outcome, becomes an AuditEvent and comes back: not only
// those that a property test happened to draw.
func TestEveryEventIsAnAuditEvent(t *testing.T) {
	for _, event := range audit.Events() {
		for _, outcome := range []audit.Outcome{audit.Success, audit.Refused, audit.Failed} {
			e := fullEntry()
			e.Event, e.Outcome = event, outcome
			b, err := e.AuditEvent()
			if err != nil {
				t.Fatalf("%s %s: %v", event, outcome, err)
			}
			got, err := audit.ParseAuditEvent(b)
			if err != nil || !reflect.DeepEqual(got, e) {
				t.Errorf("%s %s reads back as %+v (%v)", event, outcome, got, err)
			}
			if _, err := check(b); err != nil {
				t.Errorf("%s %s: %v", event, outcome, err)
			}
		}
	}
}

// A follower that nobody listens to goes on after a round that failed.
func TestFollowerWithoutAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := audittest.New(t)
		m := &memoryIndex{fail: errors.New("no disk")}
		f := audit.NewFollower(audit.FollowerConfig{Log: l, Index: m})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		must(l.Append(t.Context(), about("mother")))
		go func() { defer close(done); f.Run(ctx) }()
		synctest.Wait()
		stop()
		<-done
		m.fail = nil
		if err := f.Flush(t.Context()); err != nil || len(m.seqs) != 1 {
			t.Fatalf("%d entries indexed, %v", len(m.seqs), err)
		}
		if err := l.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}
