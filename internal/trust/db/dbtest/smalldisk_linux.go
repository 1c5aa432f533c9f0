package dbtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// smallDiskEnv tells the child process of OnSmallDisk where its disk is.
const smallDiskEnv = "POSTERN_TEST_SMALL_DISK"

// noMount is the exit code of a child that may not mount.
const noMount = 77

// OnSmallDisk runs fn in a process of its own, in which dir is a file system of size
// bytes: a disk that really gets full. The process is this test once more, in a mount
// namespace that ends with it. It is false, without a failure, where the kernel allows
// no such thing (a container without rights): then the caller shows the same otherwise,
// and says so.
func OnSmallDisk(t *testing.T, size int64, fn func(t *testing.T, dir string)) bool {
	t.Helper()
	if dir := os.Getenv(smallDiskEnv); dir != "" {
		if err := mountSmall(dir, size); err != nil {
			fmt.Fprintln(os.Stderr, "mount:", err)
			os.Exit(noMount)
		}
		fn(t, dir)
		return true
	}
	dir := t.TempDir()
	for p := dir; p != filepath.Dir(p) && strings.HasPrefix(p, os.TempDir()+"/"); p = filepath.Dir(p) {
		_ = os.Chmod(p, 0o755) //#nosec G302 -- the database server's user has to pass
	}
	for _, attr := range namespaces() {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), smallDiskEnv+"="+dir, DirEnv+"=")
		cmd.SysProcAttr = attr
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Logf("on a disk of %d MiB:\n%s", size>>20, out)
			return true
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() != noMount {
			t.Fatalf("on a disk of %d MiB: %v\n%s", size>>20, err, out)
		}
		t.Logf("no file system of our own: %v %s", err, out)
	}
	return false
}

func mountSmall(dir string, size int64) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0777,size="+strconv.FormatInt(size, 10))
}

// namespaces are the ways to a mount namespace, with privileges and without.
func namespaces() []*syscall.SysProcAttr {
	user := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if uid := os.Geteuid(); uid != 0 {
		user.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		user.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
		user.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
		return []*syscall.SysProcAttr{user}
	}
	all := []syscall.SysProcIDMap{{Size: 65536}} // the database server runs as somebody else
	user.UidMappings, user.GidMappings, user.GidMappingsEnableSetgroups = all, all, true
	return []*syscall.SysProcAttr{{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}, user}
}
