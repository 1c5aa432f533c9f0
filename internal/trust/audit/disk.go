package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// disk is the little that the file store asks of a file system, so that a test can
// make every single call fail. Names are relative to one folder.
type disk interface {
	open(name string, create bool) (file, error)
	list() ([]string, error)
	rename(from, to string) error
	sync() error // the folder: makes created and renamed names durable
	id(name string) (fileID, error)
}

// file is one open file. Reads and writes carry their position.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	size() (int64, error)
	datasync() error
	allocate(from, n int64) error // reserve real space, extending the file
	lock() error                  // advisory, exclusive, released by Close; ErrHeld when taken
	id() (fileID, error)
}

// fileID tells a file from a copy of it, whatever their names.
type fileID struct{ device, inode uint64 }

// sameFile is ErrDamaged when the name is not that of the open file: what is read from
// that and appended to it is as before, and gone when the process ends.
func sameFile(d disk, name string, f file) error {
	open, err := f.id()
	if err != nil {
		return fmt.Errorf("look at %s: %w", name, err)
	}
	now, err := d.id(name)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s is gone", ErrDamaged, name)
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", name, err)
	}
	if now != open {
		return fmt.Errorf("%w: %s is another file than the one in use", ErrDamaged, name)
	}
	return nil
}

// osDisk is a folder of the operating system.
type osDisk struct {
	dir      string
	readOnly bool
}

func (d osDisk) open(name string, create bool) (file, error) {
	flag := os.O_RDWR
	if d.readOnly {
		flag = os.O_RDONLY
	} else if create {
		flag |= os.O_CREATE
	}
	f, err := os.OpenFile(filepath.Join(d.dir, name), flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d osDisk) list() ([]string, error) {
	es, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range es {
		names = append(names, e.Name())
	}
	return names, nil
}

func (d osDisk) rename(from, to string) error {
	return os.Rename(filepath.Join(d.dir, from), filepath.Join(d.dir, to))
}

func (d osDisk) sync() error {
	f, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d osDisk) id(name string) (fileID, error) {
	var st unix.Stat_t
	err := unix.Lstat(filepath.Join(d.dir, name), &st) // a link is not the file
	return idOf(st), err
}

type osFile struct{ *os.File }

func (f osFile) id() (fileID, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	return idOf(st), err
}

func idOf(st unix.Stat_t) fileID { return fileID{uint64(st.Dev), st.Ino} }

func (f osFile) size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func (f osFile) lock() error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrHeld
	}
	return err
}

// replaceFile replaces name by b through a temporary file: old or new content
// survives a crash, never half of it.
func replaceFile(d disk, name string, b []byte) error {
	tmp := name + ".tmp"
	f, err := d.open(tmp, true)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.WriteAt(b, 0)
	err = errors.Join(err, f.Truncate(int64(len(b))), f.datasync(), f.Close())
	if err == nil {
		err = d.rename(tmp, name)
	}
	if err == nil {
		err = d.sync()
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// readFile returns the whole file, nil when it is not there.
func readFile(d disk, name string) ([]byte, error) {
	f, err := d.open(name, false)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := f.size()
	b := make([]byte, n)
	if err == nil {
		_, err = f.ReadAt(b, 0)
	}
	return b, errors.Join(err, f.Close())
}

func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// writeZeros takes up n bytes from position from on, a piece as long as zeros at a time.
func writeZeros(f io.WriterAt, zeros []byte, from, n int64) error {
	for n > 0 {
		k, err := f.WriteAt(zeros[:min(n, int64(len(zeros)))], from)
		if err != nil {
			return err
		}
		from, n = from+int64(k), n-int64(k)
	}
	return nil
}
