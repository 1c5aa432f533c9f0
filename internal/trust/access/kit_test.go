package access_test

import (
	"context"
	"crypto/rand"
	"io"
	"io/fs"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/person"
)

// kit is a gate over invented people and a real log in memory.
type kit struct {
	*access.Gate
	log    *audit.Log
	store  *audittest.Memory
	anchor *audittest.Outside // where the log keeps its checkpoint
	people *vaulttest.People
	clock  *audittest.Clock
	mu     sync.Mutex
	alerts []string
}

type options struct {
	env      string
	policies fs.FS
	store    audit.Store
	random   io.Reader
	ledger   *access.Ledger
	volume   access.Volume
	refusals *once // between the gate and its Refusals
}

func newKit(t testing.TB, o options) *kit {
	t.Helper()
	k := &kit{people: vaulttest.NewPeople(), clock: audittest.NewClock(), store: &audittest.Memory{}}
	c := audittest.Config()
	c.Clock, c.Store = k.clock.Now, k.store
	if o.store != nil {
		c.Store = o.store
	}
	k.anchor = c.Outside.(*audittest.Outside)
	k.log = audittest.Start(t, c)
	k.open(t, o)
	return k
}

func (k *kit) open(t testing.TB, o options) {
	t.Helper()
	if o.env == "" {
		o.env = keys.Production
	}
	if o.random == nil {
		o.random = rand.Reader
	}
	refusals := audit.NewRefusals(audit.RefusalsConfig{Log: k.log})
	t.Cleanup(func() { _ = refusals.Close(context.Background()) })
	if o.volume == nil {
		o.volume = vaulttest.Endless{}
	}
	var counts access.Refusals = refusals
	if o.refusals != nil {
		o.refusals.Refusals, counts = refusals, o.refusals
	}
	var err error
	k.Gate, err = access.New(access.Config{Log: k.log, Refusals: counts, Directory: k.people, Volume: o.volume, Environment: o.env,
		Server: "test", Clock: k.clock.Now, Alert: k.alert, Random: o.random, Policies: o.policies, Ledger: o.ledger})
	if err != nil {
		t.Fatal(err)
	}
}

func (k *kit) alert(_ context.Context, what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.alerts = append(k.alerts, what)
}

func (k *kit) takeAlerts() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.alerts
	k.alerts = nil
	return a
}

// person makes an account in these roles that proved presence just now.
func (k *kit) person(t testing.TB, own person.PatientID, roles ...person.Role) person.Caller {
	t.Helper()
	return k.people.Add(t, own, k.clock.Now(), roles...)
}

// as is the caller with something changed.
func as(c person.Caller, change func(*person.PersonConfig)) person.Caller {
	p := person.PersonConfig{Account: c.Account(), Role: c.Role(), Purpose: c.Purpose(), Proof: c.Proof(),
		Device: c.Device(), Token: c.Kind() == person.KindToken, Request: c.Request()}
	change(&p)
	return person.NewPerson(p)
}

func stale(c person.Caller) person.Caller {
	return as(c, func(p *person.PersonConfig) { p.Proof.At = p.Proof.At.Add(-time.Hour) })
}

func (k *kit) entry(t testing.TB, seq int64) audit.Entry {
	t.Helper()
	e, err := k.log.RiskyEntry(t.Context(), seq)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (k *kit) newest(t testing.TB) audit.Entry { return k.entry(t, k.log.Size()-1) }

func patientID(t testing.TB) person.PatientID {
	t.Helper()
	id, err := person.NewPatientID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func accountID(t testing.TB) person.AccountID {
	t.Helper()
	id, err := person.NewAccountID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
