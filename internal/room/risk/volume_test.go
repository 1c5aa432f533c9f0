package risk

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// day is a Volume of a small clinic with a log of its own.
type day struct {
	*Volume
	hand   *hand
	log    []any // what Recall tells again: opened or reserved
	alarms []string
	broken error
	list   map[person.PatientID]time.Time // who is on everybody's list, since when
}

type opened struct {
	who   person.AccountID
	whose person.PatientID
	kinds []string
}

type portion struct {
	who person.AccountID
	n   int
}

func newDay(t *testing.T) *day {
	t.Helper()
	d := &day{hand: newHand()}
	d.restart()
	return d
}

func (d *day) restart() {
	west := time.FixedZone("clinic", -8*3600)
	d.Volume = NewVolume(VolumeConfig{Clock: d.hand.now, Location: west, Charts: 3, Names: 5, Resources: 80,
		Recall: func(_ context.Context, v *Volume, since time.Time) error {
			if since != dayOf(d.hand.at, west) {
				return errors.New("not the clinic's day")
			}
			for _, e := range d.log {
				switch e := e.(type) {
				case opened:
					v.Opened(e.who, e.whose, e.kinds)
				case portion:
					v.Reserved(e.who, e.n)
				}
			}
			return d.broken
		},
		Listed: func(_ context.Context, _ person.AccountID, before time.Time) (out []person.PatientID, _ error) {
			for p, since := range d.list {
				if since.Before(before) {
					out = append(out, p)
				}
			}
			return out, d.broken
		},
		Reserve: func(_ context.Context, c person.Caller, n int) error {
			if d.broken == nil {
				d.log = append(d.log, portion{c.Account(), n})
			}
			return d.broken
		},
		Alert: func(_ context.Context, what string, owner person.Owner) {
			d.alarms = append(d.alarms, what+" "+owner.String())
		}})
}

// open opens the chart of patient n, as the gate asks before its entry.
func (d *day) open(c person.Caller, n byte, kinds ...string) error {
	p, _ := person.PatientIDFromBytes([]byte{15: n})
	err := d.Open(context.Background(), c, p, kinds)
	if err == nil {
		d.log = append(d.log, opened{c.Account(), p, kinds})
	}
	return err
}

func refusedFor(t *testing.T, what string, err error, message string) {
	t.Helper()
	if !fault.Is(err, fault.Throttled) || fault.Message(err) != message {
		t.Errorf("%s: %v", what, err)
	}
}

// Dr. Chen opens three people's charts, again and again, and her list; the fourth
// stays closed until the clinic's midnight, and one alarm says so. A restart in
// between forgets nothing.
func TestACuriousDoctorStopsAtTheDaysLimit(t *testing.T) {
	covers.Covers(t, "SD-6")
	d := newDay(t)
	doctor, nurse := caller(1, person.RoleClinician, false), caller(2, person.RoleNurse, false)
	for range 3 {
		for n := range byte(3) {
			if err := d.open(doctor, n, "Patient", "Condition"); err != nil {
				t.Fatal(err)
			}
		}
		d.restart()
	}
	for n := range byte(5) {
		if err := d.open(doctor, 10+n, "chart", "Patient", "Appointment"); err != nil {
			t.Errorf("name %d of the list: %v", n, err)
		}
	}
	err := d.open(doctor, 4, "Patient", "Condition")
	refusedFor(t, "the fourth chart", err, "error.day-charts")
	if got, want := fault.RetryAfter(err), 24*3600; got != want { // 8:00 UTC is midnight there
		t.Errorf("come again after %d s, want %d", got, want)
	}
	refusedFor(t, "again", d.open(doctor, 5, "Observation"), "error.day-charts")
	refusedFor(t, "the sixth name", d.open(doctor, 15, "Patient"), "error.day-charts")
	refusedFor(t, "appointments alone", d.open(doctor, 10, "chart", "Appointment"), "error.day-charts")
	if len(d.alarms) != 1 || !strings.Contains(d.alarms[0], doctor.Account().String()) {
		t.Errorf("alarms %q", d.alarms)
	}
	if err := d.open(doctor, 2, "Observation"); err != nil {
		t.Errorf("a chart of today: %v", err)
	}
	if err := d.open(nurse, 4, "Observation"); err != nil {
		t.Errorf("the nurse: %v", err)
	}
	d.hand.forward(24 * time.Hour)
	if err := d.open(doctor, 4, "Observation"); err != nil {
		t.Errorf("the next day: %v", err)
	}
	d.hand.forward(-24 * time.Hour)
	for n := range byte(2) {
		_ = d.open(doctor, 5+n, "Observation")
	}
	refusedFor(t, "a clock that was set back", d.open(doctor, 8, "Observation"), "error.day-charts")
}

// Dr. Osei has nine patients in a clinic whose bound is five names. She opens her list ten
// times a day, and it opens. Then somebody puts eight more on it: five of them count, the
// sixth name is refused, and one alarm says so. A restart in between changes nothing, and she
// still sees those of the morning.
func TestTheOwnListOfTheMorningDoesNotCount(t *testing.T) {
	covers.Covers(t, "SD-6")
	d := newDay(t)
	doctor := caller(1, person.RoleClinician, false)
	d.list = map[person.PatientID]time.Time{}
	assign := func(from, to byte, since time.Time) {
		for n := from; n < to; n++ {
			p, _ := person.PatientIDFromBytes([]byte{15: n})
			d.list[p] = since
		}
	}
	list := func(from, to byte) (last error) {
		for n := from; n < to; n++ {
			if err := d.open(doctor, n, "chart", "Patient", "Appointment"); err != nil {
				last = err
			}
		}
		return last
	}
	assign(20, 29, d.hand.at.AddDate(0, -1, 0))
	for i := range 10 {
		if err := list(20, 29); err != nil {
			t.Fatalf("the own list, time %d: %v", i, err)
		}
		if i == 4 {
			d.restart()
		}
	}
	assign(30, 38, d.hand.at)
	if err := list(30, 35); err != nil {
		t.Errorf("who came onto the list today: %v", err)
	}
	for range 2 {
		refusedFor(t, "the sixth of today", list(35, 36), "error.day-charts")
		if err := errors.Join(list(20, 29), list(30, 35)); err != nil {
			t.Errorf("the list of the morning after the refusal: %v", err)
		}
		d.restart()
	}
	if len(d.alarms) != 2 { // one before the restart and one after it
		t.Errorf("alarms %q", d.alarms)
	}
	a := d.actor(doctor.Account())
	if refusedFor(t, "again", list(36, 38), "error.day-charts"); len(d.actor(doctor.Account()).own) != 9 || len(a.names) > 15 {
		t.Errorf("%d of the list and %d names are remembered", len(a.own), len(a.names))
	}
	d.hand.forward(24 * time.Hour)
	if err := errors.Join(list(20, 29), list(30, 38)); err != nil {
		t.Errorf("the next day all are of the morning: %v", err)
	}
	d.broken = errors.New("disk")
	if err := list(40, 50); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a list that cannot be read: %v", err)
	}
}

// A program that acts for the doctor is given eighty resources, whatever number of
// tokens it has and however often the server starts anew; what was reserved and not
// given is lost to it and not won.
func TestAProgramIsGivenWhatADayAllows(t *testing.T) {
	covers.Covers(t, "SD-6")
	d := newDay(t)
	app, page := caller(1, person.RoleClinician, true), caller(1, person.RoleClinician, false)
	give := func(n int) error { return d.Give(t.Context(), app, n) }
	for n := range byte(10) {
		if err := d.open(app, n, "Observation"); err != nil {
			t.Fatal(err) // a program's charts do not count
		}
	}
	for range 5 {
		if err := give(5); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.log) != 10+3 {
		t.Errorf("25 resources took %d portions, want 3 of 10", len(d.log)-10)
	}
	d.restart()
	_ = d.open(app, 1, "Observation")
	refusedFor(t, "more than is left of 80 less 30", give(51), "error.day-resources")
	if err := give(50); err != nil {
		t.Error(err)
	}
	refusedFor(t, "the 81st", give(1), "error.day-resources")
	refusedFor(t, "the next question", d.open(app, 1, "Observation"), "error.day-resources")
	if err := d.Give(t.Context(), page, 1000); err != nil {
		t.Errorf("pages are counted by charts: %v", err)
	}
	if len(d.alarms) != 1 {
		t.Errorf("alarms %q", d.alarms)
	}
}

// Two answers at once do not reserve the same portion twice.
func TestPortionsAreReservedOnce(t *testing.T) {
	d := newDay(t)
	app := caller(1, person.RoleClinician, true)
	if err := d.Give(t.Context(), app, 1); err != nil {
		t.Fatal(err)
	}
	if err := d.reserve(t.Context(), app, 1); err != nil || len(d.log) != 1 {
		t.Errorf("%v, %d portions", err, len(d.log))
	}
}

// A log that cannot be written gives a program nothing; one that cannot be read stops
// nobody's care, and those who watch hear of it.
func TestTheLogFails(t *testing.T) {
	d := newDay(t)
	d.broken = errors.New("disk")
	if err := d.Give(t.Context(), caller(1, person.RoleClinician, true), 1); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a portion that is not durable: %v", err)
	}
	if err := d.open(caller(1, person.RoleClinician, false), 1, "Observation"); err != nil || len(d.alarms) != 1 {
		t.Errorf("%v, %q", err, d.alarms)
	}
}

// The server starts anew at noon, and Dr. Chen closes the first page before it is there:
// what the log says of her morning is read to its end all the same.
func TestALookIntoTheLogOutlastsItsRequest(t *testing.T) {
	covers.Covers(t, "SD-6")
	d := newDay(t)
	doctor := caller(1, person.RoleClinician, false)
	for n := range byte(3) {
		if err := d.open(doctor, n, "Observation"); err != nil {
			t.Fatal(err)
		}
	}
	d.restart()
	read := d.c.Recall
	d.c.Recall = func(ctx context.Context, v *Volume, since time.Time) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return read(ctx, v, since)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	first, _ := person.PatientIDFromBytes([]byte{15: 0})
	if err := d.Open(left, doctor, first, []string{"Observation"}); err != nil {
		t.Errorf("a chart of the morning: %v", err)
	}
	refusedFor(t, "the fourth chart", d.open(doctor, 4, "Observation"), "error.day-charts")
	if len(d.alarms) != 1 || strings.Contains(d.alarms[0], "log") {
		t.Errorf("alarms %q", d.alarms)
	}
}
