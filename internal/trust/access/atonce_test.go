package access_test

import (
	"context"
	"errors"
	"testing"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// quick answers both questions at once and counts how often it was asked each way.
type quick struct {
	*vaulttest.People
	apart, atOnce int
	err           error
}

func (q *quick) Standing(ctx context.Context, id person.AccountID) (access.Standing, error) {
	q.apart++
	return q.People.Standing(ctx, id)
}

func (q *quick) Assigned(ctx context.Context, id person.AccountID, p person.PatientID) (bool, error) {
	q.apart++
	return q.People.Assigned(ctx, id, p)
}

func (q *quick) StandingFor(ctx context.Context, id person.AccountID, p person.PatientID) (access.Standing, bool, error) {
	q.atOnce++
	s, _ := q.People.Standing(ctx, id)
	assigned, _ := q.People.Assigned(ctx, id, p)
	return s, assigned, q.err
}

func TestADirectoryThatCanIsAskedOnceForAChart(t *testing.T) {
	q := &quick{People: vaulttest.NewPeople()}
	clock := audittest.NewClock()
	g, err := access.New(access.Config{Log: audittest.New(t), Refusals: nothing{}, Directory: q, Volume: vaulttest.Endless{}, Environment: keys.Test,
		Server: "test", Clock: clock.Now, Alert: func(context.Context, string) {}, Random: zeros{}})
	if err != nil {
		t.Fatal(err)
	}
	own, other := patientID(t), patientID(t)
	clinician := q.Add(t, own, clock.Now(), person.RoleClinician)
	q.Assign(clinician.Account(), other)
	read := func(p person.PatientID) error {
		_, err := g.Decide(t.Context(), access.Ask{Caller: clinician, Action: access.ReadChart, Owner: person.Patient(p), Kinds: []string{"chart"}})
		return err
	}
	if err := read(other); err != nil {
		t.Errorf("an assigned chart: %v", err)
	}
	if err := read(patientID(t)); !fault.Is(err, fault.NotFound) {
		t.Errorf("a chart that is not assigned: %v", err)
	}
	if q.apart != 0 || q.atOnce != 2 {
		t.Errorf("asked %d times apart and %d times at once", q.apart, q.atOnce)
	}
	q.err = errors.New("gone")
	if err := read(other); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without facts: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
