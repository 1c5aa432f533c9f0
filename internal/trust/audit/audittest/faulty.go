package audittest

import (
	"context"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/trust/audit"
)

// Faulty is a store whose k-th call fails: run a scenario for k = 1, 2, ... until no
// call fails any more, and check the log after each (the model of sunlight's tests).
type Faulty struct {
	Store audit.Store
	At    int   // the call that fails, from 1; 0 for none
	Err   error // what it fails with
	After bool  // the call takes effect and fails nevertheless, as a lost answer does
	// Hold, when not nil, is waited for by every Append: entries stay on their way.
	Hold chan struct{}

	mu    sync.Mutex
	calls int
}

var _ audit.Store = (*Faulty)(nil)

// Failed reports whether the call that was to fail has been made.
func (f *Faulty) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.At != 0 && f.calls >= f.At
}

// do makes one call.
func (f *Faulty) do(call func() error) error {
	f.mu.Lock()
	f.calls++
	fails := f.At != 0 && f.calls == f.At
	f.mu.Unlock()
	if !fails {
		return call()
	}
	if f.After {
		if err := call(); err != nil {
			return err
		}
	}
	return f.Err
}

// Load implements audit.Store.
func (f *Faulty) Load(ctx context.Context) (n int64, err error) {
	err = f.do(func() error { n, err = f.Store.Load(ctx); return err })
	return n, err
}

// Size implements audit.Reader.
func (f *Faulty) Size(ctx context.Context) (n int64, err error) {
	err = f.do(func() error { n, err = f.Store.Size(ctx); return err })
	return n, err
}

// Append implements audit.Store.
func (f *Faulty) Append(ctx context.Context, b audit.Batch) error {
	if f.Hold != nil {
		<-f.Hold
	}
	return f.do(func() error { return f.Store.Append(ctx, b) })
}

// Records implements audit.Reader.
func (f *Faulty) Records(ctx context.Context, from, to int64, fn func(audit.Record) error) error {
	return f.do(func() error { return f.Store.Records(ctx, from, to, fn) })
}

// Hashes implements audit.Reader.
func (f *Faulty) Hashes(ctx context.Context, idx []int64) (hs []tlog.Hash, err error) {
	err = f.do(func() error { hs, err = f.Store.Hashes(ctx, idx); return err })
	return hs, err
}

// Checkpoint implements audit.Reader.
func (f *Faulty) Checkpoint(ctx context.Context) (b []byte, err error) {
	err = f.do(func() error { b, err = f.Store.Checkpoint(ctx); return err })
	return b, err
}

// SetCheckpoint implements audit.Store.
func (f *Faulty) SetCheckpoint(ctx context.Context, h audit.Head, note []byte) error {
	return f.do(func() error { return f.Store.SetCheckpoint(ctx, h, note) })
}

// Admit implements audit.Store; it is a decision, not a call that can break.
func (f *Faulty) Admit(c audit.Class) error { return f.Store.Admit(c) }

// Maintain implements audit.Store.
func (f *Faulty) Maintain(ctx context.Context) error {
	return f.do(func() error { return f.Store.Maintain(ctx) })
}

// Close implements audit.Store.
func (f *Faulty) Close() error { return f.do(f.Store.Close) }
