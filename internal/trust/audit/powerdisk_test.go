package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"
)

// PowerDisk is a folder in memory that forgets at a power cut what was not synced:
// bytes and lengths without a datasync of their file, names without a sync of the
// folder. What a cut takes is chosen by sector and in no order, because that is what
// a disk's cache does.
type PowerDisk struct {
	mu      sync.Mutex
	names   map[string]*inode
	durable map[string]*inode
	pending []func(map[string]*inode) // changes of names that were not synced
	cuts    int
	size    int64 // bytes that the disk has, 0 for no end
	read    int64 // bytes that were read
	inodes  uint64
}

// inode is a file. Its locks end with the handle, like all of the process.
type inode struct {
	now, durable []byte
	pending      []change
	lockedBy     *powerFile
	id           fileID
}

// change is a write, or a new length when data is nil.
type change struct {
	at   int64
	data []byte
}

func (c change) apply(b []byte) []byte {
	if c.data == nil {
		if n := int(c.at) - len(b); n > 0 {
			return append(b, make([]byte, n)...)
		}
		return b[:c.at]
	}
	if n := int(c.at) + len(c.data) - len(b); n > 0 {
		b = append(b, make([]byte, n)...)
	}
	copy(b[c.at:], c.data)
	return b
}

func (c change) kind() Change {
	if c.data == nil {
		return Length
	}
	return Bytes
}

// sectors cuts a write into what a disk writes whole or not at all. They are smaller
// than a disk's, because the files of the tests are smaller too.
func (c change) sectors() (cs []change) {
	const sector = 64
	if c.data == nil {
		return []change{c}
	}
	for at, b := c.at, c.data; len(b) > 0; {
		n := min(int64(len(b)), sector-at%sector)
		cs = append(cs, change{at, b[:n]})
		at, b = at+n, b[n:]
	}
	return cs
}

// NewPowerDisk is an empty folder.
func NewPowerDisk() *PowerDisk {
	return &PowerDisk{names: map[string]*inode{}, durable: map[string]*inode{}}
}

// Limit gives the disk room for n bytes more than it holds.
func (d *PowerDisk) Limit(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size = 0
	d.size = d.used() + n
}

// used is what the files take. A file that was cut gives its blocks back only when
// that is durable: until then a power cut must find them.
func (d *PowerDisk) used() (n int64) {
	for _, i := range d.names {
		n += int64(max(len(i.now), len(i.durable)))
	}
	return n
}

// Cut is a power cut: of what was not synced, keep says what had reached the disk.
// Open files are gone, as their process is.
func (d *PowerDisk) Cut(keep Keep) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cuts++
	for _, change := range d.pending { // a file system's journal keeps their order
		if !keep(Name) {
			break
		}
		change(d.durable)
	}
	d.pending, d.names = nil, map[string]*inode{}
	for _, name := range slices.Sorted(maps.Keys(d.durable)) { // in the same order every time
		i := d.durable[name]
		b := i.durable
		for _, c := range i.pending {
			for _, s := range c.sectors() {
				if keep(s.kind()) {
					b = s.apply(b)
				}
			}
		}
		d.names[name] = &inode{now: b, durable: bytes.Clone(b), id: i.id}
	}
	d.durable = maps.Clone(d.names)
}

// Keep says whether a change that was not synced had reached the disk.
type Keep func(Change) bool

// Change is what a disk's cache writes in its own order.
type Change int

// The changes: of the folder, of bytes, of a length.
const (
	Name Change = iota
	Bytes
	Length
)

func keepNothing(Change) bool { return false }

// Cuts are the kinds of power cut that tests try: of what was not synced nothing
// had reached the disk, everything, only what was written and no shortening, or some mixture.
func Cuts() map[string]Keep {
	cuts := map[string]Keep{"nothing": keepNothing,
		"everything": func(Change) bool { return true },
		"bytes":      func(c Change) bool { return c != Length }}
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 1))
		cuts[fmt.Sprintf("mixture %d", seed)] = func(Change) bool { return r.IntN(2) == 0 }
	}
	return cuts
}

// Read is the number of bytes that were read from the disk.
func (d *PowerDisk) Read() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.read
}

func (d *PowerDisk) open(name string, create bool) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.names[name]
	if i == nil {
		if !create {
			return nil, fmt.Errorf("open %s: %w", name, os.ErrNotExist)
		}
		d.inodes++
		i = &inode{id: fileID{1, d.inodes}}
		d.change(func(names map[string]*inode) { names[name] = i })
	}
	return &powerFile{d: d, i: i, cuts: d.cuts}, nil
}

// change changes names now, and on the disk with the next sync; the caller holds mu.
func (d *PowerDisk) change(f func(map[string]*inode)) {
	f(d.names)
	d.pending = append(d.pending, f)
}

func (d *PowerDisk) list() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.names)), nil
}

func (d *PowerDisk) rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.names[from]
	if i == nil {
		return fmt.Errorf("rename %s: %w", from, os.ErrNotExist)
	}
	d.change(func(names map[string]*inode) {
		names[to] = i
		delete(names, from)
	})
	return nil
}

func (d *PowerDisk) id(name string) (fileID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := d.names[name]; i != nil {
		return i.id, nil
	}
	return fileID{}, os.ErrNotExist
}

func (f *powerFile) id() (fileID, error) { return f.i.id, nil }

func (d *PowerDisk) sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, change := range d.pending {
		change(d.durable)
	}
	d.pending = nil
	return nil
}

// powerFile is an open file.
type powerFile struct {
	d      *PowerDisk
	i      *inode
	cuts   int
	closed bool
}

// do runs f unless the file went with the power.
func (f *powerFile) do(call func() error) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.closed || f.cuts != f.d.cuts {
		return os.ErrClosed
	}
	return call()
}

// change changes the content; a disk that is full writes nothing.
func (f *powerFile) change(c change) error {
	return f.do(func() error {
		before := len(f.i.now)
		f.i.now = c.apply(f.i.now)
		if f.d.size > 0 && len(f.i.now) > before && f.d.used() > f.d.size {
			f.i.now = f.i.now[:before]
			return unix.ENOSPC
		}
		f.i.pending = append(f.i.pending, c)
		return nil
	})
}

func (f *powerFile) ReadAt(b []byte, at int64) (n int, err error) {
	err = f.do(func() error {
		n = copy(b, f.i.now[min(at, int64(len(f.i.now))):])
		f.d.read += int64(n)
		if n < len(b) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

func (f *powerFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.change(change{at, bytes.Clone(b)}); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (f *powerFile) Truncate(n int64) error { return f.change(change{at: n}) }

func (f *powerFile) allocate(from, n int64) error { return f.change(change{at: from + n}) }

func (f *powerFile) size() (n int64, err error) {
	err = f.do(func() error { n = int64(len(f.i.now)); return nil })
	return n, err
}

func (f *powerFile) datasync() error {
	return f.do(func() error {
		for _, c := range f.i.pending {
			f.i.durable = c.apply(f.i.durable)
		}
		f.i.pending = nil
		return nil
	})
}

func (f *powerFile) lock() error {
	return f.do(func() error {
		if l := f.i.lockedBy; l != nil && !l.closed {
			return ErrHeld
		}
		f.i.lockedBy = f
		return nil
	})
}

func (f *powerFile) Close() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.closed = true
	return nil
}

// A file that replaceFile has replaced is the new one after a power cut; one whose
// replacing was cut short is the old or the new one, and never a mixture.
func TestPowerCutWhileAFileIsReplaced(t *testing.T) {
	before, after := bytes.Repeat([]byte("before "), 300), bytes.Repeat([]byte("after "), 250)
	for name, keep := range Cuts() {
		for k := 1; ; k++ {
			power := NewPowerDisk()
			disk := power.Faulty()
			if err := replaceFile(disk, "f", before); err != nil {
				t.Fatal(err)
			}
			disk.FailAt(k, unix.EIO, true, true)
			err := replaceFile(disk, "f", after)
			all := !disk.Failed()
			disk.FailAt(0, nil, false, false)
			power.Cut(keep)
			got, readErr := readFile(disk, "f")
			if readErr != nil || !bytes.Equal(got, after) && (err == nil || !bytes.Equal(got, before)) {
				t.Fatalf("kept %s, call %d: %v; then %q, %v", name, k, err, got, readErr)
			}
			if all {
				break
			}
		}
	}
}

// The disk of these tests itself: only what was synced is certain.
func TestPowerDisk(t *testing.T) {
	d := NewPowerDisk()
	f, err := d.open("f", true)
	if err != nil {
		t.Fatal(err)
	}
	content := func() string {
		b, err := readFile(d, "f")
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	_, e1 := f.WriteAt([]byte("synced"), 0)
	if err := errors.Join(e1, f.datasync(), d.sync(), f.lock()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("lost"), 3); err != nil || content() != "synlost" {
		t.Fatal(content(), err)
	}
	d.Cut(keepNothing)
	if content() != "synced" {
		t.Fatal(content())
	}
	if _, err := f.WriteAt([]byte("x"), 0); !errors.Is(err, os.ErrClosed) {
		t.Fatal("a file outlived the power cut:", err)
	}
	g, err := d.open("g", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.lock(), g.Truncate(4), g.datasync()); err != nil {
		t.Fatal(err)
	}
	d.Cut(keepNothing)
	if _, err := d.open("g", false); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("a name that was not synced:", err)
	}
}

// racing is a disk whose files show zeros to the first reads that want them, as a
// record does that is written meanwhile.
type racing struct {
	*PowerDisk
	left *int
}

type racingFile struct {
	file
	left *int
}

func (d racing) open(name string, create bool) (file, error) {
	f, err := d.PowerDisk.open(name, create)
	return racingFile{f, d.left}, err
}

func (f racingFile) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.file.ReadAt(b, at)
	if *f.left > 0 {
		*f.left--
		copy(b, make([]byte, 100))
	}
	return n, err
}

// Between is a folder of a reader, in which something happens before one of its calls.
type Between struct {
	disk
	At    int // the call, from 1
	Do    func()
	calls int
}

// NewBetween is the folder behind d.
func NewBetween(d *PowerDisk, at int, do func()) *Between { return &Between{disk: d, At: at, Do: do} }

// Config puts files of c into the folder.
func (d *Between) Config(c FileConfig) FileConfig {
	c.disk = d
	return c
}

// Came reports whether the call was made.
func (d *Between) Came() bool { return d.calls >= d.At }

func (d *Between) call() {
	if d.calls++; d.calls == d.At {
		d.Do()
	}
}

func (d *Between) list() ([]string, error) {
	d.call()
	return d.disk.list()
}

func (d *Between) open(name string, create bool) (file, error) {
	d.call()
	f, err := d.disk.open(name, create)
	return betweenFile{f, d}, err
}

type betweenFile struct {
	file
	d *Between
}

func (f betweenFile) ReadAt(b []byte, at int64) (int, error) {
	f.d.call()
	return f.file.ReadAt(b, at)
}

func (f betweenFile) size() (int64, error) {
	f.d.call()
	return f.file.size()
}

// A reader beside a server meets a batch that is written while it reads, and the one
// after it: it sees the log as it was before. Zeros that stay are damage.
func TestReaderMeetsAWriter(t *testing.T) {
	power := NewPowerDisk()
	s := NewFileStore(FileConfig{Reserve: -1, disk: power, Free: func() (int64, error) { return 1 << 40, nil }})
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for seq := range int64(2) {
		if err := s.Append(t.Context(), Batch{First: seq, Records: []Record{{Seq: seq, Sealed: []byte("x"), Hashes: make([]tlog.Hash, 1)}}}); err != nil {
			t.Fatal(err)
		}
	}
	sizes := []int64{2, 0, 0, 0}
	for reads, want := range []error{nil, nil, nil, ErrDamaged} {
		left := reads
		r, err := OpenFileReader(t.Context(), FileConfig{disk: racing{power, &left}})
		if !errors.Is(err, want) {
			t.Fatalf("%d reads of zeros: %v", reads, err)
		}
		if err != nil {
			continue
		}
		if n, err := r.Size(t.Context()); err != nil || n != sizes[reads] {
			t.Errorf("%d reads of zeros: %d records, %v", reads, n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Zeros lie behind the journal while it is open, and are gone when it was closed.
func TestZerosAhead(t *testing.T) {
	for name, c := range map[string]struct{ free, want int64 }{"room": {1 << 40, zerosAhead}, "no room": {10, 0}} {
		power := NewPowerDisk()
		s := NewFileStore(FileConfig{Reserve: -1, disk: power, Free: func() (int64, error) { return c.free, nil }})
		if _, err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		record := Record{Sealed: []byte("x"), Hashes: make([]tlog.Hash, 1)}
		frames, _ := appendFrames(nil, []Record{record})
		for seq := range int64(3) {
			record.Seq = seq
			if err := s.Append(t.Context(), Batch{First: seq, Records: []Record{record}}); err != nil {
				t.Fatal(err)
			}
		}
		size := func() int64 { return int64(len(power.names["journal-0000000000000000"].now)) }
		one := int64(len(frames))
		if want := max(one+c.want, 3*one); size() != want {
			t.Errorf("%s: open, %d bytes, want %d", name, size(), want)
		}
		if err := s.Close(); err != nil || size() != 3*one {
			t.Errorf("%s: closed, %d bytes, want %d: %v", name, size(), 3*one, err)
		}
	}
}
