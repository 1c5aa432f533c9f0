package risk

import (
	"context"
	"slices"
	"sync"
	"time"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// VolumeConfig describes a Volume; every field is required.
type VolumeConfig struct {
	Clock    func() time.Time
	Location *time.Location // the clinic's: its days count
	// Most people whose charts one of the staff opens, whose names alone one of the
	// staff lists, and resources that tokens of one of the staff are given, in a day.
	Charts, Names, Resources int
	// Listed are those who stand on account's own list since before the given moment. Their
	// names do not count: a list of a thousand is its clinician's work of each day.
	Listed func(ctx context.Context, account person.AccountID, before time.Time) ([]person.PatientID, error)
	// Recall reads what happened since a moment from the log of all accesses and tells
	// it to the Volume by Opened and Reserved. It is called once, before the first count.
	Recall func(ctx context.Context, v *Volume, since time.Time) error
	// Reserve makes durable that the tokens of who may be given n resources more today.
	Reserve func(ctx context.Context, who person.Caller, n int) error
	// Alert tells those who watch that somebody has had all of a day.
	Alert func(ctx context.Context, what string, owner person.Owner)
}

// Volume counts what one of the staff, or a program that acts for one, is given of
// other people's charts in a day of the clinic. It is safe for concurrent use.
//
// The counts are in memory; what makes them last is the log of all accesses, which
// names every opened chart anyway, and holds an entry for each portion of resources before
// the first of them is given. Whoever writes the database finds nothing to change.
type Volume struct {
	c    VolumeConfig
	step int

	loading sync.Mutex
	loaded  bool

	mu     sync.Mutex
	day    time.Time // its first moment
	actors map[person.AccountID]*given
}

// given is what one account had today.
type given struct {
	charts, names  map[person.PatientID]bool
	own            map[person.PatientID]bool // on the list since before today; filled when names would be too many
	used, reserved int
	told           bool
}

// portions is in how many portions the resources of a day are reserved: what a restart
// takes from a program is at most one.
const portions = 8

// NewVolume makes a Volume that has not looked into the log yet.
func NewVolume(c VolumeConfig) *Volume {
	return &Volume{c: c, step: max(1, c.Resources/portions), actors: map[person.AccountID]*given{}}
}

// onlyNames reports whether kinds are those of a list: who the patients are, and when they
// come. To stand on a list is no opening of the chart. "chart" is what package records needs
// to find anything in one.
func onlyNames(kinds []string) bool {
	return slices.Contains(kinds, "Patient") && !slices.ContainsFunc(kinds, func(k string) bool {
		return !slices.Contains([]string{"Patient", "Appointment", "chart"}, k)
	})
}

// Open counts that c opens the chart of patient for kinds, or refuses it. A chart that
// was opened today opens again, and a token's charts do not count: what it is given does.
func (v *Volume) Open(ctx context.Context, c person.Caller, patient person.PatientID, kinds []string) error {
	v.load(ctx)
	message := v.open(c, patient, kinds)
	if message == dayCharts && onlyNames(kinds) {
		if err := v.spare(ctx, c.Account()); err != nil {
			return fault.Wrap(fault.Unavailable, "count names of a day", err)
		}
		message = v.open(c, patient, kinds)
	}
	return v.answer(ctx, c, message)
}

// What is said when all of a day is given.
const (
	dayCharts    = "error.day-charts"
	dayResources = "error.day-resources"
)

// open counts one chart; a message says that it is one too many.
func (v *Volume) open(c person.Caller, patient person.PatientID, kinds []string) (message string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.actor(c.Account())
	switch {
	case c.Kind() == person.KindToken:
		if a.used >= v.c.Resources {
			return dayResources
		}
	case !a.opens(v.c, patient, kinds):
		return dayCharts
	}
	return ""
}

// opens counts patient, unless that is one too many.
func (a *given) opens(c VolumeConfig, patient person.PatientID, kinds []string) bool {
	of, most := a.charts, c.Charts
	if onlyNames(kinds) {
		of, most = a.names, c.Names
		if a.own[patient] {
			return true
		}
	}
	if !of[patient] && len(of) >= most {
		return false
	}
	of[patient] = true
	return true
}

// spare takes those who were on account's list when the day began out of its names. It is
// asked only when these would be too many, so that most people's days keep no list. What it
// keeps is as long as the list, and the room that owns that holds it anyway.
func (v *Volume) spare(ctx context.Context, account person.AccountID) error {
	v.mu.Lock()
	day := v.day
	v.mu.Unlock()
	list, err := v.c.Listed(ctx, account, day)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.actor(account)
	a.own = make(map[person.PatientID]bool, len(list))
	for _, p := range list {
		a.own[p] = true
		delete(a.names, p)
	}
	return nil
}

// Give counts n resources more that c is given, or refuses them. What people see in pages
// is counted by charts.
func (v *Volume) Give(ctx context.Context, c person.Caller, n int) error {
	if c.Kind() != person.KindToken {
		return nil
	}
	for {
		ok, reserve := v.take(c.Account(), n)
		switch {
		case ok:
			return nil
		case !reserve:
			return v.answer(ctx, c, dayResources)
		}
		if err := v.reserve(ctx, c, n); err != nil {
			return err
		}
	}
}

// take takes n of what is reserved for account; when that is not enough, reserve says
// whether there is more.
func (v *Volume) take(account person.AccountID, n int) (ok, reserve bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.actor(account)
	switch {
	case a.used+n > v.c.Resources:
		return false, false
	case a.used+n > a.reserved:
		return false, true
	}
	a.used += n
	return true, false
}

// reserve makes room for n more: durable first, then given out.
func (v *Volume) reserve(ctx context.Context, c person.Caller, n int) error {
	v.loading.Lock() // one at a time: it happens eight times a day for a program
	defer v.loading.Unlock()
	v.mu.Lock()
	a := v.actor(c.Account())
	more := 0
	for a.reserved+more < min(a.used+n, v.c.Resources) {
		more += v.step
	}
	v.mu.Unlock()
	if more == 0 {
		return nil // somebody else did
	}
	if err := v.c.Reserve(ctx, c, more); err != nil {
		return fault.Wrap(fault.Unavailable, "reserve resources", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.actor(c.Account()).reserved += more
	return nil
}

// answer refuses with message, and alerts the first time; no message is no refusal.
func (v *Volume) answer(ctx context.Context, c person.Caller, message string) error {
	if message == "" {
		return nil
	}
	v.mu.Lock()
	a := v.actor(c.Account())
	first := !a.told
	a.told = true
	after := v.day.AddDate(0, 0, 1).Sub(v.c.Clock())
	v.mu.Unlock()
	if first {
		v.c.Alert(ctx, "an account has had all that one day allows: "+message, person.Account(c.Account()))
	}
	return fault.Later(message, "open chart: the day's limit is reached", max(after, time.Second))
}

// actor is what account had today; the caller holds mu. A clock that goes back to an
// earlier day begins no new one.
func (v *Volume) actor(account person.AccountID) *given {
	if d := dayOf(v.c.Clock(), v.c.Location); d.After(v.day) {
		v.day = d
		clear(v.actors)
	}
	a := v.actors[account]
	if a == nil {
		a = &given{charts: map[person.PatientID]bool{}, names: map[person.PatientID]bool{}}
		v.actors[account] = a
	}
	return a
}

// dayOf is the first moment of the day of t.
func dayOf(t time.Time, where *time.Location) time.Time {
	y, m, d := t.In(where).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, where)
}

// load reads the log once. A log that cannot be read does not stop care: those who
// watch hear of it, and the day counts from what was found.
func (v *Volume) load(ctx context.Context) {
	v.loading.Lock()
	defer v.loading.Unlock()
	if v.loaded {
		return
	}
	// Others wait for it: it must not end with this one's request.
	ctx = context.WithoutCancel(ctx)
	if err := v.c.Recall(ctx, v, dayOf(v.c.Clock(), v.c.Location)); err != nil {
		v.c.Alert(ctx, "the log does not say what was opened today: "+err.Error(), person.Owner{})
	}
	v.loaded = true
}

// Opened tells that account opened the chart of patient for kinds today. It was allowed
// then, so it counts also beyond the bound: whose names are spared is asked later.
func (v *Volume) Opened(account person.AccountID, patient person.PatientID, kinds []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if a := v.actor(account); onlyNames(kinds) {
		a.names[patient] = true
	} else {
		a.charts[patient] = true
	}
}

// Reserved tells that n resources were reserved for the tokens of account today: they
// count as given.
func (v *Volume) Reserved(account person.AccountID, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.actor(account)
	a.used, a.reserved = a.used+n, a.reserved+n
}
