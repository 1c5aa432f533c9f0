package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/app/demo"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/test/covers"
)

type initOptions = app.InitOptions

// initAt makes a test installation in dir.
func initAt(t *testing.T, dir string, change func(*app.InitOptions)) (string, error) {
	t.Helper()
	o := app.InitOptions{Dir: dir, Origin: "http://localhost:8443", Environment: keys.Test, PlainKey: true, ClinicName: "Riverside Clinic", ClinicPhone: "555-0100"}
	if change != nil {
		change(&o)
	}
	return app.Init(t.Context(), o)
}

// serve runs the serve command until it serves, and returns what it logged.
func serve(t *testing.T, p app.Place) (string, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &until{text: "msg=serving", then: cancel}
	err := app.ServeCommand(ctx, p, out)
	return out.String(), err
}

// background serves until the function that it returns is called.
func background(t *testing.T, p app.Place) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	serving := make(chan struct{})
	done := make(chan error, 1)
	out := &until{text: "msg=serving", then: sync.OnceFunc(func() { close(serving) })}
	go func() { done <- app.ServeCommand(ctx, p, out) }()
	select {
	case <-serving:
	case err := <-done:
		t.Fatalf("serve: %v\n%s", err, out)
	}
	return func() {
		cancel()
		must(t, <-done)
	}
}

// until calls then when text is written.
type until struct {
	apptest.Output
	text string
	then func()
}

func (u *until) Write(p []byte) (int, error) {
	if strings.Contains(string(p), u.text) {
		u.then()
	}
	return u.Output.Write(p)
}

// tree is every file below dir with its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out[path] = string(b)
		return err
	}))
	return out
}

// The link is 256 random bits in the fragment, where no server sees them, and
// nothing on disk holds it.
func TestInitPrintsALink(t *testing.T) {
	covers.Covers(t, "CH-5")
	for name, dir := range map[string]string{"absent": filepath.Join(t.TempDir(), "a", "b"), "empty": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			link, err := initAt(t, dir, nil)
			must(t, err)
			page, fragment, _ := strings.Cut(link, "#")
			_, secret, _ := strings.Cut(fragment, ".")
			raw, err := base64.RawURLEncoding.DecodeString(secret)
			if page != "http://localhost:8443/enrol" || err != nil || len(raw) != 32 {
				t.Errorf("link %q: %v, %d bytes", link, err, len(raw))
			}
			for path, content := range tree(t, dir) {
				if strings.Contains(content, secret) || strings.Contains(content, string(raw)) {
					t.Errorf("%s holds the link", path)
				}
			}
			info, err := os.Stat(dir)
			must(t, err)
			if info.Mode().Perm() != 0o700 {
				t.Errorf("folder mode %o", info.Mode().Perm())
			}
		})
	}
}

// A folder with anything in it is refused untouched, a second init too.
func TestInitRefusesWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "letter.txt"), []byte("dear"), 0o600))
	_, err := initAt(t, dir, nil)
	refused(t, "non-empty", err, "is not empty")
	if got := tree(t, dir); len(got) != 1 {
		t.Errorf("something was written: %d files", len(got))
	}
	made := filepath.Join(t.TempDir(), "data")
	_, err = initAt(t, made, nil)
	must(t, err)
	before := tree(t, made)
	_, err = initAt(t, made, nil)
	refused(t, "second init", err, "is not empty")
	for path, content := range tree(t, made) {
		if before[path] != content {
			t.Errorf("the second init changed %s", path)
		}
	}
}

// What a failed init made is gone again, on both engines.
func TestFailedInitLeavesNothing(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "data")
	for name, change := range map[string]func(*app.InitOptions){
		"no origin":          func(o *app.InitOptions) { o.Origin = "" },
		"bad origin":         func(o *app.InitOptions) { o.Origin = "http://portal.example" },
		"no clinic":          func(o *app.InitOptions) { o.ClinicName = "" },
		"nothing seals":      func(o *app.InitOptions) { o.PlainKey = false },
		"no passphrase file": func(o *app.InitOptions) { o.PlainKey, o.PassphraseFile = false, filepath.Join(parent, "absent") },
		"plain, production":  func(o *app.InitOptions) { o.Environment = keys.Production },
		"no database": func(o *app.InitOptions) {
			o.DatabaseURL, o.MigrateURL = "postgres://a@/d?host=/nonexistent", "postgres://b@/d?host=/nonexistent"
		},
		"password in URL": func(o *app.InitOptions) {
			o.DatabaseURL, o.MigrateURL = "postgres://a:secret@h/d", "postgres://b@h/d"
		},
		"checkpoint nowhere": func(o *app.InitOptions) { o.CheckpointFile = filepath.Join(parent, "absent", "checkpoint") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CREDENTIALS_DIRECTORY", "")
			_, err := initAt(t, dir, change)
			refused(t, name, err)
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%v: %v", err, tree(t, dir))
			}
		})
	}
}

// On PostgreSQL a database that holds an installation is refused as well: its
// folder may be elsewhere.
func TestInitRefusesAUsedDatabase(t *testing.T) {
	c := dbtest.NewConfigs(t, db.Postgres, nil, dbtest.Empty)
	use := func(o *app.InitOptions) { o.DatabaseURL, o.MigrateURL = c.Serving.Postgres, c.Owner.Postgres }
	_, err := initAt(t, filepath.Join(t.TempDir(), "a"), use)
	must(t, err)
	second := filepath.Join(t.TempDir(), "b")
	_, err = initAt(t, second, use)
	refused(t, "second init", err)
	if _, err := os.Stat(second); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder stays: %v", err)
	}
}

// --renew-link voids the old link until the first administrator has enrolled.
func TestRenewLink(t *testing.T) {
	covers.Covers(t, "CH-5")
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Stopped: true})
	renew := func() (string, error) {
		return initAt(t, in.Dir, func(o *app.InitOptions) { o.RenewLink = true })
	}
	_, err := renew()
	refused(t, "renew on a held folder", err, "process "+strconv.Itoa(os.Getpid())+" holds")
	in.Stop(t)
	link, err := renew()
	must(t, err)
	if link == in.FirstLink {
		t.Fatal("the link is the same")
	}
	in.Listen(t, in.Address)
	in.Open(t)
	in.Serve(t)
	if got := in.Browser().Enrol(t, in.FirstLink); got.Status != 401 {
		t.Errorf("the old link: status %d", got.Status)
	}
	if got := in.Browser().Enrol(t, link); got.Status != 200 {
		t.Errorf("the new link: status %d, %s", got.Status, got.Body)
	}
	if got := in.Browser().Enrol(t, link); got.Status != 401 {
		t.Errorf("the used link: status %d", got.Status)
	}
	in.Stop(t)
	_, err = renew()
	refused(t, "renew after enrolment", err, "has enrolled")
}

// serve refuses what changed since init.
func TestServeRefuses(t *testing.T) {
	covers.Covers(t, "CH-5")
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Stopped: true})
	in.Stop(t)
	edit(t, in.Dir, "origin: "+in.Origin, "origin: http://localhost:9")
	_, err := serve(t, in.Place)
	refused(t, "other origin", err, "made for the origin "+in.Origin)
	edit(t, in.Dir, "origin: http://localhost:9", "origin: "+in.Origin)

	edit(t, in.Dir, "allow_plain_key: true\n", "")
	_, err = serve(t, in.Place)
	refused(t, "plain key", err, "allow_plain_key")
	edit(t, in.Dir, "origin:", "allow_plain_key: true\norigin:")
	out, err := serve(t, in.Place)
	must(t, err)
	if !strings.Contains(out, "the root key is not sealed") {
		t.Errorf("no warning at start: %s", out)
	}
	edit(t, in.Dir, "environment: test", "environment: production")
	_, err = serve(t, in.Place)
	refused(t, "other environment", err)
}

// serve refuses an older schema on PostgreSQL: its role could not migrate.
func TestServeRefusesAnOlderSchema(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Postgres: true, Stopped: true})
	in.Stop(t)
	all := app.Migrations()
	last := all[len(all)-1]
	for i := len(all) - 1; len(last.Tables) == 0; i-- { // the newest that made tables, which can be taken back
		last = all[i]
	}
	raw := dbtest.RawConfig(t, *in.Postgres)
	if n := raw.Exec(t, "DELETE FROM schema_migration WHERE number = ?", int64(last.Number)); n != 1 {
		t.Fatalf("%d rows of the last migration", n)
	}
	for _, table := range last.Tables {
		raw.Exec(t, "DROP TABLE "+table.Name)
	}
	_, err := serve(t, in.Place)
	refused(t, "older schema", err, "older than this binary", "postern migrate")
	m, err := app.Migrate(t.Context(), app.Place{Config: filepath.Join(in.Dir, app.ConfigFile)})
	if err != nil || m.New != 1 || len(m.Steps) != len(app.Migrations()) {
		t.Fatalf("migrate: %+v, %v", m, err)
	}
	for i, s := range m.Steps {
		if !s.On || s.Name == "" || i > 0 && s.Number <= m.Steps[i-1].Number {
			t.Errorf("after migrate: %+v", s)
		}
	}
	if _, err := serve(t, in.Place); err != nil {
		t.Errorf("after migrate: %v", err)
	}
}

// A held folder is refused by whoever would write to it, with the holder's number.
func TestHeldFolder(t *testing.T) {
	in := apptest.Start(t, apptest.Options{})
	holder := "process " + strconv.Itoa(os.Getpid()) + " holds"
	_, err := serve(t, in.Place)
	refused(t, "second serve", err, holder)
	err = demo.Run(t.Context(), demo.Options{Addr: "127.0.0.1:0", Dir: in.Dir, Out: &bytes.Buffer{}})
	refused(t, "demo with another port", err)
	_, err = app.Import(t.Context(), app.ImportOptions{Place: in.Place, Files: []string{"x.json"}})
	refused(t, "import", err, holder, "stop that server first")
	_, err = initAt(t, in.Dir, nil)
	refused(t, "init", err)
}
