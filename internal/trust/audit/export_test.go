package audit

import (
	"errors"
	"sync"
)

// What tests of package audit_test need of the inside.

// StartTogether is Start for entries that are in one group, whatever the sequencer
// does meanwhile: with Start alone it depends on luck where a group ends, and so do
// the calls that the store gets.
func (l *Log) StartTogether(es ...Entry) []*Pending {
	items := make([]item, len(es))
	ps := make([]*Pending, len(es))
	for i := range es {
		var err error
		if items[i], err = l.admit(&es[i]); err != nil {
			ps[i] = &Pending{err: err}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range es {
		if ps[i] == nil {
			ps[i], _ = l.enqueue(items[i])
		}
	}
	l.poke()
	return ps
}

// Cores makes l seal on n cores.
func (l *Log) Cores(n int) { l.cores = n }

// FaultDisk is a folder whose calls can be made to fail, as a disk's do. It counts
// every call that the file store makes.
type FaultDisk struct {
	under disk
	syncs bool // whether syncs reach the disk below
	mu    sync.Mutex
	calls int
	at    int   // the call that fails, from 1; 0 for none
	err   error // what it fails with
	half  bool  // a failing write has written half
	whole bool  // a failing write has written everything nevertheless
	crash bool  // every call after it fails too, as when the process is killed
	full  bool  // every write and allocation fails, until healed
	heal  func() bool
}

var errCrashed = errors.New("the disk is gone")

// NewFaultDisk uses the folder dir.
func NewFaultDisk(dir string) *FaultDisk { return &FaultDisk{under: osDisk{dir: dir}} }

// Faulty lets calls of d fail, before the power is cut.
func (d *PowerDisk) Faulty() *FaultDisk { return &FaultDisk{under: d, syncs: true} }

// Config puts the disk under a file store's configuration.
func (d *FaultDisk) Config(c FileConfig) FileConfig { c.disk = d; return c }

// Overflow puts the disk under an overflow's configuration.
func (d *FaultDisk) Overflow(c OverflowConfig) OverflowConfig { c.disk = d; return c }

// FailAt makes the k-th call from now fail with err.
func (d *FaultDisk) FailAt(k int, err error, half, crash bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls, d.at, d.err, d.half, d.crash, d.whole = 0, k, err, half, crash, false
}

// FailLate is FailAt for a write that fails after it has been done.
func (d *FaultDisk) FailLate(k int, err error) {
	d.FailAt(k, err, true, false)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.whole = true
}

// Full makes every write fail with err, until err is nil.
func (d *FaultDisk) Full(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full, d.err = err != nil, err
}

// FullUntil makes every write fail with err until heal says so.
func (d *FaultDisk) FullUntil(err error, heal func() bool) {
	d.Full(err)
	d.heal = heal
}

// ReservedNow is Reserved for a caller inside the store.
func (s *FileStore) ReservedNow() int64 { return s.reserved }

// Failed reports whether the call that was to fail has been made.
func (d *FaultDisk) Failed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at != 0 && d.calls >= d.at
}

func (d *FaultDisk) call(writes bool) (error, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if d.heal != nil && d.heal() {
		d.full, d.heal = false, nil
	}
	switch {
	case d.full && writes:
		return d.err, false
	case d.at != 0 && d.calls == d.at:
		return d.err, d.half
	case d.at != 0 && d.calls > d.at && d.crash:
		return errCrashed, false
	}
	return nil, false
}

func (d *FaultDisk) open(name string, create bool) (file, error) {
	if err, _ := d.call(false); err != nil {
		return nil, err
	}
	f, err := d.under.open(name, create)
	if err != nil {
		return nil, err
	}
	return &faultFile{f, d, name}, nil
}

func (d *FaultDisk) list() ([]string, error) {
	if err, _ := d.call(false); err != nil {
		return nil, err
	}
	return d.under.list()
}

func (d *FaultDisk) rename(from, to string) error {
	if err, _ := d.call(false); err != nil {
		return err
	}
	return d.under.rename(from, to)
}

func (d *FaultDisk) id(name string) (fileID, error) {
	if err, _ := d.call(false); err != nil {
		return fileID{}, err
	}
	return d.under.id(name)
}

func (f *faultFile) id() (fileID, error) {
	if err, _ := f.d.call(false); err != nil {
		return fileID{}, err
	}
	return f.file.id()
}

func (d *FaultDisk) sync() error {
	if err, _ := d.call(false); err != nil {
		return err
	}
	if d.syncs {
		return d.under.sync()
	}
	return nil // as in datasync
}

type faultFile struct {
	file
	d    *FaultDisk
	name string
}

func (f *faultFile) ReadAt(b []byte, at int64) (int, error) {
	if err, _ := f.d.call(false); err != nil {
		return 0, err
	}
	return f.file.ReadAt(b, at)
}

func (f *faultFile) WriteAt(b []byte, at int64) (int, error) {
	if err, half := f.d.call(true); err != nil {
		n := 0
		if half && f.d.whole {
			n, _ = f.file.WriteAt(b, at)
		} else if half {
			n, _ = f.file.WriteAt(b[:len(b)/2], at)
		}
		return n, err
	}
	return f.file.WriteAt(b, at)
}

func (f *faultFile) Truncate(n int64) error {
	if err, _ := f.d.call(false); err != nil {
		return err
	}
	return f.file.Truncate(n)
}

func (f *faultFile) size() (int64, error) {
	if err, _ := f.d.call(false); err != nil {
		return 0, err
	}
	return f.file.size()
}

func (f *faultFile) datasync() error {
	if err, _ := f.d.call(false); err != nil {
		return err
	}
	if f.d.syncs {
		return f.file.datasync()
	}
	return nil // a process that dies loses nothing that was written; a PowerDisk does
}

func (f *faultFile) allocate(from, n int64) error {
	if err, _ := f.d.call(true); err != nil {
		return err
	}
	return f.file.allocate(from, n)
}

func (f *faultFile) lock() error {
	if err, _ := f.d.call(false); err != nil {
		return err
	}
	return f.file.lock()
}

// Close always closes, whatever it returns: the kernel releases the descriptor too.
func (f *faultFile) Close() error {
	err, _ := f.d.call(false)
	return errors.Join(err, f.file.Close())
}
