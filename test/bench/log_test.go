package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/word/person"
)

// readEntry is a read as the gate logs it.
func readEntry() (audit.Entry, error) {
	patient, err := person.NewPatientID(rand.Reader)
	if err != nil {
		return audit.Entry{}, err
	}
	account, err := person.NewAccountID(rand.Reader)
	if err != nil {
		return audit.Entry{}, err
	}
	resource, err := person.NewResourceID(rand.Reader)
	if err != nil {
		return audit.Entry{}, err
	}
	c := person.NewPerson(person.PersonConfig{Account: account, Role: person.RolePatient, Purpose: person.PurposePatientRequest,
		Device: "0123456789abcdef0123456789abcdef", Request: person.Request{ID: "abcdefghijklmnop", Client: "fhirapi", Source: "127.0.0.1"}})
	return audit.Entry{Event: audit.EventRead, Action: "readChart", Outcome: audit.Success, Policy: []string{"patient.reads-own-chart"},
		Caller: audit.CallerOf(c), Server: "localhost", Kinds: []string{"chart", "Observation"}, Txn: c.Request().ID,
		Objects: []string{"Observation/" + resource.String()}, Patient: patient, Class: audit.ClassApp}, nil
}

// newLog makes an empty log in files, sealed with the standard library's GCM.
func newLog(ctx context.Context, dir string) (audit.Config, *audit.Log, error) {
	if err := os.MkdirAll(filepath.Join(dir, "log"), 0o700); err != nil {
		return audit.Config{}, nil, err
	}
	cfg := audittest.Config()
	cfg.Store = audit.NewFileStore(audit.FileConfig{Dir: filepath.Join(dir, "log")})
	cfg.Outside = audit.NewOutsideFile(filepath.Join(dir, "checkpoint"))
	if err := audit.Create(ctx, cfg); err != nil {
		return cfg, nil, err
	}
	l, err := audit.Open(ctx, cfg)
	return cfg, l, err
}

// appenders runs one in n goroutines for d and returns how often per second.
func appenders(n int, d time.Duration, one func() error) (float64, error) {
	var done atomic.Int64
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range n {
		wg.Go(func() {
			for time.Since(start) < d && errs[i] == nil {
				errs[i] = one()
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(start).Seconds(), errors.Join(errs...)
}

// plainFile is the floor: records of the same length, group commit, fdatasync.
type plainFile struct {
	f      *os.File
	record []byte
	wake   chan struct{}

	mu   sync.Mutex
	open *plainGroup
}

type plainGroup struct {
	n    int
	done chan struct{}
	err  error
}

func newPlainFile(path string, record int) (*plainFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	p := &plainFile{f: f, record: make([]byte, record), wake: make(chan struct{}, 1), open: &plainGroup{done: make(chan struct{})}}
	go p.run()
	return p, nil
}

func (p *plainFile) append() error {
	p.mu.Lock()
	g := p.open
	g.n++
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	<-g.done
	return g.err
}

func (p *plainFile) run() {
	for range p.wake {
		p.mu.Lock()
		g := p.open
		p.open = &plainGroup{done: make(chan struct{})}
		p.mu.Unlock()
		if g.n > 0 {
			_, g.err = p.f.Write(slices.Repeat(p.record, g.n))
			g.err = errors.Join(g.err, unix.Fdatasync(int(p.f.Fd())))
		}
		close(g.done)
	}
}

func (b *bench) logAppend(ctx context.Context) error {
	dir := filepath.Join(b.work, "append")
	cfg, l, err := newLog(ctx, dir)
	if err != nil {
		return err
	}
	defer l.Close(ctx)
	e, err := readEntry()
	if err != nil {
		return err
	}
	if _, err := l.Append(ctx, e); err != nil {
		return err
	}
	record := 0
	err = cfg.Store.Records(ctx, 0, 1, func(r audit.Record) error { record = len(r.Sealed) + len(r.Leaf) + 32; return nil })
	if err != nil {
		return err
	}
	plain, err := newPlainFile(filepath.Join(dir, "plain"), record)
	if err != nil {
		return err
	}
	defer close(plain.wake)
	var ours, floor, ratios []float64
	for round := -1; round < b.rounds; round++ {
		x, err := appenders(64, b.window, func() error { _, err := l.Append(ctx, e); return err })
		if err != nil {
			return err
		}
		y, err := appenders(64, b.window, plain.append)
		if err != nil {
			return err
		}
		if round >= 0 {
			ours, floor, ratios = append(ours, x), append(floor, y), append(ratios, x/y)
		}
	}
	b.report.atLeast("log append, 64 appenders, embedded", "x an fdatasync'd plain file with group commit", 0.6, median(ratios),
		fmt.Sprintf("%s entries/s; plain file %s/s (records of %d bytes)", thousands(median(ours)), thousands(median(floor)), record))
	return nil
}

// logBig measures a log of many entries: verification, proofs, opening.
func (b *bench) logBig(ctx context.Context) error {
	dir := filepath.Join(b.work, "big")
	cfg, l, err := newLog(ctx, dir)
	if err != nil {
		return err
	}
	e, err := readEntry()
	if err != nil {
		return err
	}
	var last *audit.Pending
	for i := range b.entries {
		if last = l.Start(e); i%4096 == 4095 {
			if _, err := last.Wait(ctx); err != nil {
				return err
			}
		}
	}
	if _, err := last.Wait(ctx); err != nil {
		return err
	}
	if err := l.Close(ctx); err != nil {
		return err
	}
	if err := b.verify(ctx, cfg, filepath.Join(dir, "log")); err != nil {
		return err
	}
	return b.proofs(ctx, cfg)
}

func (b *bench) verify(ctx context.Context, cfg audit.Config, dir string) error {
	s, err := audit.OpenFileReader(ctx, audit.FileConfig{Dir: dir})
	if err != nil {
		return err
	}
	defer s.Close()
	var leaf audit.Leaf
	payload := 0
	if err := s.Records(ctx, 0, 1, func(r audit.Record) error { leaf, payload = r.Leaf, len(r.Sealed); return nil }); err != nil {
		return err
	}
	var ours, leaves, all []float64
	for range b.rounds {
		start := time.Now()
		r, err := audit.VerifyFiles(ctx, audit.FileConfig{Dir: dir}, audit.VerifyConfig{VKey: cfg.VKey})
		if err != nil || !r.OK {
			return fmt.Errorf("verify: %+v: %w", r, err)
		}
		ours = append(ours, float64(b.entries)/time.Since(start).Seconds())
		leaves = append(leaves, bareHash(b.entries, leaf[:], nil))
		all = append(all, bareHash(b.entries, leaf[:], make([]byte, payload)))
	}
	b.report.atLeast("verification of the whole log", "x bare SHA-256 over the same leaves and the payloads that they commit to, same cores", 0.25,
		median(quotients(ours, all)), fmt.Sprintf("%s entries/s of %s; bare SHA-256 %s/s; over the 65 bytes of the leaves alone %s/s, ratio %.2f",
			thousands(median(ours)), thousands(float64(b.entries)), thousands(median(all)), thousands(median(leaves)), median(quotients(ours, leaves))))
	return nil
}

func quotients(a, b []float64) (out []float64) {
	for i := range a {
		out = append(out, a[i]/b[i])
	}
	return out
}

// bareHash hashes leaf and payload n times, on all cores, and returns how many per second.
func bareHash(n int, leaf, payload []byte) float64 {
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	start := time.Now()
	for range workers {
		wg.Go(func() {
			for range n / workers {
				_ = sha256.Sum256(leaf)
				if payload != nil {
					_ = sha256.Sum256(payload)
				}
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(start).Seconds()
}

// proofs asks the log itself, freshly opened, as a server does: it remembers the
// hashes of large subtrees as it meets them.
func (b *bench) proofs(ctx context.Context, cfg audit.Config) error {
	l, err := audit.Open(ctx, cfg)
	if err != nil {
		return err
	}
	times := make([]time.Duration, 0, 5000)
	for i := range cap(times) {
		start := time.Now()
		if _, _, err := l.Inclusion(ctx, int64(i)*7919%int64(b.entries)); err != nil {
			return errors.Join(err, l.Close(ctx))
		}
		times = append(times, time.Since(start))
	}
	b.report.atMost(fmt.Sprintf("inclusion proof at %s entries, p50", thousands(float64(b.entries))), "us", 25,
		float64(median(times).Nanoseconds())/1000, "by the log that serves, freshly opened")
	return l.Close(ctx)
}

// fdatasync is the device's median time for a write of 4 KiB that is durable.
func fdatasync(dir string, n int) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "fdatasync-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	times := make([]time.Duration, 0, n)
	for range n {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
	}
	return median(times), nil
}
