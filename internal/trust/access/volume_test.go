package access_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// ration is a Volume that says what it is told to, and remembers what it was asked.
type ration struct {
	says  error
	asked []string
	given int
}

func (r *ration) Open(_ context.Context, c person.Caller, p person.PatientID, kinds []string) error {
	r.asked = append(r.asked, c.Kind().String()+" "+p.String()+" "+kinds[0])
	return r.says
}

func (r *ration) Give(_ context.Context, _ person.Caller, n int) error {
	r.given += n
	return r.says
}

// once refuses with err what is refused after the first.
type once struct {
	access.Refusals
	err error
}

func (o *once) Refuse(ctx context.Context, key string, e audit.Entry) error {
	if o.err != nil {
		return o.err
	}
	return o.Refusals.Refuse(ctx, key, e)
}

// The gate asks for the day of whoever opens somebody else's chart, and of nobody else;
// a refusal is in the log with its own reason, and no Grant is minted.
func TestTheDayIsAskedForOthersCharts(t *testing.T) {
	covers.Covers(t, "SD-6")
	mine := patientID(t)
	day := &ration{}
	k := newKit(t, options{volume: day})
	mother, doctor := k.person(t, mine, person.RolePatient), k.person(t, person.PatientID{}, person.RoleClinician)
	k.people.Assign(doctor.Account(), mine)
	ask := access.Ask{Caller: doctor, Action: access.ReadChart, Owner: person.Patient(mine), Kinds: []string{"Observation"}}
	own := ask
	own.Caller = mother
	if g, err := k.Decide(t.Context(), own); err != nil || len(day.asked) != 0 || g.Give(t.Context(), 1) != nil || day.given != 0 {
		t.Fatalf("the own chart: %v, %q, %d", err, day.asked, day.given)
	}
	foreign := ask
	foreign.Owner = person.Patient(patientID(t))
	if _, err := k.Decide(t.Context(), foreign); !fault.Is(err, fault.NotFound) || len(day.asked) != 0 {
		t.Fatalf("a chart that the policies refuse: %v, %q", err, day.asked)
	}
	list := access.Ask{Caller: doctor, Action: access.ListMyPatients, Owner: person.Account(doctor.Account())}
	if _, err := k.Decide(t.Context(), list); err != nil || len(day.asked) != 0 {
		t.Fatalf("no chart: %v, %q", err, day.asked)
	}
	g, err := k.Decide(t.Context(), ask)
	if err != nil || len(day.asked) != 1 || day.asked[0] != "person "+mine.String()+" Observation" {
		t.Fatalf("an assigned chart: %v, %q", err, day.asked)
	}
	if err := g.Give(t.Context(), 3); err != nil || day.given != 3 || g.Given() != 3 {
		t.Errorf("%v, %d, %d", err, day.given, g.Given())
	}
	day.says = fault.Later("error.day-charts", "open chart", time.Hour)
	if err := g.Give(t.Context(), 1); !errors.Is(err, day.says) {
		t.Errorf("over the day: %v", err)
	}
	if e := k.newest(t); e.Event != audit.EventRefused || e.Patient != mine || e.Fault != "throttled" {
		t.Errorf("entry %+v", e)
	}
	if _, err := k.Decide(t.Context(), ask); !errors.Is(err, day.says) {
		t.Errorf("the next chart: %v", err)
	}
	if e := k.newest(t); e.Event != audit.EventRefused || e.Patient != mine || e.Fault != "throttled" || e.Reason != "error.day-charts" {
		t.Errorf("entry %+v", e)
	}
	if (access.Grant{}).Given() != 0 || (access.Grant{}).Give(t.Context(), 1) == nil {
		t.Error("the zero Grant gives")
	}
}

// A day that cannot be counted, or a refusal that cannot be logged, opens nothing.
func TestADayThatCannotBeCountedOpensNothing(t *testing.T) {
	mine := patientID(t)
	day := &ration{}
	broken := &once{}
	k := newKit(t, options{volume: day, refusals: broken})
	doctor := k.person(t, person.PatientID{}, person.RoleClinician)
	k.people.Assign(doctor.Account(), mine)
	ask := access.Ask{Caller: doctor, Action: access.ReadChart, Owner: person.Patient(mine), Kinds: []string{"Observation"}}
	ctx, end := context.WithCancel(t.Context())
	g, err := k.Decide(ctx, ask)
	if err != nil {
		t.Fatal(err)
	}
	size := k.log.Size()
	day.says = fault.New(fault.Unavailable, "count")
	if _, err := k.Decide(t.Context(), ask); !errors.Is(err, day.says) || k.log.Size() != size {
		t.Errorf("it cannot be counted: %v", err)
	}
	if err := g.Give(t.Context(), 1); !errors.Is(err, day.says) || k.log.Size() != size {
		t.Errorf("a document cannot be counted: %v", err)
	}
	day.says = fault.Later("error.day-charts", "open chart", time.Hour)
	broken.err = fault.New(fault.Throttled, "too many different things")
	if _, err := k.Decide(t.Context(), ask); !errors.Is(err, day.says) {
		t.Errorf("refused too many things: %v", err)
	}
	broken.err = errors.New("disk")
	if _, err := k.Decide(t.Context(), ask); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a refusal without an entry: %v", err)
	}
	if err := k.log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Give(t.Context(), 1); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a document's refusal without an entry: %v", err)
	}
	end()
	if err := g.Give(t.Context(), 1); !fault.Is(err, fault.Denied) {
		t.Errorf("after the request: %v", err)
	}
}
