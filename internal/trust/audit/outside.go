package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// OutsideFile keeps the outside checkpoint in one file. It anchors only when the
// file lies on another disk or host than the log; on the same disk it still finds
// a log restored from an old copy.
//
// The compare-and-swap is atomic within the process; across processes the lock on
// the log's folder keeps a second writer out, and a file that somebody changed in
// between is found at the next Swap.
type OutsideFile struct {
	path string
	mu   sync.Mutex
}

// NewOutsideFile names the file; it touches nothing.
func NewOutsideFile(path string) *OutsideFile { return &OutsideFile{path: path} }

// Load reads the note.
func (o *OutsideFile) Load(context.Context) ([]byte, error) {
	b, err := os.ReadFile(o.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrOutsideMissing
	}
	if err != nil {
		return nil, fmt.Errorf("read outside checkpoint: %w", err)
	}
	return b, nil
}

// Create writes the first note and refuses to replace a file.
func (o *OutsideFile) Create(ctx context.Context, note []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := os.Lstat(o.path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("create outside checkpoint: %w", fs.ErrExist)
	}
	return writeDurable(o.path, note)
}

// Swap replaces the note if it is still old.
func (o *OutsideFile) Swap(ctx context.Context, old, note []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	now, err := o.Load(ctx)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, old) {
		return ErrOutsideMoved
	}
	return writeDurable(o.path, note)
}

// writeDurable replaces a file by rename, so that a crash leaves the old content
// or the new one; file and folder are synced before it returns.
func writeDurable(path string, b []byte) error {
	d := osDisk{dir: filepath.Dir(path)}
	return replaceFile(d, filepath.Base(path), b)
}
