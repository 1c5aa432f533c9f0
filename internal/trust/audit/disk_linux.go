package audit

import "golang.org/x/sys/unix"

// datasync makes the file's content and size durable, not its times.
func (f osFile) datasync() error { return unix.Fdatasync(int(f.Fd())) }

// allocate reserves blocks; a file system without fallocate gets zeros written.
func (f osFile) allocate(from, n int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, from, n)
	if err == nil || isFull(err) {
		return err
	}
	return writeZeros(f, make([]byte, min(n, 1<<20)), from, n)
}

// FreeSpace is the number of bytes that this process may still write under dir.
func FreeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}
