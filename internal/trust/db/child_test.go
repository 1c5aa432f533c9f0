package db_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
)

// childEnv makes the test binary play the part of a process that is killed:
// "write PATH-OR-URL KEY" or "hold DIR".
const childEnv = "POSTERN_DB_CHILD"

// runChild plays that part when the environment asks for it.
func runChild() bool {
	part := strings.Fields(os.Getenv(childEnv))
	if len(part) == 0 {
		return false
	}
	err := errors.New("unknown part")
	switch part[0] {
	case "write":
		err = writeForEver(part[1], part[2])
	case "hold":
		err = holdForEver(part[1])
	case "fill":
		err = fillDuringCommit(part[1], part[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// writeForEver appends rows and says each number once its Write was acknowledged.
func writeForEver(where, key string) error {
	ctx := context.Background()
	c := db.Config{Path: where}
	if strings.HasPrefix(where, "postgres:") {
		c = db.Config{Postgres: where}
	} else {
		c.Key, _ = hex.DecodeString(key)
	}
	d, err := db.Open(ctx, c)
	if err != nil {
		return err
	}
	for i := int64(0); ; i++ {
		err := d.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO journal (seq, leaf) VALUES (?, ?)", i, make([]byte, 700))
			return err
		})
		if err != nil {
			return err
		}
		fmt.Println(i)
	}
}

func holdForEver(dir string) error {
	if _, err := db.Hold(dir); err != nil {
		return err
	}
	fmt.Println("held")
	select {}
}

// fillDuringCommit lets the write-ahead log reach the file size limit in COMMIT,
// then lifts the limit and goes on.
func fillDuringCommit(path, key string) error {
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	raw, _ := hex.DecodeString(key)
	d, err := db.Open(ctx, db.Config{Path: path, Key: raw})
	if err != nil {
		return err
	}
	insert := func(seq int) error {
		return d.WriteOnce(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO journal (seq, leaf) VALUES (?, ?)", seq, make([]byte, 200_000))
			return err
		}, func() error { return nil })
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100_000, Max: old.Max}); err != nil {
		return err
	}
	err = insert(1)
	if !errors.Is(err, db.ErrFull) || !errors.Is(err, db.ErrCommitUnknown) {
		return fmt.Errorf("a full disk at COMMIT gave: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	if err := insert(2); err != nil {
		return err
	}
	fmt.Println("went on")
	return nil
}

// child starts the part and returns its output line by line.
func child(t *testing.T, part string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+part)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

// acknowledged reads numbers until want have come, calls kill, and returns the last number said.
func acknowledged(t *testing.T, lines *bufio.Scanner, want int64, kill func()) int64 {
	t.Helper()
	last := int64(-1)
	for lines.Scan() {
		n, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			break // the line that the kill cut off
		}
		last = n
		if n == want {
			kill()
		}
	}
	if last < want {
		t.Fatalf("the child ended after %d", last)
	}
	return last
}

func journal(t *testing.T, d *db.DB) (count, highest int64) {
	t.Helper()
	must(t, d.QueryRow(t.Context(), "SELECT COUNT(*), COALESCE(MAX(seq), -1) FROM journal").Scan(&count, &highest))
	return count, highest
}

func TestAKilledWriterLosesNothingAcknowledged(t *testing.T) {
	configs := dbtest.NewConfigs(t, db.SQLite, timeline())
	d, err := db.Open(t.Context(), configs.Serving)
	must(t, err)
	must(t, d.Migrate(t.Context(), timeline()))
	must(t, d.Close())
	cmd, lines := child(t, "write "+configs.Serving.Path+" "+hex.EncodeToString(configs.Serving.Key))
	last := acknowledged(t, lines, 60, func() { must(t, cmd.Process.Kill()) })
	d, err = db.Open(t.Context(), configs.Serving)
	must(t, err)
	defer d.Close()
	count, highest := journal(t, d)
	if highest < last || count != highest+1 {
		t.Errorf("acknowledged %d, found %d rows up to %d", last, count, highest)
	}
}

func TestAKilledServerLosesNothingAcknowledged(t *testing.T) {
	dir, err := os.MkdirTemp("", "postern-kill-") // t.TempDir is closed to the server's user
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	start := func() *dbtest.Cluster {
		t.Helper()
		c, err := dbtest.StartCluster(t.Context(), dbtest.ClusterConfig{Dir: dir})
		must(t, err)
		return c
	}
	cluster := start()
	address := "postgres://postgres@/postgres?host=" + cluster.Dir + "&port=" + cluster.Port
	d, err := db.Open(t.Context(), db.Config{Postgres: address})
	must(t, err)
	must(t, d.Migrate(t.Context(), timeline()))
	must(t, d.Close())
	_, lines := child(t, "write "+address+" -")
	last := acknowledged(t, lines, 60, func() { must(t, cluster.Kill()) })
	cluster = start()
	defer func() { must(t, cluster.Stop()) }()
	d, err = db.Open(t.Context(), db.Config{Postgres: address})
	must(t, err)
	defer d.Close()
	count, highest := journal(t, d)
	if highest < last || count != highest+1 {
		t.Errorf("acknowledged %d, found %d rows up to %d", last, count, highest)
	}
}

func TestADiskThatFillsInCommitLeavesTheOutcomeUnknown(t *testing.T) {
	d := dbtest.New(t, db.SQLite, timeline())
	c := dbtest.ConfigsOf(d).Serving
	must(t, d.Close())
	_, lines := child(t, "fill "+c.Path+" "+hex.EncodeToString(c.Key))
	if !lines.Scan() || lines.Text() != "went on" {
		t.Fatal("the child did not go on")
	}
	again := dbtest.Serving(t, d)
	if count, highest := journal(t, again); count != 1 || highest != 2 {
		t.Errorf("%d rows up to %d", count, highest)
	}
}

func TestHoldNamesTheHolderAndEndsWithIt(t *testing.T) {
	dir := t.TempDir()
	cmd, lines := child(t, "hold "+dir)
	if !lines.Scan() || lines.Text() != "held" {
		t.Fatal("the child does not hold the folder")
	}
	var held *db.HeldError
	_, err := db.Hold(dir)
	if !errors.As(err, &held) || held.PID != cmd.Process.Pid || !strings.Contains(err.Error(), strconv.Itoa(held.PID)) {
		t.Fatalf("error %v, want process %d", err, cmd.Process.Pid)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	h, err := db.Hold(dir) // the file is still there
	must(t, err)
	_, err = db.Hold(dir)
	if !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("error %v, want this process", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600))
	if _, err = db.Hold(dir); !errors.As(err, &held) || held.PID != 0 || !strings.Contains(err.Error(), "another process") {
		t.Errorf("error %v, want a holder without a number", err)
	}
	must(t, h.Release())
	h, err = db.Hold(dir)
	must(t, err)
	must(t, h.Release())
	if h.Release() == nil {
		t.Error("released twice")
	}
	if _, err := db.Hold(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("held a folder that is not there")
	}
}
