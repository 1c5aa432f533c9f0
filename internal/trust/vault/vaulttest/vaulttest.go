// Package vaulttest is the test kit of package vault, and of the rooms above
// it: real keys, a real log in memory, a real Vault and a real gate over a test
// database, with a clock that stands still and alarms that are collected.
//
// Nothing is faked but time, the log's disk and the list of refusals, because a
// Grant cannot be made by hand: tests get theirs from the gate, like everybody.
// Only tests import it.
package vaulttest

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/person"
)

// Kit is the trusted base of one test.
type Kit struct {
	DB     *db.DB
	Root   *keys.Root
	Ring   *keys.Ring
	Log    *audit.Log
	Vault  *vault.Vault
	Clock  *audittest.Clock
	Alarms *Alarms
	Clinic person.ClinicID

	// Pause is what the vault does before it looks at rows again. The kit's waits for
	// nothing; a test may put another in its place before it reads.
	Pause func(context.Context, time.Duration) error
	// Wire is put between the vault and the log at the next Restart; nil puts nothing.
	Wire func(vault.Log) vault.Log
	// Volume is asked by the gates that are opened next; nil counts nothing.
	Volume access.Volume
}

// Migrations are those of keys and vault, with more.
func Migrations(more ...db.Migration) []db.Migration {
	return slices.Concat(keys.Migrations(), vault.Migrations(), more)
}

// Open makes the trusted base of environment env (keys.Test, keys.Demo or
// keys.Production) on an empty, migrated database.
func Open(t testing.TB, d *db.DB, env string) *Kit {
	t.Helper()
	k := &Kit{DB: d, Clock: audittest.NewClock(), Alarms: &Alarms{}}
	protect := keys.Protector{How: keys.ByPassphrase, Secret: []byte("a passphrase of a test"), Work: 1}
	var err error
	if k.Root, err = keys.CreateRoot(filepath.Join(t.TempDir(), "root"), env, protect, rand.Reader); err != nil {
		t.Fatalf("create root key: %v", err)
	}
	c := audittest.Config()
	c.Clock = k.Clock.Now
	k.Log = audittest.Start(t, c)
	if k.Clinic, err = person.NewClinicID(rand.Reader); err != nil {
		t.Fatalf("draw clinic: %v", err)
	}
	return k.open(t)
}

// Restart opens the same database and log anew, as after a restart of the
// process: nothing is cached.
func (k *Kit) Restart(t testing.TB) *Kit {
	t.Helper()
	next := *k
	return next.open(t)
}

func (k *Kit) open(t testing.TB) *Kit {
	t.Helper()
	if k.Pause == nil {
		k.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	var err error
	if k.Ring, err = keys.Open(t.Context(), keys.Config{DB: k.DB, Root: k.Root, Random: rand.Reader}); err != nil {
		t.Fatalf("open keys: %v", err)
	}
	var log vault.Log = k.Log
	if k.Wire != nil {
		log = k.Wire(log)
	}
	k.Vault, err = vault.New(t.Context(), vault.Config{DB: k.DB, Ring: k.Ring, Root: k.Root, Log: log, Alarm: k.Alarms.Raise,
		Pause: func(ctx context.Context, d time.Duration) error { return k.Pause(ctx, d) }})
	if err != nil {
		t.Fatalf("open vault: %v", err)
	}
	return k
}

// Gate opens the gate over dir.
func (k *Kit) Gate(t testing.TB, dir access.Directory) *access.Gate {
	t.Helper()
	return k.GateIn(t, dir, k.Root.Environment())
}

// GateIn is Gate deciding as in environment env.
func (k *Kit) GateIn(t testing.TB, dir access.Directory, env string) *access.Gate {
	t.Helper()
	var volume access.Volume = Endless{}
	if k.Volume != nil {
		volume = k.Volume
	}
	g, err := access.New(access.Config{Log: k.Log, Refusals: refusals{k.Log}, Directory: dir, Volume: volume, Environment: env,
		Server: "test", Clock: k.Clock.Now, Random: rand.Reader,
		Alert: func(_ context.Context, what string) { t.Logf("alert: %s", what) }})
	if err != nil {
		t.Fatalf("open gate: %v", err)
	}
	return g
}

// Grant asks g and fails the test when the answer is no.
func Grant(t testing.TB, g *access.Gate, a access.Ask) access.Grant {
	t.Helper()
	grant, err := g.Decide(t.Context(), a)
	if err != nil {
		t.Fatalf("decide %s: %v", a.Action, err)
	}
	return grant
}

// Operator is a command that manages accounts, as on test data.
func Operator() person.Caller {
	return person.NewOperator("test", person.AccountID{}, person.PurposeSystemAdmin, Request())
}

// Request is the transport of a test's request.
func Request() person.Request {
	return person.Request{ID: "test-request", Client: "web", Source: "192.0.2.1"}
}

// Alarms collects what the vault and the rooms raise.
type Alarms struct {
	mu    sync.Mutex
	found []Alarm
}

// Alarm is one finding.
type Alarm struct {
	What  string
	Owner person.Owner
}

// Raise is a vault.Alarm.
func (a *Alarms) Raise(_ context.Context, what string, owner person.Owner) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.found = append(a.found, Alarm{what, owner})
}

// Take returns the findings so far and forgets them.
func (a *Alarms) Take() []Alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := a.found
	a.found = nil
	return found
}

// refusals writes every refusal to the log, without counting.
type refusals struct{ log *audit.Log }

func (r refusals) Refuse(ctx context.Context, _ string, e audit.Entry) error {
	_, err := r.log.Start(e).Wait(ctx)
	return err
}

// Endless is an access.Volume that counts nothing, for tests of other things.
type Endless struct{}

// Open allows it.
func (Endless) Open(context.Context, person.Caller, person.PatientID, []string) error { return nil }

// Give allows it.
func (Endless) Give(context.Context, person.Caller, int) error { return nil }
