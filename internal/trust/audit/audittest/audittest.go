// Package audittest is the test kit of package audit: a sealer, a signer, a clock,
// an outside checkpoint and a store that live in memory, and New, which puts them
// together to a log that works like the real one.
//
// Its keys are derived from fixed text, so that tests are repeatable, and nothing
// here is safe for data that matter. Only tests import it.
package audittest

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/trust/audit"
)

// Name is the origin of test logs.
const Name = "postern/org-test"

// Sealer is AES-256-GCM under a key made from text: not from package keys, which
// sits beside audit, but of the same kind and cost. Fail, when set, is returned by AppendSeal.
type Sealer struct {
	aead cipher.AEAD
	mu   sync.Mutex
	fail error
}

// NewSealer derives a key from text.
func NewSealer(text string) *Sealer {
	k := sha256.Sum256([]byte(text))
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &Sealer{aead: aead}
}

// Fail makes every later AppendSeal return err; nil heals it.
func (s *Sealer) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// AppendSeal implements audit.Sealer.
func (s *Sealer) AppendSeal(dst, plain, ad []byte) ([]byte, error) {
	s.mu.Lock()
	err := s.fail
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.aead.Seal(dst, nil, plain, ad), nil
}

// Open implements audit.Sealer.
func (s *Sealer) Open(sealed, ad []byte) ([]byte, error) { return s.aead.Open(nil, nil, sealed, ad) }

// NewSigner returns a signer and its verifier key, the same for the same name and seed.
func NewSigner(name, seed string) (note.Signer, string) {
	h := sha256.Sum256([]byte(seed))
	skey, vkey, err := note.GenerateKey(bytes.NewReader(h[:]), name)
	if err != nil {
		panic(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		panic(err)
	}
	return s, vkey
}

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts at a fixed morning.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the clock, back for a negative d.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Outside is an outside checkpoint in memory. Fail, when set, is returned by Swap.
type Outside struct {
	mu   sync.Mutex
	note []byte
	fail error
}

// Load implements audit.Outside.
func (o *Outside) Load(context.Context) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.note == nil {
		return nil, audit.ErrOutsideMissing
	}
	return o.note, nil
}

// Create implements audit.Outside.
func (o *Outside) Create(_ context.Context, note []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.note != nil {
		return fmt.Errorf("create outside checkpoint: exists")
	}
	o.note = note
	return nil
}

// Swap implements audit.Outside.
func (o *Outside) Swap(_ context.Context, old, note []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	if !bytes.Equal(old, o.note) {
		return audit.ErrOutsideMoved
	}
	o.note = note
	return nil
}

// Fail makes every later Swap return err; nil heals it.
func (o *Outside) Fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = err
}

// Set replaces the note, as whoever holds the outside medium can.
func (o *Outside) Set(note []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note = note
}

// Memory is a store in memory. It survives Close, so that a log can be reopened.
type Memory struct {
	mu   sync.Mutex
	recs []audit.Record
	hs   []tlog.Hash
	note []byte
	full func(audit.Class) bool
}

var _ audit.Store = (*Memory)(nil)

// Full makes Admit refuse the classes for which full returns true.
func (m *Memory) Full(full func(audit.Class) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.full = full
}

// Edit lets a drill change what is stored, as whoever owns the disk can.
func (m *Memory) Edit(f func([]audit.Record) []audit.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recs = f(m.recs)
}

// EditHashes lets a drill change stored hashes.
func (m *Memory) EditHashes(f func([]tlog.Hash)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m.hs)
}

// Load implements audit.Store.
func (m *Memory) Load(ctx context.Context) (int64, error) { return m.Size(ctx) }

// Size implements audit.Reader.
func (m *Memory) Size(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.recs)), nil
}

// Append implements audit.Store.
func (m *Memory) Append(_ context.Context, b audit.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.First != int64(len(m.recs)) {
		return audit.ErrForked
	}
	for _, r := range b.Records {
		r.Sealed = bytes.Clone(r.Sealed) // a batch is valid during the call only
		m.recs = append(m.recs, r)
		m.hs = append(m.hs, r.Hashes...)
	}
	return nil
}

// Records implements audit.Reader.
func (m *Memory) Records(ctx context.Context, from, to int64, fn func(audit.Record) error) error {
	m.mu.Lock()
	if from < 0 || to > int64(len(m.recs)) {
		m.mu.Unlock()
		return audit.ErrDamaged
	}
	recs := m.recs[min(from, to):to]
	m.mu.Unlock()
	for _, r := range recs {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

// Hashes implements audit.Reader.
func (m *Memory) Hashes(_ context.Context, idx []int64) ([]tlog.Hash, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]tlog.Hash, 0, len(idx))
	for _, i := range idx {
		if i < 0 || i >= int64(len(m.hs)) {
			return nil, audit.ErrDamaged
		}
		out = append(out, m.hs[i])
	}
	return out, nil
}

// Checkpoint implements audit.Reader.
func (m *Memory) Checkpoint(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.note, nil
}

// SetCheckpoint implements audit.Store.
func (m *Memory) SetCheckpoint(_ context.Context, _ audit.Head, note []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note = note
	return nil
}

// Admit implements audit.Store.
func (m *Memory) Admit(c audit.Class) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full != nil && m.full(c) {
		return audit.ErrFull
	}
	return nil
}

// Maintain implements audit.Store.
func (m *Memory) Maintain(context.Context) error { return nil }

// Close implements audit.Store.
func (m *Memory) Close() error { return nil }

// Config is a whole configuration in memory, for a log that does not exist yet.
// Replace what the test is about.
func Config() audit.Config {
	signer, vkey := NewSigner(Name, "signer of the test log")
	return audit.Config{Store: &Memory{}, Sealer: NewSealer("test"), Signer: signer, VKey: vkey,
		Outside: &Outside{}, Clock: time.Now, Random: rand.Reader}
}

// New creates and opens a log in memory and closes it when the test ends.
func New(t testing.TB) *audit.Log {
	t.Helper()
	return Start(t, Config())
}

// Start creates and opens the log of cfg and closes it when the test ends.
func Start(t testing.TB, cfg audit.Config) *audit.Log {
	t.Helper()
	if err := audit.Create(t.Context(), cfg); err != nil {
		t.Fatalf("create log: %v", err)
	}
	l, err := audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return l
}
