package access

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// LedgerConfig is what NewLedger needs; every field is required.
type LedgerConfig struct {
	Log      *audit.Log
	Store    audit.Reader           // the same log, for verification and export
	Outside  audit.Outside          // the checkpoint kept elsewhere
	Follower *audit.Follower        // keeps the index up
	Index    audit.SubjectIndex     // which entries are about which patient
	TempDir  func() (string, error) // an empty folder for an export on its way; removed afterwards
	// Alarm hears of an index that lies: whoever reads sees only that the page failed.
	Alarm func(ctx context.Context, what string, owner person.Owner)
}

// Ledger reads the log for those who hold a Grant for reading it. It is the only
// way from a sealed entry to its content.
type Ledger struct {
	c         LedgerConfig
	scan      int64      // how far back one page looks for entries that its filter keeps
	exporting sync.Mutex // held while the copy for an export is on the disk
}

// NewLedger makes a Ledger.
func NewLedger(c LedgerConfig) *Ledger { return &Ledger{c: c, scan: logScan} }

func (l *Ledger) ready() error {
	if l == nil {
		return fault.New(fault.Unavailable, "read log: none is plugged in")
	}
	return nil
}

// Looked returns what the log knows of the patient whose chart gr covers, newest
// first: entries before the sequence number before, at most limit.
func (l *Ledger) Looked(ctx context.Context, gr Grant, before int64, limit int) ([]audit.Entry, error) {
	patient, err := l.patient(gr, ReadAccessLog)
	if err != nil {
		return nil, err
	}
	out, err := l.looked(ctx, patient, before, limit)
	if fault.Is(err, fault.Tampered) {
		// The patient's page only fails, and nobody else would hear of it.
		l.c.Alarm(ctx, "Who looked: "+err.Error(), person.Patient(patient))
	}
	return out, err
}

func (l *Ledger) looked(ctx context.Context, patient person.PatientID, before int64, limit int) ([]audit.Entry, error) {
	if err := l.c.Follower.Flush(ctx); err != nil {
		return nil, fmt.Errorf("bring index up to date: %w", err)
	}
	seqs, err := l.c.Index.Entries(ctx, patient, before, limit)
	if err != nil {
		return nil, err
	}
	out := make([]audit.Entry, 0, len(seqs))
	for _, seq := range seqs {
		if seq < 0 || seq >= l.c.Log.Size() {
			return nil, fault.New(fault.Tampered, "read log: the index names an entry that the log does not have")
		}
		e, err := l.c.Log.RiskyEntry(ctx, seq)
		if err != nil {
			return nil, err
		}
		if e.Patient != patient {
			return nil, fault.New(fault.Tampered, "read log: the index names an entry about somebody else")
		}
		out = append(out, e)
	}
	return out, nil
}

// Proof is the proof of one entry about the patient whose chart gr covers. An
// entry about somebody else and one that does not exist are fault.NotFound.
func (l *Ledger) Proof(ctx context.Context, gr Grant, seq int64) ([]byte, error) {
	patient, err := l.patient(gr, ProveAccess)
	if err != nil {
		return nil, err
	}
	if seq < 0 || seq >= l.c.Log.Size() {
		return nil, fault.New(fault.NotFound, "prove entry")
	}
	e, err := l.c.Log.RiskyEntry(ctx, seq)
	if err != nil {
		return nil, err
	}
	if e.Patient != patient {
		return nil, fault.New(fault.NotFound, "prove entry")
	}
	return l.c.Log.RiskyProof(ctx, seq)
}

func (l *Ledger) patient(gr Grant, a Action) (person.PatientID, error) {
	if err := l.ready(); err != nil {
		return person.PatientID{}, err
	}
	if err := gr.Covers(a, gr.Owner()); err != nil {
		return person.PatientID{}, err
	}
	p, ok := gr.Owner().AsPatient()
	if !ok || p.IsZero() {
		return person.PatientID{}, fault.New(fault.Denied, "read log: the grant is about no chart")
	}
	return p, nil
}

// LogOwner is the resource of decisions about the log as a whole.
func LogOwner() person.Owner { return person.Owner{} }

// LogFilter chooses entries of the whole log.
type LogFilter struct {
	Before int64                  // only entries before this sequence number; 0 or less means from the newest
	Limit  int                    // at most so many
	Keep   func(audit.Entry) bool // nil keeps all
}

// logBlock is how many entries are opened at a time, going back.
const logBlock = 256

// logScan bounds the work for one page of a filter that keeps little.
const logScan = 100_000

// ReadLog returns entries of the whole log, newest first. The next page lies
// before next, which is 0 when nothing older is left: a page may be short, or
// empty, because it has looked far enough back.
func (l *Ledger) ReadLog(ctx context.Context, gr Grant, f LogFilter) (out []audit.Entry, next int64, err error) {
	if err := l.whole(gr, ReadLog); err != nil {
		return nil, 0, err
	}
	end := l.c.Log.Size()
	if f.Before > 0 {
		end = min(end, f.Before)
	}
	for stop := max(0, end-l.scan); end > stop && len(out) < f.Limit; end -= logBlock {
		var block []audit.Entry
		err := l.c.Log.RiskyRead(ctx, max(0, end-logBlock), end, func(e audit.Entry) error {
			block = append(block, e)
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
		for i := len(block) - 1; i >= 0 && len(out) < f.Limit; i-- {
			if f.Keep == nil || f.Keep(block[i]) {
				out = append(out, block[i])
			}
		}
	}
	if len(out) > 0 && len(out) == f.Limit {
		return out, out[len(out)-1].Seq, nil
	}
	return out, max(0, end), nil
}

func (l *Ledger) whole(gr Grant, a Action) error {
	if err := l.ready(); err != nil {
		return err
	}
	return gr.Covers(a, LogOwner())
}

// VerifyLog recomputes the whole tree and compares it with the outside checkpoint.
func (l *Ledger) VerifyLog(ctx context.Context, gr Grant) (audit.Report, error) {
	if err := l.whole(gr, VerifyLog); err != nil {
		return audit.Report{}, err
	}
	// Sign what is there, so that the newest entries are covered too.
	if _, err := l.c.Log.Checkpoint(ctx); err != nil {
		return audit.Report{}, err
	}
	note, err := l.c.Outside.Load(ctx)
	if err != nil {
		return audit.Report{}, fmt.Errorf("verify log: %w", err)
	}
	return audit.Verify(ctx, audit.VerifyConfig{Store: l.c.Store, VKey: l.c.Log.VKey(), Outside: [][]byte{note}, Workers: 1})
}

// ExportLog writes a tar archive of the log in C2SP layout to w. Its copy on the
// disk is as large as the log, so there is one at a time: others are
// fault.Conflict, until the first was taken or broke off.
func (l *Ledger) ExportLog(ctx context.Context, gr Grant, w io.Writer) error {
	if err := l.whole(gr, ExportLog); err != nil {
		return err
	}
	if !l.exporting.TryLock() {
		return fault.Say(fault.Conflict, "error.export-running", "export log: another export is on its way")
	}
	defer l.exporting.Unlock()
	if _, err := l.c.Log.Checkpoint(ctx); err != nil {
		return err
	}
	dir, err := l.c.TempDir()
	if err != nil {
		return fmt.Errorf("export log: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out := filepath.Join(dir, "log")
	if _, err := audit.Export(ctx, l.c.Store, l.c.Log.VKey(), out); err != nil {
		return err
	}
	return writeTar(w, out)
}

func writeTar(w io.Writer, dir string) error {
	tw := tar.NewWriter(w)
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		if err := tw.WriteHeader(&tar.Header{Name: path, Mode: 0o600, Size: int64(len(b)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = tw.Write(b)
		return err
	})
	if err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return tw.Close()
}
