package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
)

// fickle is a table each of whose Appends ends as it is told.
type fickle struct {
	audit.Store
	next func() (write bool, err error)
}

func (s *fickle) Append(ctx context.Context, b audit.Batch) error {
	write, err := s.next()
	if write {
		return errors.Join(s.Store.Append(ctx, b), err)
	}
	return err
}

// However the tries of a mixed group end, one after the other, what was acknowledged
// stands under its number, once, and a log stops that does not know what was written.
func TestAFickleStoreAcknowledgesNothingThatIsNotThere(t *testing.T) {
	lost := errors.New("connection lost")
	rapid.Check(t, func(rt *rapid.T) {
		cfg := audittest.Config()
		store := &fickle{Store: &audittest.Memory{}, next: func() (bool, error) { return true, nil }}
		cfg.Store = store
		if err := audit.Create(t.Context(), cfg); err != nil {
			rt.Fatal(err)
		}
		l, err := audit.Open(t.Context(), cfg)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = l.Close(context.Background()) }()
		told := map[int64]string{}
		named := 0
		for range rapid.IntRange(1, 4).Draw(rt, "groups") {
			unknown := false
			// Drawn before: a draw may end the check, and must not in the turn of a writer.
			tries := rapid.SliceOfN(rapid.SampledFrom([]string{"full", "full", "written", "not written", "unknown", "unknown, written", "unknown, full"}), 5, 5).Draw(rt, "tries")
			store.next = func() (bool, error) {
				how := tries[0]
				tries = append(tries[1:], "full")
				unknown = unknown || strings.HasPrefix(how, "unknown")
				return how == "written" || how == "unknown, written", map[string]error{
					"full": errors.Join(audit.ErrNotWritten, audit.ErrFull), "not written": audit.ErrNotWritten,
					"unknown": lost, "unknown, written": lost, "unknown, full": errors.Join(lost, audit.ErrFull)}[how]
			}
			var es []audit.Entry
			for _, c := range rapid.SliceOfN(rapid.SampledFrom(append([]audit.Class{audit.ClassCare}, others...)), 1, 8).Draw(rt, "classes") {
				e := read(named)
				named++
				e.Class = c
				es = append(es, e)
			}
			for i, p := range l.StartTogether(es...) {
				r, err := p.Wait(t.Context())
				if err != nil {
					continue
				}
				if before, ok := told[r.Seq]; ok {
					rt.Fatalf("number %d is %s and %s", r.Seq, before, es[i].Objects[0])
				}
				told[r.Seq] = es[i].Objects[0]
			}
			store.next = func() (bool, error) { return true, nil }
			if unknown && l.Err() == nil {
				rt.Fatal("it goes on, and nobody knows what is there")
			}
			if l.Err() != nil {
				if err := l.Reopen(t.Context()); err != nil {
					rt.Fatal(err)
				}
			}
		}
		seen := map[string]bool{}
		err = l.RiskyRead(t.Context(), 0, l.Size(), func(e audit.Entry) error {
			if want, ok := told[e.Seq]; seen[e.Objects[0]] || ok && want != e.Objects[0] {
				return fmt.Errorf("number %d is %s, not %s", e.Seq, e.Objects[0], want)
			}
			seen[e.Objects[0]] = true
			delete(told, e.Seq)
			return nil
		})
		if err != nil || len(told) != 0 {
			rt.Fatalf("acknowledged and not there: %v %v", told, err)
		}
	})
}
