// Package apptest starts whole installations for tests: a real App in a folder
// of its own, filled with the fictional families, served on a real TCP port.
//
// It owns the installation until the test ends. It guarantees that what it
// starts is what the commands start: the same Init, Open and Serve, with the
// database opened in another way only when the test asks for that. What it
// captures (process log, answers) it keeps in memory alone.
//
// It is imported by tests only, never by the product.
package apptest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/demo"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
)

// Options are what a test chooses.
type Options struct {
	Postgres    bool             // on PostgreSQL instead of the embedded database
	Plain       bool             // the embedded file without page encryption, so that sealing alone protects
	Fill        bool             // with the fictional families; demo and test data only
	Environment string           // empty means demo
	Clock       func() time.Time // nil is the system's
	Stopped     bool             // do not serve yet: the test calls Serve
	// FreeSpace is the free space of the disk; nil asks the system.
	FreeSpace func() (int64, error)
	// Reserve and Marks are those of the log; zero means the defaults.
	Reserve int64
	Marks   audit.Marks
	// Limits of the configuration; nil means app.NoLimits.
	Limits *app.Limits
	// RefusalSpread is how many different refusals of one account within a minute have
	// entries of their own; 0 means the default. Whoever attacks on purpose raises it.
	RefusalSpread int
	// Seen is called with every answer that a Browser gets, for sentinel searches.
	Seen func(r *http.Response, body []byte)
}

// Installation is an installation and the App that is open on it.
type Installation struct {
	*app.App
	Dir       string
	Origin    string     // http://localhost:PORT
	Address   string     // 127.0.0.1:PORT
	Process   *Output    // what the process logged
	FirstLink string     // the first administrator's enrolment link; empty in the demo
	Place     app.Place  // for commands
	Postgres  *db.Config // how the database's owner opens it; nil on the embedded one

	t           testing.TB
	o           Options
	protector   keys.Protector
	definitions []records.Definition
	listener    net.Listener
	stop        context.CancelFunc
	done        chan error
}

// Output collects what a process writes. It is safe for concurrent use.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String is everything written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Folder makes a folder with a short path: the path of a Unix socket holds 107
// bytes, and t.TempDir carries the test's name.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pst")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// Start makes an installation and serves it until the test ends.
func Start(t testing.TB, o Options) *Installation {
	t.Helper()
	if o.Environment == "" {
		o.Environment = keys.Demo
	}
	in := &Installation{t: t, o: o, Dir: filepath.Join(Folder(t), "data"), Process: &Output{}}
	in.Place = app.Place{Data: in.Dir}
	in.Listen(t, "127.0.0.1:0")
	_, port, err := net.SplitHostPort(in.Address)
	must(t, err)
	in.Origin = "http://localhost:" + port
	in.create(t)
	if o.Fill {
		must(t, demo.Fill(t.Context(), in.App, now(o), func(string, ...any) {}))
	}
	t.Cleanup(func() { in.Stop(t) })
	if !o.Stopped {
		in.Serve(t)
	}
	return in
}

func now(o Options) time.Time {
	if o.Clock != nil {
		return o.Clock()
	}
	return time.Now()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Listen takes a port; Start and Restart call it.
func (in *Installation) Listen(t testing.TB, address string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	must(t, err)
	in.listener, in.Address = l, l.Addr().String()
}

// create makes the installation as init or demo does, and opens it.
func (in *Installation) create(t testing.TB) {
	t.Helper()
	o := app.InitOptions{Dir: in.Dir, Origin: in.Origin, Environment: in.o.Environment, Listen: in.Address,
		ClinicName: "Riverside Clinic", ClinicPhone: "(503) 555-0100", Limits: app.NoLimits()}
	if in.o.Limits != nil {
		o.Limits = *in.o.Limits
	}
	in.protector = keys.Protector{How: keys.Plain}
	if o.PlainKey = in.o.Environment != keys.Production; !o.PlainKey {
		in.protector = Credential(t)
	}
	if in.o.Postgres {
		c := dbtest.NewConfigs(t, db.Postgres, nil, dbtest.Empty)
		o.DatabaseURL, o.MigrateURL, in.Postgres = c.Serving.Postgres, c.Owner.Postgres, &c.Owner
	}
	if in.o.Environment == keys.Demo || in.o.Plain {
		a, err := app.Create(t.Context(), o, in.protector, in.options())
		must(t, err)
		in.App = a
		return
	}
	link, err := app.Init(t.Context(), o)
	must(t, err)
	in.FirstLink = link
	in.Open(t)
}

// Credential stands in for a systemd credential that seals the root key.
func Credential(t testing.TB) keys.Protector {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "postern-root"), secret, 0o600))
	s, ok := t.(interface{ Setenv(key, value string) })
	if !ok {
		t.Fatal("apptest: this test cannot set its environment")
	}
	s.Setenv("CREDENTIALS_DIRECTORY", dir)
	return keys.Protector{How: keys.ByCredential, Secret: secret}
}

func (in *Installation) options() app.Options {
	o := app.Options{Log: app.NewLogger(in.Process), Clock: in.o.Clock, FreeSpace: in.o.FreeSpace, Definitions: in.definitions,
		Reserve: in.o.Reserve, Marks: in.o.Marks, RefusalSpread: in.o.RefusalSpread}
	if in.o.Plain {
		o.DB = func(ctx context.Context, c db.Config) (*db.DB, error) {
			c.Key, c.UnencryptedForTests = nil, true
			return db.Open(ctx, c)
		}
	}
	return o
}

// Definitions makes the next Open use other definitions of the resource types, as
// after an upgrade.
func (in *Installation) Definitions(defs []records.Definition) { in.definitions = defs }

// Open opens the installation again, after Stop.
func (in *Installation) Open(t testing.TB) {
	t.Helper()
	c, err := app.ReadConfig(filepath.Join(in.Dir, app.ConfigFile))
	must(t, err)
	in.App, err = app.Open(t.Context(), c, in.protector, in.options())
	must(t, err)
}

// Serve serves until Stop, and returns when the first request was answered.
func (in *Installation) Serve(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	in.stop, in.done = cancel, make(chan error, 1)
	var doors app.Doors
	if in.o.Environment == keys.Demo {
		doors = demo.Doors(in.App, in.Address)
	}
	a, l, done := in.App, in.listener, in.done
	go func() { done <- a.Serve(ctx, l, doors) }()
	if got := in.Browser().Get(t, "/healthz"); got.Status != http.StatusOK {
		t.Fatalf("health: status %d\n%s", got.Status, in.Process)
	}
}

// Stop drains the server when there is one, and closes the App.
func (in *Installation) Stop(t testing.TB) {
	t.Helper()
	var err error
	if in.stop != nil {
		in.stop()
		err, in.stop = <-in.done, nil
	} else if in.listener != nil {
		err = in.listener.Close()
	}
	in.listener = nil
	if in.App != nil {
		err = errors.Join(err, in.Close(context.Background()))
		in.App = nil
	}
	must(t, err)
}

// Restart stops, opens and serves again on the same port.
func (in *Installation) Restart(t testing.TB) {
	t.Helper()
	in.Stop(t)
	in.Listen(t, in.Address)
	in.Open(t)
	in.Serve(t)
}

// Token mints a token for the account of a persona, as the command does.
func (in *Installation) Token(t testing.TB, persona string) string {
	t.Helper()
	token, err := app.Token(t.Context(), app.TokenOptions{Place: in.Place, Account: persona, Minutes: 60})
	must(t, err)
	return token
}

// API sends a GET below /fhir/R4 with a token.
func (in *Installation) API(t testing.TB, token, path string) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, in.Origin+"/fhir/R4"+path, nil)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	return in.Browser().Send(t, r)
}

// transport dials the installation whatever the host of the URL is.
func (in *Installation) transport() *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", in.Address)
	}}
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

func (in *Installation) answer(t testing.TB, r *http.Response) Answer {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	must(t, errors.Join(err, r.Body.Close()))
	if in.o.Seen != nil {
		in.o.Seen(r, body)
	}
	return Answer{r.StatusCode, r.Header, body}
}
