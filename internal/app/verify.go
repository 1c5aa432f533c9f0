package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/fault"
)

// AuditVerifyOptions are the flags of audit verify. Exactly one of a place, an
// export and a proof is given.
type AuditVerifyOptions struct {
	Place
	Export, Proof string
	Key           string // verification key, or a file that holds it
	Checkpoints   []string
}

// Verified is the result of audit verify.
type Verified struct{ audit.Report }

// Print writes the result for a person.
func (r Verified) Print(w io.Writer) {
	switch {
	case !r.OK:
		fmt.Fprintf(w, "NOT OK: %s\n", r.Reason)
		if r.FirstBad != nil {
			fmt.Fprintf(w, "First bad entry: %d\n", *r.FirstBad)
		}
	case r.Anchored:
		fmt.Fprintf(w, "OK: %d entries, all of them as a checkpoint from outside says.\n", r.Size)
	default:
		fmt.Fprintf(w, "OK: %d entries agree with each other. No checkpoint from outside was given, so a log that was rebuilt as a whole would look the same: give --checkpoint.\n", r.Size)
	}
	if r.OK && r.Unsigned > 0 {
		fmt.Fprintf(w, "The newest %d are in no checkpoint yet, so nobody would find them cut off: look again in a few seconds.\n", r.Unsigned)
	}
}

// AuditVerify verifies the log of an installation, an export or a proof. It
// opens no entry and appends nothing, and may run beside a server. An error
// means that something could not be read.
func AuditVerify(ctx context.Context, o AuditVerifyOptions) (Verified, error) {
	notes, err := readAll(o.Checkpoints)
	if err != nil {
		return Verified{}, err
	}
	if o.Export == "" && o.Proof == "" {
		r, err := verifyPlace(ctx, o, notes)
		return Verified{r}, err
	}
	key, err := readKey(o.Key)
	if err != nil {
		return Verified{}, err
	}
	if o.Export != "" {
		r, err := audit.VerifyExport(ctx, o.Export, key, notes...)
		return Verified{r}, err
	}
	b, err := os.ReadFile(o.Proof)
	if err != nil {
		return Verified{}, fmt.Errorf("read proof: %w", err)
	}
	_, r, err := audit.VerifyProof(b, key, notes...)
	return Verified{r}, err
}

func verifyPlace(ctx context.Context, o AuditVerifyOptions, notes [][]byte) (audit.Report, error) {
	c, err := o.Place.config()
	if err != nil {
		return audit.Report{}, err
	}
	keyFile := o.Key
	if keyFile == "" {
		keyFile = c.vkeyFile()
	}
	key, err := readKey(keyFile)
	if err != nil {
		return audit.Report{}, err
	}
	// A checkpoint beside the data anchors nothing; one that the configuration
	// keeps elsewhere does.
	if c.Log.Checkpoint != "" {
		b, err := os.ReadFile(c.checkpoint())
		if err != nil {
			return audit.Report{}, fmt.Errorf("read outside checkpoint: %w", err)
		}
		notes = append(notes, b)
	}
	cfg := audit.VerifyConfig{VKey: key, Outside: notes}
	if c.Database.URL == "" {
		return audit.VerifyFiles(ctx, audit.FileConfig{Dir: c.logDir()}, cfg)
	}
	a := &App{Config: c}
	d, err := a.openDatabase(ctx, c.Database.URL, c.Database.PasswordFile)
	if err != nil {
		return audit.Report{}, err
	}
	defer func() { _ = d.Close() }()
	return audit.VerifyOverflow(ctx, c.logTable(d), cfg)
}

func readAll(paths []string) (out [][]byte, err error) {
	for _, p := range paths {
		b, err := os.ReadFile(p) //#nosec G304 -- named on the command line
		if err != nil {
			return nil, fmt.Errorf("read checkpoint: %w", err)
		}
		out = append(out, b)
	}
	return out, nil
}

// readKey takes a verification key or the name of a file that holds one.
func readKey(s string) (string, error) {
	if s == "" {
		return "", errors.New("give the log's key with --key: a verifier trusts no other")
	}
	if b, err := os.ReadFile(s); err == nil { //#nosec G304 -- named on the command line
		return strings.TrimSpace(string(b)), nil
	}
	if strings.Count(s, "+") < 2 {
		return "", fmt.Errorf("read log key: %q is neither a key nor a file", s)
	}
	return s, nil
}

// AuditExportOptions are the flags of audit export.
type AuditExportOptions struct {
	Place
	Out string
}

// AuditExport writes the log in C2SP layout, up to its newest checkpoint, and
// returns the number of entries. It opens no entry and may run beside a server.
func AuditExport(ctx context.Context, o AuditExportOptions) (int64, error) {
	c, err := o.Place.config()
	if err != nil {
		return 0, err
	}
	key, err := readKey(c.vkeyFile())
	if err != nil {
		return 0, err
	}
	var store audit.Reader
	if c.Database.URL == "" {
		files, err := audit.OpenFileReader(ctx, audit.FileConfig{Dir: c.logDir()})
		if err != nil {
			return 0, err
		}
		defer func() { _ = files.Close() }()
		store = files
	} else {
		a := &App{Config: c}
		d, err := a.openDatabase(ctx, c.Database.URL, c.Database.PasswordFile)
		if err != nil {
			return 0, err
		}
		defer func() { _ = d.Close() }()
		store = audit.NewOverflowReader(c.logTable(d))
	}
	head, err := audit.Export(ctx, store, key, o.Out)
	return head.Size, err
}

// entrySize is what an entry takes at most in an export of a log in tables: leaf,
// hashes and the usual sealed payload.
const entrySize = 2 << 10

// exportFolder makes the empty folder for an export's copy of the log, if the disk
// stays free enough afterwards that nobody is refused for want of space.
func (a *App) exportFolder() (string, error) {
	free := a.opt.FreeSpace
	if free == nil {
		free = func() (int64, error) { return audit.FreeSpace(a.Config.dir) }
	}
	have, err := free()
	if err != nil {
		return "", fmt.Errorf("find free space: %w", err)
	}
	need, err := a.exportSize()
	if err != nil {
		return "", fmt.Errorf("measure log: %w", err)
	}
	if have-need < audit.DefaultMarks().Stranger {
		return "", fault.Say(fault.Conflict, "error.export-space", fmt.Sprintf("export log: its copy takes %d MB, and %d MB are free", need>>20, have>>20))
	}
	return os.MkdirTemp(a.Config.dir, exportPattern)
}

// exportSize is an upper bound of the copy's size.
func (a *App) exportSize() (n int64, err error) {
	if a.Config.Database.URL != "" {
		return a.Log.Size() * entrySize, nil
	}
	err = filepath.WalkDir(a.Config.logDir(), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a file that was only on its way
		}
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}
