package db

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Held is a data folder that this process holds alone.
type Held struct{ f *os.File }

// HeldError says that another process holds the folder.
type HeldError struct {
	PID int // 0 when the holder has not written it yet
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return "another process holds the data folder"
	}
	return fmt.Sprintf("process %d holds the data folder", e.PID)
}

// Hold takes the lock of a data folder, or returns a *HeldError at once. The
// lock is the kernel's (flock on DIR/lock), so it ends with the process however
// that dies; the file that stays behind means nothing. Hold guards the embedded
// database and the log beside it against a second writer.
func Hold(dir string) (*Held, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("hold data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("hold data folder: %w", &HeldError{PID: holder(f)})
		}
		return nil, fmt.Errorf("hold data folder: %w", err)
	}
	// The number is for people. Truncate first: a reader in between sees none
	// rather than that of an earlier holder.
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold data folder: %w", err), f.Close())
	}
	return &Held{f}, nil
}

func holder(f *os.File) int {
	var b [32]byte
	n, _ := f.ReadAt(b[:], 0) // an unreadable number is no number
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil {
		return 0
	}
	return pid
}

// Release gives the folder up.
func (h *Held) Release() error {
	err := errors.Join(h.f.Truncate(0), h.f.Close())
	if err != nil {
		return fmt.Errorf("release data folder: %w", err)
	}
	return nil
}
