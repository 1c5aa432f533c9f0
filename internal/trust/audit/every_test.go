package audit_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"

	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
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

// A batch goes into the table in statements of 64, 16, 4 and 1 rows, and comes
// back in order whatever its size.
func TestTableTakesBatchesOfEverySize(t *testing.T) {
	dbtest.Each(t, audit.Migrations(), func(t *testing.T, d *db.DB) {
		s := audit.NewDBStore(d)
		first := int64(0)
		for _, n := range []int64{1, 3, 4, 15, 16, 63, 64, 64 + 16 + 4 + 1} {
			b := audit.Batch{First: first}
			for i := range n {
				b.Records = append(b.Records, audit.Record{Seq: first + i, Sealed: []byte{byte(first + i), 1}, Hashes: make([]tlog.Hash, 1)})
			}
			if err := s.Append(t.Context(), b); err != nil {
				t.Fatalf("batch of %d: %v", n, err)
			}
			first += n
		}
		next := int64(0)
		err := s.Records(t.Context(), 0, first, func(r audit.Record) error {
			if r.Seq != next || r.Sealed[0] != byte(next) {
				t.Errorf("record %d came as number %d", r.Seq, next)
			}
			next++
			return nil
		})
		if err != nil || next != first {
			t.Fatalf("%d of %d records, %v", next, first, err)
		}
	}, dbtest.NoSync)
}
