package db

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"syscall"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// The names under which the file systems of this package are registered.
const (
	encryptedVFS = "postern-xts"
	plainVFS     = "postern-plain"
)

// registerVFS makes the file systems known to SQLite. Twice is harmless.
func registerVFS() {
	if vfs.Find(encryptedVFS) == nil {
		vfs.Register(plainVFS, fileSystem{VFS: vfs.Find("")})
		vfs.Register(encryptedVFS, fileSystem{VFS: vfs.Find(""), encrypt: true})
	}
}

// fileSystem is the operating system's, with the files wrapped.
type fileSystem struct {
	vfs.VFS
	encrypt bool
}

// OpenFilename opens the database, its write-ahead log or a temporary file.
func (v fileSystem) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpenFilename(v.VFS, name, flags)
	if err != nil {
		return f, flags, err
	}
	plain := &diskFile{f}
	// A super-journal holds file names only; SQLite reads it without the database.
	if !v.encrypt || flags&(vfs.OPEN_SUPER_JOURNAL|vfs.OPEN_MEMORY) != 0 {
		return plain, flags, nil
	}
	c := &cipherFile{diskFile: plain}
	switch main, ok := vfsutil.UnwrapFile[*cipherFile](name.DatabaseFile()); {
	case flags&vfs.OPEN_MAIN_DB != 0: // the key comes by PRAGMA
		return c, flags, nil
	case ok:
		c.cipher = main.cipher
	case name == nil: // a temporary file: nobody else needs its key
		var key [keySize]byte
		_, _ = rand.Read(key[:]) // never fails
		c.cipher, err = newPageCipher(key[:])
	}
	if err != nil || c.cipher == nil {
		return nil, flags, errors.Join(sqlite3.IOERR_BADKEY, f.Close())
	}
	return c, flags, nil
}

// diskFile hands calls on to the file of the operating system. It reports a full
// disk, an exhausted quota and a file size limit as SQLITE_FULL: the library
// means to, but compares with a bare errno what package os wraps, so that SQLite
// hears of a plain I/O error.
type diskFile struct{ vfs.File }

func fullError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return sqlite3.FULL
	}
	return err
}

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	return n, fullError(err)
}

func (f *diskFile) Truncate(size int64) error { return fullError(f.File.Truncate(size)) }

func (f *diskFile) Sync(flags vfs.SyncFlag) error { return fullError(f.File.Sync(flags)) }

func (f *diskFile) SizeHint(size int64) error { return fullError(vfsutil.WrapSizeHint(f.File, size)) }

// The optional calls of SQLite, handed on.

func (f *diskFile) Unwrap() vfs.File { return f.File }

func (f *diskFile) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }

func (f *diskFile) LockState() vfs.LockLevel { return vfsutil.WrapLockState(f.File) }

func (f *diskFile) PersistWAL() bool { return vfsutil.WrapPersistWAL(f.File) }

func (f *diskFile) SetPersistWAL(keep bool) { vfsutil.WrapSetPersistWAL(f.File, keep) }

func (f *diskFile) ChunkSize(size int) { vfsutil.WrapChunkSize(f.File, size) }

func (f *diskFile) HasMoved() (bool, error) { return vfsutil.WrapHasMoved(f.File) }

// cipherFile encrypts a file by sectors. SQLite uses a file from one goroutine
// at a time.
type cipherFile struct {
	*diskFile
	cipher *pageCipher // nil until the PRAGMA
	buf    []byte      // the sectors of one call
}

// Pragma takes the key of a main database.
func (f *cipherFile) Pragma(name, value string) (string, error) {
	if name != "hexkey" {
		return vfsutil.WrapPragma(f.File, name, value)
	}
	key, err := hex.DecodeString(value)
	if err == nil {
		f.cipher, err = newPageCipher(key)
	}
	if err != nil {
		return "", sqlite3.IOERR_BADKEY
	}
	return "ok", nil
}

// sectors returns a buffer for the whole sectors that cover n bytes at off, and
// where they begin.
func (f *cipherFile) sectors(off int64, n int) (buf []byte, first int64) {
	first = off &^ (sector - 1)
	size := int(roundUp(off+int64(n)) - first)
	if cap(f.buf) < size {
		f.buf = make([]byte, size)
	}
	return f.buf[:size], first
}

// ReadAt reads and decrypts whole sectors. One that is cut off at the end of
// the file cannot be decrypted and counts as missing.
func (f *cipherFile) ReadAt(p []byte, off int64) (int, error) {
	if f.cipher == nil {
		// SQLite looks at the header before the PRAGMA is possible; an
		// empty file makes it wait.
		if off == 0 && len(p) == 100 {
			return 0, io.EOF
		}
		return 0, sqlite3.CANTOPEN
	}
	buf, first := f.sectors(off, len(p))
	got, err := f.File.ReadAt(buf, first)
	whole := got &^ (sector - 1)
	f.cipher.open(buf[:whole], uint64(first/sector))
	if skip := int(off - first); skip < whole {
		if n := copy(p, buf[skip:whole]); n == len(p) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return 0, err
}

// WriteAt encrypts and writes whole sectors in one call. Those that it changes
// in part, at both ends, are read first.
func (f *cipherFile) WriteAt(p []byte, off int64) (int, error) {
	if f.cipher == nil {
		return 0, sqlite3.READONLY
	}
	buf, first := f.sectors(off, len(p))
	last := len(buf) - sector
	if off != first || len(p) < sector {
		if err := f.load(buf[:sector], first); err != nil {
			return 0, err
		}
	}
	if last > 0 && roundUp(off+int64(len(p))) != off+int64(len(p)) {
		if err := f.load(buf[last:], first+int64(last)); err != nil {
			return 0, err
		}
	}
	copy(buf[off-first:], p)
	f.cipher.seal(buf, uint64(first/sector))
	if _, err := f.diskFile.WriteAt(buf, first); err != nil {
		return 0, err
	}
	return len(p), nil
}

// load reads and decrypts one sector; past the end of the file it is zeros.
func (f *cipherFile) load(buf []byte, at int64) error {
	n, err := f.File.ReadAt(buf, at)
	switch {
	case n == sector:
		f.cipher.open(buf, uint64(at/sector))
		return nil
	case err == nil || errors.Is(err, io.EOF):
		clear(buf)
		return nil
	default:
		return err
	}
}

func roundUp(n int64) int64 { return (n + sector - 1) &^ (sector - 1) }

// Truncate keeps whole sectors.
func (f *cipherFile) Truncate(size int64) error { return f.diskFile.Truncate(roundUp(size)) }

// SizeHint asks for whole sectors.
func (f *cipherFile) SizeHint(size int64) error { return f.diskFile.SizeHint(roundUp(size)) }

// ChunkSize asks for whole sectors.
func (f *cipherFile) ChunkSize(size int) { f.diskFile.ChunkSize(int(roundUp(int64(size)))) }

// DeviceCharacteristics claims only what holds for sectors that a power cut may
// tear: a torn sector is garbage as a whole, so neighbouring bytes are not safe
// (no POWERSAFE_OVERWRITE) and no larger write is atomic.
func (f *cipherFile) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return f.File.DeviceCharacteristics() &
		(vfs.IOCAP_ATOMIC512 | vfs.IOCAP_IMMUTABLE | vfs.IOCAP_SEQUENTIAL | vfs.IOCAP_SUBPAGE_READ | vfs.IOCAP_UNDELETABLE_WHEN_OPEN)
}

// SectorSize is a multiple of the encryption's.
func (f *cipherFile) SectorSize() int { return max(f.File.SectorSize(), sector) }
