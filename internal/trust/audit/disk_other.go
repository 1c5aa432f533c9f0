//go:build !linux

package audit

import "golang.org/x/sys/unix"

func (f osFile) datasync() error { return f.Sync() }

func (f osFile) allocate(from, n int64) error {
	return writeZeros(f, make([]byte, min(n, 1<<20)), from, n)
}

// FreeSpace is the number of bytes that this process may still write under dir.
func FreeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
