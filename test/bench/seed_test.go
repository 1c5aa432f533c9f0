package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/person"
)

const (
	origin   = "http://localhost:8099"
	host     = "localhost:8099"
	readers  = 64   // patients with an account and one resource of 2 KB
	bigs     = 16   // long charts, each with an account
	bigChart = 2000 // resources of a long chart
	twoKB    = 2048 // length of that resource's answer
	inList   = 1950 // length of an observation of a long chart in a list: 50 of them stay below 100 KB
	format   = "v5" // of the seed; a change makes new stores
)

// seedDay is when the made-up people live: always the same day, so that a store
// can be kept.
func seedDay() time.Time { return time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) }

func protector() keys.Protector {
	return keys.Protector{How: keys.ByCredential, Secret: []byte(credential)}
}

// credential opens the root key of the stores, which hold nobody's data.
const credential = "a systemd credential for made-up people only, 32 bytes and more"

// storeKey names a seeded store by all that went into it.
func storeKey(patients int) (string, error) {
	schema, err := json.Marshal(app.Migrations())
	if err != nil {
		return "", err
	}
	types, err := json.Marshal(records.Definitions())
	if err != nil {
		types = fmt.Appendf(nil, "%+v", len(records.Definitions()))
	}
	sum := sha256.Sum256(fmt.Appendf(schema, "%s %s %d %d %d %d", format, types, patients, readers, bigs, bigChart))
	return fmt.Sprintf("%d-%s", patients, hex.EncodeToString(sum[:6])), nil
}

// seeded returns the folder of a store with this many patients, making it when
// no earlier run has.
func seeded(ctx context.Context, cache string, patients int, say func(string, ...any)) (string, error) {
	key, err := storeKey(patients)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	making := dir + ".making"
	if err := errors.Join(os.RemoveAll(making), os.MkdirAll(cache, 0o700)); err != nil {
		return "", err
	}
	start := time.Now()
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // memory is not what is measured here
	a, err := app.Create(ctx, app.InitOptions{Dir: making, Origin: origin, Environment: keys.Test, Listen: "127.0.0.1:0",
		ClinicName: deid.ClinicName, ClinicPhone: deid.ClinicPhone, Limits: app.NoLimits()}, protector(), app.Options{DB: unsynced})
	if err != nil {
		return "", err
	}
	err = fill(ctx, a, patients, say)
	if err = errors.Join(err, a.Close(ctx)); err != nil {
		return "", err
	}
	say("seeded %d patients in %s", patients, time.Since(start).Round(time.Second))
	return dir, os.Rename(making, dir)
}

// unsynced opens the database without waiting for the disk, which a test binary
// alone can do: the store is closed before it is used.
func unsynced(ctx context.Context, c db.Config) (*db.DB, error) {
	// A large page cache costs more than it saves: each commit walks over it.
	c.NoSyncForTests, c.CacheKiB = true, 16<<10
	return db.Open(ctx, c)
}

func fill(ctx context.Context, a *app.App, patients int, say func(string, ...any)) error {
	for i := range bigs {
		p := deid.BigChart(uint64(i), seedDay(), bigChart)
		if err := admit(ctx, a, p, fmt.Sprintf("big-%d", i), allLong); err != nil {
			return err
		}
	}
	return crowd(ctx, a, patients, say)
}

// crowd admits the population, several at a time: while one bundle is written the
// others are read and checked, and the log makes their decisions durable together.
func crowd(ctx context.Context, a *app.App, patients int, say func(string, ...any)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work := make(chan deid.Synthetic)
	var hands sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		hands.Go(func() {
			for p := range work {
				handle, change := "", func(b []byte) ([]byte, error) { return b, nil }
				if p.Index < readers {
					handle, change = fmt.Sprintf("reader-%d", p.Index), withTwoKB
				}
				if err := admit(ctx, a, p, handle, change); err != nil {
					stop(err)
				}
			}
		})
	}
	next := time.Now()
	for p := range deid.Population(deid.PopulationConfig{Seed: 1, Patients: patients, Today: seedDay()}) {
		select {
		case work <- p:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		if time.Now().After(next) {
			say("seeding: %d of %d patients", p.Index+1, patients)
			next = time.Now().Add(10 * time.Second)
		}
	}
	close(work)
	hands.Wait()
	return context.Cause(ctx)
}

// admit imports a chart and, when handle is not empty, makes an account for it.
func admit(ctx context.Context, a *app.App, p deid.Synthetic, handle string, change func([]byte) ([]byte, error)) error {
	var b bytes.Buffer
	if err := p.WriteBundle(&b); err != nil {
		return err
	}
	bundle := b.Bytes()
	if change != nil {
		var err error
		if bundle, err = change(bundle); err != nil {
			return err
		}
	}
	if err := a.ImportBundle(ctx, "bench", bundle); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	if handle == "" {
		return nil
	}
	return a.AddPersona(ctx, app.Persona{Handle: handle, Name: p.Given + " " + p.Family, Roles: []person.Role{person.RolePatient},
		Source: p.PatientURL, Language: "en"})
}

// withTwoKB lengthens the last observation of a bundle by a note, so that its
// answer has about 2 KB.
func withTwoKB(bundle []byte) ([]byte, error) {
	return lengthened(bundle, func(all []map[string]any) error {
		last := all[len(all)-1]
		if last["resourceType"] != "Observation" {
			return fmt.Errorf("the last resource is no observation")
		}
		return lengthen(last, twoKB-180) // what storing and answering add: identifiers and meta
	})
}

// allLong lengthens every observation of a bundle, so that 50 in a list have nearly
// the 100 KB that the row allows: they are as long as the resource that is read alone.
func allLong(bundle []byte) ([]byte, error) {
	return lengthened(bundle, func(all []map[string]any) error {
		for _, res := range all {
			if res["resourceType"] != "Observation" {
				continue
			}
			if err := lengthen(res, inList-260); err != nil { // that and what the list says of each
				return err
			}
		}
		return nil
	})
}

func lengthened(bundle []byte, change func([]map[string]any) error) ([]byte, error) {
	var b map[string]any
	if err := json.Unmarshal(bundle, &b); err != nil {
		return nil, err
	}
	var all []map[string]any
	entries, _ := b["entry"].([]any)
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		res, _ := entry["resource"].(map[string]any)
		all = append(all, res)
	}
	if err := change(all); err != nil {
		return nil, err
	}
	return json.Marshal(b)
}

// lengthen adds a note to res that makes it n bytes long.
func lengthen(res map[string]any, n int) error {
	plain, err := json.Marshal(res)
	if err != nil {
		return err
	}
	const said = "Measured at rest. "
	res["note"] = []any{map[string]any{"text": strings.Repeat(said, max(n-len(plain), 1)/len(said))}}
	return nil
}

// tokenOf mints a bearer token for the account with this handle.
func tokenOf(ctx context.Context, a *app.App, handle string) (string, error) {
	account, err := a.Identity.FindPersona(ctx, handle)
	if err != nil {
		return "", err
	}
	c := person.NewOperator("token", person.AccountID{}, person.PurposeSystemAdmin, person.Request{ID: "bench", Client: "bench"})
	g, err := a.Gate.Decide(ctx, access.Ask{Caller: c, Action: access.MintToken, Owner: person.Account(account)})
	if err != nil {
		return "", err
	}
	return a.Sessions.MintToken(ctx, g, "", time.Hour)
}

// copied is a copy of a seeded store that a run may write to.
func copied(dir, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := exec.Command("cp", "-a", "--reflink=auto", dir, to).Run(); err != nil {
		return err
	}
	syscall.Sync() // else the disk is still writing the copy while the log's syncs are measured
	return nil
}
