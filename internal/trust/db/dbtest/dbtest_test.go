package dbtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/trust/db"
)

// childEnv makes this test binary start a cluster and wait to be killed.
const childEnv = "POSTERN_DBTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		Main(m)
	}
	c, err := StartCluster(context.Background(), ClusterConfig{NoSync: true})
	fmt.Println(c.cmd.Process.Pid, c.Dir, err)
	select {}
}

func one() []db.Migration {
	return []db.Migration{{Number: 1, Room: "test", Name: "one", Tables: []db.Table{{
		Name: "thing", Purpose: "a test", Key: []string{"id"}, AppendOnly: true,
		Columns: []db.Column{
			{Name: "id", Type: db.Integer, Class: db.Sequence, Purpose: "a test", Retention: "the test"},
			{Name: "body", Type: db.Bytes, Class: db.Sealed, Nullable: true, Purpose: "a test", Retention: "the test"},
			{Name: "note", Type: db.Text, Class: db.SmallKind, Nullable: true, Purpose: "a test", Retention: "the test"},
		},
	}}}}
}

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	for range 2 {
		Each(t, one(), func(t *testing.T, d *db.DB) {
			if err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec(t.Context(), "INSERT INTO thing (id) VALUES (?)", 1)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if err := d.CheckServing(t.Context(), one()); err != nil {
				t.Error(err)
			}
		}, NoSync)
	}
}

func TestRawDoesWhatTheProductMayNot(t *testing.T) {
	Each(t, one(), func(t *testing.T, d *db.DB) {
		raw := Raw(d)
		raw.Exec(t, "INSERT INTO thing (id, body, note) VALUES (?, ?, ?), (?, ?, NULL)", 1, []byte{7}, "x", int64(2), nil)
		if n := raw.Exec(t, "UPDATE thing SET note = ?", "y"); n != 2 {
			t.Errorf("changed %d rows", n)
		}
		rows := raw.Query(t, "SELECT id, body, note FROM thing ORDER BY id")
		if len(rows) != 2 || rows[0][0] != int64(1) || string(rows[0][1].([]byte)) != "\x07" || rows[1][1] != nil || rows[1][2] != "y" {
			t.Errorf("rows %v", rows)
		}
		if n := raw.Query(t, "SELECT CAST(7 AS SMALLINT), CAST(7 AS INT)")[0]; n[0] != int64(7) || n[1] != int64(7) {
			t.Errorf("integers %v", n)
		}
		for _, bad := range []string{"SELEC", "INSERT INTO thing (id) VALUES (1)", "SELECT 1 FROM nowhere"} {
			if _, err := raw.Try(bad); err == nil {
				t.Errorf("%q went through", bad)
			}
		}
		if _, err := raw.Try("SELECT ?"); err == nil {
			t.Error("a missing argument went through")
		}
		if _, err := raw.Try("SELECT id FROM thing WHERE id = ?", struct{}{}); err == nil {
			t.Error("a struct went through")
		}
		raw.Script(t, "DELETE FROM thing; DROP TABLE thing")
		again := RawConfig(t, ConfigsOf(d).Owner)
		if _, err := again.Try("SELECT * FROM thing"); err == nil {
			t.Error("the table is still there")
		}
	}, NoSync)
}

func TestOwnerServingAndFiles(t *testing.T) {
	Each(t, one(), func(t *testing.T, d *db.DB) {
		for _, other := range []*db.DB{Owner(t, d), Serving(t, d)} {
			var n int
			if err := other.QueryRow(t.Context(), "SELECT COUNT(*) FROM thing").Scan(&n); err != nil {
				t.Error(err)
			}
			if len(Files(t, other)) < 3 {
				t.Error("too few files")
			}
		}
	}, Plain)
}

func TestAStrangersDatabaseIsRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Raw lent a hand on an unknown database")
		}
	}()
	Raw(new(db.DB))
}

func TestAMissingPostgreSQLNamesTheCommand(t *testing.T) {
	nowhere := func(string) (string, error) { return "", exec.ErrNotFound }
	_, err := binaries(filepath.Join(t.TempDir(), "*"), nowhere)
	if err == nil || !strings.Contains(err.Error(), Install) {
		t.Errorf("error %v", err)
	}
	found, err := binaries(filepath.Join(t.TempDir(), "*"), func(string) (string, error) { return "/opt/pg/bin/initdb", nil })
	if err != nil || found != "/opt/pg/bin" {
		t.Errorf("%q, %v", found, err)
	}
	dir := t.TempDir()
	for _, version := range []string{"9", "14", "15", "17", "x"} {
		if err := os.MkdirAll(filepath.Join(dir, version, "bin", "initdb"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	found, err = binaries(filepath.Join(dir, "*", "bin", "initdb"), nowhere)
	if err != nil || found != filepath.Join(dir, "17", "bin") {
		t.Errorf("%q, %v", found, err)
	}
}

func TestTheEnvironmentNamesACluster(t *testing.T) {
	t.Setenv(DirEnv, "/run/elsewhere")
	t.Setenv(PortEnv, "6000")
	var r registry
	c, err := r.server(t.Context())
	if err != nil || c.Dir != "/run/elsewhere" || c.Port != "6000" {
		t.Fatalf("%+v, %v", c, err)
	}
	if got := strings.Join(c.Env(), " "); got != DirEnv+"=/run/elsewhere "+PortEnv+"=6000" {
		t.Errorf("environment %q", got)
	}
	if err := r.stop(); err != nil {
		t.Errorf("stopped somebody else's cluster: %v", err)
	}
	t.Setenv(PortEnv, "")
	var second registry
	if c, _ := second.server(t.Context()); c.Port != defaultPort {
		t.Errorf("port %q", c.Port)
	}
}

func TestAClusterEndsWithTheProcessThatStartedIt(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1", DirEnv+"=")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	words := strings.Fields(lines.Text())
	if len(words) != 3 || words[2] != "<nil>" {
		t.Fatalf("child said %q", lines.Text())
	}
	pid, err := strconv.Atoi(words[0])
	if err != nil || !alive(pid) {
		t.Fatalf("no server %s: %v", words[0], err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	for deadline := time.Now().Add(30 * time.Second); alive(pid); {
		if time.Now().After(deadline) {
			t.Fatal("the server outlives its process")
		}
	}
	// What it left is removed by the next start.
	sweep(filepath.Dir(words[1]))
	if _, err := os.Stat(words[1]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory: %v", err)
	}
}

func TestAClusterThatCannotStartSaysWhy(t *testing.T) {
	dir, err := os.MkdirTemp("", "postern-bad-") // the server's user must reach it
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := StartCluster(t.Context(), ClusterConfig{Dir: dir}); err == nil {
		t.Errorf("started on nothing: %v", c.Stop())
	} else if !strings.Contains(err.Error(), "ended at once") {
		t.Error(err)
	}
	// A file where the data should go: initdb refuses.
	other, err := os.MkdirTemp("", "postern-bad-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(other)
	if err := os.WriteFile(filepath.Join(other, "data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := StartCluster(t.Context(), ClusterConfig{Dir: other}); err == nil || !strings.Contains(err.Error(), "initdb") {
		t.Error(err)
	}
}
