package audit_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
)

// turns is a store that gives Appends these answers, one after the other; then it works.
type turns struct {
	audit.Store
	answers []error
	then    func() // after an answer
}

func (s *turns) Append(ctx context.Context, b audit.Batch) error {
	if len(s.answers) > 0 {
		err := s.answers[0]
		s.answers = s.answers[1:]
		s.then()
		return err
	}
	return s.Store.Append(ctx, b)
}

// dice is randomness that can be away.
type dice struct {
	io.Reader
	away bool
}

func (d *dice) Read(b []byte) (int, error) {
	if d.away {
		return 0, errors.New("no randomness")
	}
	return d.Reader.Read(b)
}

// A stranger and a nurse come together when the disk is full, and there is no room for
// the nurse alone either, or her entry cannot be sealed, or nobody knows what became of
// it. Neither gets a number. In the last case the log stops, because what it would write
// next may not fit what is there; else it goes on as soon as it can.
func TestAGroupWithoutItsLowestFailsToo(t *testing.T) {
	full := errors.Join(audit.ErrNotWritten, audit.ErrFull)
	for what, c := range map[string]struct {
		second []error
		away   bool
		goesOn bool
	}{
		"no room":         {second: []error{full}, goesOn: true},
		"no randomness":   {away: true, goesOn: true},
		"unknown outcome": {second: []error{errors.New("connection lost")}},
	} {
		t.Run(what, func(t *testing.T) {
			s, cfg := &turns{Store: &audittest.Memory{}}, audittest.Config()
			random := &dice{Reader: cfg.Random}
			cfg.Store, cfg.Random = s, random
			s.then = func() { random.away = c.away }
			if err := audit.Create(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			l, err := audit.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close(context.Background()) }()
			mustAppend(t, l, read(0))
			stranger, nurse := read(1), read(2)
			stranger.Class, nurse.Class = audit.ClassStranger, audit.ClassCare
			s.answers = append([]error{full}, c.second...)
			for _, p := range l.StartTogether(stranger, nurse) {
				if r, err := p.Wait(t.Context()); err == nil || r != (audit.Receipt{}) {
					t.Errorf("number %d: %v", r.Seq, err)
				}
			}
			random.away = false
			r, err := l.Append(t.Context(), read(3))
			if c.goesOn && (err != nil || r.Seq != 1) || !c.goesOn && err == nil {
				t.Errorf("afterwards: number %d: %v", r.Seq, err)
			}
		})
	}
}
