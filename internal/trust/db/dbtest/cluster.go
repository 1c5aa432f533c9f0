package dbtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The environment by which `make test` tells every test binary of a cluster
// that runs already. DirEnv is the absolute path of the socket directory,
// PortEnv the number in the socket's name (empty means 5432). The cluster has a
// superuser "postgres" that needs no password on that socket.
const (
	DirEnv  = "POSTERN_TEST_POSTGRES_DIR"
	PortEnv = "POSTERN_TEST_POSTGRES_PORT"
)

const (
	defaultPort  = "5432"
	superuser    = "postgres"
	ownerRole    = "postern_owner"
	servingRole  = "postern_serving"
	passwordRole = "postern_password" // the one role that must give a password
	rolePassword = "correct horse battery staple"

	// Install is the command that gives a machine what the tests need.
	Install = "apt-get install -y postgresql-15"

	clusterPrefix = "postern-pg-"
	startTimeout  = 60 * time.Second
)

// hba lets everybody on the socket in, since its directory has mode 0700, but
// for one role by which the password path is tested.
const hba = "local all " + passwordRole + " scram-sha-256\nlocal all all trust\n"

// Cluster is a PostgreSQL server of our own: a socket in a directory, no TCP.
type Cluster struct {
	Dir  string // the socket directory; the data stand in Dir/data when Start made it
	Port string

	temporary bool // Stop removes Dir

	cmd  *exec.Cmd // nil for a cluster that somebody else started
	lock *os.File
	done chan struct{}
	as   *syscall.Credential
}

// ClusterConfig says how to start a Cluster.
type ClusterConfig struct {
	// Dir is where it lives; empty means a new temporary directory, which Stop
	// removes. A directory that holds a cluster is started again.
	Dir string
	// NoSync turns fsync off: faster, and useless for tests of durability.
	NoSync bool
}

// StartCluster makes and starts a PostgreSQL server as an unprivileged user. It
// ends with this process, however that ends.
func StartCluster(ctx context.Context, cfg ClusterConfig) (*Cluster, error) {
	bin, err := binaries("/usr/lib/postgresql/*/bin/initdb", exec.LookPath)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Dir: cfg.Dir, Port: defaultPort}
	if c.as, err = unprivileged(); err != nil {
		return nil, err
	}
	if err := c.makeDir(); err != nil {
		return nil, fmt.Errorf("make cluster directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(c.data(), "PG_VERSION")); err != nil {
		if err := c.initdb(ctx, bin); err != nil {
			return nil, errors.Join(err, c.remove())
		}
	}
	if err := c.start(ctx, bin, cfg.NoSync); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// binaries finds the newest PostgreSQL from 15 on, among the versions that
// Debian keeps side by side, else on the path.
func binaries(pattern string, lookPath func(string) (string, error)) (string, error) {
	best, version := "", 14
	dirs, _ := filepath.Glob(pattern) // the pattern is valid
	for _, d := range dirs {
		if n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(d)))); err == nil && n > version {
			best, version = filepath.Dir(d), n
		}
	}
	if best != "" {
		return best, nil
	}
	if p, err := lookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	return "", fmt.Errorf("PostgreSQL 15 or later is not installed; run: %s", Install)
}

// unprivileged returns whom to run as: initdb refuses root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("read user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("initdb refuses root, and there is no user postgres or nobody")
}

func (c *Cluster) data() string { return filepath.Join(c.Dir, "data") }

// makeDir makes the directory and locks it, so that sweep can tell a directory
// in use from one whose process was killed.
func (c *Cluster) makeDir() error {
	if c.Dir == "" {
		sweep(os.TempDir())
		dir, err := os.MkdirTemp("", clusterPrefix)
		if err != nil {
			return err
		}
		c.Dir, c.temporary = dir, true
	} else if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	abs, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	c.Dir = abs
	if c.as != nil {
		if err := os.Chown(c.Dir, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return err
		}
	}
	if c.lock, err = os.OpenFile(filepath.Join(c.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	return syscall.Flock(int(c.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// sweep removes what killed test runs left behind.
func sweep(tmp string) {
	dirs, _ := filepath.Glob(filepath.Join(tmp, clusterPrefix+"*", "lock")) // the pattern is valid
	for _, d := range dirs {
		f, err := os.OpenFile(d, os.O_RDWR, 0)
		if err != nil {
			continue // somebody else's
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(d))
		}
		_ = f.Close()
	}
}

func (c *Cluster) initdb(ctx context.Context, bin string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", c.data(), "-U", superuser,
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	cmd.Dir = c.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run initdb: %w\n%s", err, out)
	}
	return os.WriteFile(filepath.Join(c.data(), "pg_hba.conf"), []byte(hba), 0o600)
}

func (c *Cluster) start(ctx context.Context, bin string, noSync bool) error {
	sync := "on"
	if noSync {
		sync = "off"
	}
	c.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", c.data(), "-k", c.Dir, "-p", c.Port,
		"-c", "listen_addresses=", "-c", "fsync="+sync, "-c", "max_connections=200", "-c", "shared_buffers=64MB",
		"-c", "unix_socket_permissions=0700", "-c", "max_wal_size=256MB", "-c", "logging_collector=off")
	c.cmd.Dir = c.Dir
	log, err := os.OpenFile(filepath.Join(c.Dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	c.cmd.Stdout, c.cmd.Stderr = log, log
	// SIGQUIT is PostgreSQL's immediate shutdown. A group of its own keeps
	// the terminal's interrupt away, which Stop turns into an orderly end.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	c.done = make(chan struct{})
	started := make(chan error, 1)
	go func() {
		// The kernel sends the death signal when the starting *thread* ends:
		// this goroutine keeps it for as long as the server runs.
		runtime.LockOSThread()
		defer close(c.done)
		err := c.cmd.Start()
		started <- err
		if err == nil {
			_ = c.cmd.Wait() // how it ended is in its log
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	return c.await(ctx)
}

// await returns when the server accepts connections.
func (c *Cluster) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("unix", filepath.Join(c.Dir, ".s.PGSQL."+c.Port))
		if err == nil {
			_ = conn.Close()
			if err = c.ping(ctx); err == nil {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-c.done:
			return fmt.Errorf("postgres ended at once:\n%s", c.logTail())
		case <-ctx.Done():
			return fmt.Errorf("wait for postgres: %w\n%s", errors.Join(ctx.Err(), err), c.logTail())
		}
	}
}

func (c *Cluster) ping(ctx context.Context) error {
	return c.admin(ctx, "postgres", func(conn *rawPostgres) error { return conn.script(ctx, "SELECT 1") })
}

func (c *Cluster) logTail() []byte {
	b, _ := os.ReadFile(filepath.Join(c.Dir, "log")) // without a log there is nothing to show
	return b[max(0, len(b)-2000):]
}

// Kill ends the server as kill -9 does, and waits until its last process is
// gone. StartCluster on the same Dir starts it again.
func (c *Cluster) Kill() error {
	return c.end(syscall.SIGKILL)
}

func (c *Cluster) end(sig syscall.Signal) error {
	if c.cmd == nil || c.cmd.Process == nil {
		return nil
	}
	children := descendants(c.cmd.Process.Pid)
	if err := c.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal postgres: %w", err)
	}
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	select {
	case <-c.done:
	case <-deadline.C:
		return errors.New("postgres does not end")
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for slices.ContainsFunc(children, alive) {
		select {
		case <-tick.C:
		case <-deadline.C:
			return errors.New("a backend of postgres does not end")
		}
	}
	c.cmd = nil
	return c.lock.Close()
}

// descendants lists the backends, which notice the end of a killed server by themselves.
func descendants(pid int) []int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // none when it has ended
	var out []int
	for _, f := range bytes.Fields(b) {
		if n, err := strconv.Atoi(string(f)); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// alive reports whether the process exists and is not a zombie, which a
// container without an init process may keep for ever.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(after, "Z")
}

// Stop ends the server and removes the directory if StartCluster made it.
func (c *Cluster) Stop() error {
	return errors.Join(c.end(syscall.SIGINT), c.remove())
}

func (c *Cluster) remove() error {
	if !c.temporary {
		return nil
	}
	return os.RemoveAll(c.Dir)
}

// Env is what a test binary needs in its environment to use this cluster.
func (c *Cluster) Env() []string {
	return []string{DirEnv + "=" + c.Dir, PortEnv + "=" + c.Port}
}

// url addresses one database of the cluster as one role.
func (c *Cluster) url(role, database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s&port=%s", role, database, c.Dir, c.Port)
}
