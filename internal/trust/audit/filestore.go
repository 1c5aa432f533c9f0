package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/word/fault"
)

// The files of a FileStore, all in one folder:
//
//	journal-<position>  the records, in segments named by their position in the whole; the one durable truth
//	hashes              tlog's stored hashes, 32 bytes each; derived, repaired from the journal
//	offsets             each record's position in the journal, 8 bytes each; derived, repaired likewise
//	clean               up to where hashes and offsets are known to be on the disk; may be lost
//	checkpoint          the newest signed note; may be lost
//	reserve             space set aside for care when the disk is full
//	lock                held while a process appends
const (
	journalPrefix  = "journal-"
	hashesName     = "hashes"
	offsetsName    = "offsets"
	cleanName      = "clean"
	checkpointName = "checkpoint"
	reserveName    = "reserve"
	lockName       = "lock"
)

// derivedBuffer is how many bytes of hashes wait in memory before they are written.
// Written with every batch they would grow two more files, whose metadata each sync
// of the journal would have to commit as well (measured: half the speed).
const derivedBuffer = 1 << 20

// zerosAhead is how far the journal is filled with zeros before it gets there. A sync
// of bytes that a file had already need not commit a new length and new blocks
// (measured on ext4: about half the time).
const zerosAhead = 256 << 10

// Defaults of FileConfig.
const (
	DefaultSegment = 64 << 20
	DefaultReserve = 64 << 20
)

// Marks are the free spaces, in bytes, below which a class is refused. Care has
// none: it goes on into the reserve.
type Marks struct{ Stranger, App, Patient, Office int64 }

// DefaultMarks refuse strangers first and office roles last.
func DefaultMarks() Marks {
	return Marks{Stranger: 256 << 20, App: 192 << 20, Patient: 128 << 20, Office: 64 << 20}
}

func (m Marks) of(c Class) int64 {
	switch c {
	case ClassOffice:
		return m.Office
	case ClassPatient:
		return m.Patient
	case ClassApp:
		return m.App
	default:
		return m.Stranger
	}
}

// FileConfig describes a FileStore.
type FileConfig struct {
	Dir     string // must exist; only the store's files are in it
	Segment int64  // size at which a new journal segment begins; 0 means DefaultSegment
	Reserve int64  // space set aside for care; 0 means DefaultReserve, negative none
	Marks   Marks  // zero means DefaultMarks
	// Free returns the free space in bytes; nil asks the file system of Dir.
	Free func() (int64, error)

	disk disk // tests replace it; nil is Dir
}

// FileStore keeps a log in files beside the embedded database.
//
// An Append writes its batch to the journal and syncs it once; hashes and offsets
// are written later, at the next checkpoint at the latest, and what a crash takes of them is computed
// again from the journal at Load. A batch that was torn by a crash is cut off, but
// only when nothing shows that it had been durable: a later batch, a stored hash or
// the clean mark behind it mean ErrDamaged.
type FileStore struct {
	cfg      FileConfig
	disk     disk
	readOnly bool

	mu       sync.RWMutex // guards all below; Append holds it only to publish
	lock     file
	buf      []byte // of the sequencer, for frames
	zeros    []byte // zerosAhead of them
	segs     []segment
	size     int64  // records
	end      int64  // journal position behind the last record
	note     []byte // of a reader: the newest checkpoint before it looked at the journal
	ahead    int64  // the journal's last segment is zeros from end to here
	unsure   bool   // an Append has failed and left behind nobody knows what
	hashes   derived
	offsets  derived
	reserve  file
	reserved int64 // bytes now in the reserve
	free     int64 // free space when last asked
	stopped  bool  // the reserve is used up and the disk is full
}

// segment is one file of the journal.
type segment struct {
	base int64 // position of its first byte
	f    file
}

// NewFileStore names the folder; Load opens it.
func NewFileStore(cfg FileConfig) *FileStore {
	if cfg.Segment == 0 {
		cfg.Segment = DefaultSegment
	}
	if cfg.Reserve == 0 {
		cfg.Reserve = DefaultReserve
	}
	if cfg.Marks == (Marks{}) {
		cfg.Marks = DefaultMarks()
	}
	if cfg.Free == nil {
		cfg.Free = func() (int64, error) { return FreeSpace(cfg.Dir) }
	}
	d := cfg.disk
	if d == nil {
		d = osDisk{dir: cfg.Dir}
	}
	return &FileStore{cfg: cfg, disk: d, zeros: make([]byte, zerosAhead), hashes: derived{unit: tlog.HashSize}, offsets: derived{unit: 8}}
}

// OpenFileReader opens a log's folder for the verifier: it takes no lock, changes
// nothing, and may run beside a server that appends.
func OpenFileReader(ctx context.Context, cfg FileConfig) (*FileStore, error) {
	s := NewFileStore(cfg)
	s.readOnly = true
	if cfg.disk == nil {
		s.disk = osDisk{dir: cfg.Dir, readOnly: true}
	}
	if _, err := s.Load(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// VerifyFiles verifies a log's folder, also beside a server that uses it. Files that
// do not hang together are a report, not an error.
func VerifyFiles(ctx context.Context, files FileConfig, cfg VerifyConfig) (Report, error) {
	s, err := OpenFileReader(ctx, files)
	if errors.Is(err, ErrDamaged) {
		var r Report
		return r.bad(err), nil
	}
	if err != nil {
		return Report{}, err
	}
	cfg.Store = s
	r, err := Verify(ctx, cfg)
	return r, errors.Join(err, s.Close())
}

// Load implements Store.
func (s *FileStore) Load(ctx context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.closeFiles(); err != nil {
		return 0, fmt.Errorf("load log files: %w", err)
	}
	clean, known, err := s.openFiles()
	if err != nil {
		return 0, fmt.Errorf("load log files: %w", err)
	}
	if err := s.recover(clean, known); err != nil {
		return 0, fmt.Errorf("load log files: %w", err)
	}
	if !s.readOnly {
		s.openReserve()
		s.look()
	}
	return s.size, nil
}

// openFiles opens everything in the order in which a reader beside a running
// server must look: the checkpoint, the clean mark, then the derived files, then the
// journal, each of which is never behind the one before. It returns the mark and the
// number of records known to be durable.
func (s *FileStore) openFiles() (clean []byte, known int64, err error) {
	if err := s.takeLock(); err != nil {
		return nil, 0, err
	}
	if s.readOnly {
		if s.note, err = readFile(s.disk, checkpointName); err != nil {
			return nil, 0, err
		}
	}
	if clean, err = readFile(s.disk, cleanName); err != nil {
		return nil, 0, err
	}
	if s.hashes.f, err = s.openDerived(hashesName); err != nil {
		return nil, 0, err
	}
	if s.offsets.f, err = s.openDerived(offsetsName); err != nil {
		return nil, 0, err
	}
	if known, err = s.known(); err != nil {
		return nil, 0, err
	}
	return clean, known, s.openSegments()
}

func (s *FileStore) takeLock() error {
	if s.readOnly || s.lock != nil {
		return nil
	}
	f, err := s.disk.open(lockName, true)
	if err != nil {
		return err
	}
	if err := f.lock(); err != nil {
		return errors.Join(err, f.Close())
	}
	s.lock = f
	return nil
}

// openDerived opens a derived file; a reader does without a missing one.
func (s *FileStore) openDerived(name string) (file, error) {
	f, err := s.disk.open(name, !s.readOnly)
	if s.readOnly && errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// Close implements Store.
func (s *FileStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.ahead > s.end && !s.unsure { // a start would find the end too
		g := s.segs[len(s.segs)-1]
		err = g.f.Truncate(s.end - g.base)
	}
	err = errors.Join(err, s.closeFiles())
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
		s.lock = nil
	}
	return err
}

func (s *FileStore) closeFiles() error {
	var errs []error
	for _, f := range []file{s.hashes.f, s.offsets.f, s.reserve} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	for _, g := range s.segs {
		errs = append(errs, g.f.Close())
	}
	s.hashes, s.offsets = derived{unit: tlog.HashSize}, derived{unit: 8}
	s.reserve, s.segs = nil, nil
	s.size, s.end, s.ahead, s.unsure = 0, 0, 0, false
	return errors.Join(errs...)
}

// Size implements Reader.
func (s *FileStore) Size(context.Context) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.size, nil
}

// Append implements Store.
func (s *FileStore) Append(ctx context.Context, b Batch) error {
	if b.First != s.size { // size changes only in Append and Load
		return fmt.Errorf("append to journal at %d of %d: %w", b.First, s.size, ErrForked)
	}
	buf, at := appendFrames(s.buf[:0], b.Records)
	s.buf = buf[:0]
	if err := s.rotate(int64(len(buf))); err != nil {
		return s.full(err, ErrNotWritten)
	}
	g := s.segs[len(s.segs)-1]
	if err := s.writeJournal(g, buf, b.Class == ClassCare); err != nil {
		return err
	}
	ahead := s.writeAhead(g, s.end+int64(len(buf)))
	if err := g.f.datasync(); err != nil {
		s.unsure = true
		// What a failed sync left behind is unknown, also to the kernel: only Load can tell.
		return fmt.Errorf("sync journal: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range b.Records {
		s.offsets.addInt(s.end + at[i])
		for _, h := range r.Hashes {
			s.hashes.add(h[:])
		}
	}
	s.size += int64(len(b.Records))
	s.end += int64(len(buf))
	s.ahead = ahead
	if len(s.hashes.tail) >= derivedBuffer {
		s.hashes.flush() // errors do not matter: what is not written stays in memory
		s.offsets.flush()
	}
	s.look()
	return nil
}

// writeJournal writes at the journal's end, releasing the reserve step by step for
// care. A write that failed is undone; when that fails too, the state is unknown.
func (s *FileStore) writeJournal(g segment, buf []byte, care bool) error {
	for {
		_, err := g.f.WriteAt(buf, s.end-g.base)
		if err == nil {
			return nil
		}
		s.ahead = s.end
		if undo := errors.Join(g.f.Truncate(s.end-g.base), g.f.datasync()); undo != nil {
			s.unsure = true
			return fmt.Errorf("undo write to journal: %w", errors.Join(err, undo))
		}
		if !isFull(err) || !care || !s.release() {
			return s.full(err, ErrNotWritten)
		}
	}
}

// writeAhead writes zeros behind end, when there are none left and space is no
// concern, up to where the segment ends. It returns how far zeros go now: a disk that
// has no room for them has told nobody anything yet.
func (s *FileStore) writeAhead(g segment, end int64) int64 {
	s.mu.RLock()
	room := s.free >= s.cfg.Marks.Office
	s.mu.RUnlock()
	to := min(end+zerosAhead, g.base+s.cfg.Segment)
	if end <= s.ahead || to <= end || !room {
		return s.ahead
	}
	if writeZeros(g.f, s.zeros, end-g.base, to-end) != nil {
		return end
	}
	return to
}

// full marks an error of an append that left nothing behind.
func (s *FileStore) full(err, state error) error {
	if isFull(err) {
		err = errors.Join(err, ErrFull)
	}
	return fmt.Errorf("append to journal: %w", errors.Join(err, state))
}

func segmentName(base int64) string { return fmt.Sprintf(journalPrefix+"%016x", base) }

// Checkpoint implements Reader. A reader beside a server answers with the one that it
// read before the journal: the newest may sign records that it does not see.
func (s *FileStore) Checkpoint(context.Context) ([]byte, error) {
	if s.readOnly {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.note, nil
	}
	return readFile(s.disk, checkpointName)
}

// SetCheckpoint implements Store. It first makes the derived files durable up to
// the checkpoint, so that the next Load need not read the journal before it.
func (s *FileStore) SetCheckpoint(ctx context.Context, h Head, note []byte) error {
	s.mu.Lock()
	s.hashes.flush()
	s.offsets.flush()
	flushed := len(s.hashes.tail) == 0 && len(s.offsets.tail) == 0
	hf, of, end := s.hashes.f, s.offsets.f, s.end
	if h.Size < s.size {
		b, err := s.offsets.read(h.Size, h.Size+1)
		if flushed = flushed && err == nil; flushed {
			end = int64(beUint64(b))
		}
	}
	s.mu.Unlock()
	if hf == nil {
		return fault.New(fault.Unavailable, "write checkpoint: log files are closed")
	}
	if flushed {
		if err := errors.Join(hf.datasync(), of.datasync()); err != nil {
			return fmt.Errorf("sync derived log files: %w", err)
		}
		if err := replaceFile(s.disk, cleanName, cleanMark{h, end}.format()); err != nil {
			return err
		}
	}
	return replaceFile(s.disk, checkpointName, note)
}
