package app_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/app/demo"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// Whoever verifies a busy log is told what no checkpoint covers yet, and in the
// JSON nothing changes.
func TestVerifySaysWhatIsNotSigned(t *testing.T) {
	for unsigned, want := range []bool{false, true} {
		r := app.Verified{Report: audit.Report{OK: true, Anchored: true, Size: 9, Unsigned: int64(unsigned)}}
		var said bytes.Buffer
		r.Print(&said)
		if got := strings.Contains(said.String(), "The newest 1 are in no checkpoint"); got != want {
			t.Errorf("%d unsigned: %s", unsigned, &said)
		}
		if b, err := r.MarshalJSON(); err != nil || strings.Contains(strings.ToLower(string(b)), "unsigned") {
			t.Errorf("%s %v", b, err)
		}
	}
}

// The log is verified and exported on both engines, beside a running server, and
// an export verifies with nothing but its key.
func TestVerifyAndExportBesideAServer(t *testing.T) {
	covers.Covers(t, "HC-7a")
	for name, o := range map[string]apptest.Options{"sqlite": {Fill: true}, "postgres": {Fill: true, Postgres: true}} {
		t.Run(name, func(t *testing.T) {
			in := apptest.Start(t, o)
			in.Enter(t, "mother").Get(t, "/results")
			in.Restart(t) // a clean end signs a checkpoint; an export goes up to the newest
			verify := func(what string, o app.AuditVerifyOptions, anchored bool) {
				t.Helper()
				r, err := app.AuditVerify(t.Context(), o)
				if err != nil || !r.OK || r.Anchored != anchored || r.Size == 0 {
					t.Fatalf("%s: %+v, %v", what, r, err)
				}
				var said bytes.Buffer
				r.Print(&said)
				if !strings.HasPrefix(said.String(), "OK: ") || strings.Contains(said.String(), "No checkpoint") == anchored {
					t.Errorf("%s: %s", what, &said)
				}
			}
			checkpoint := filepath.Join(in.Dir, "checkpoint")
			verify("beside the server", app.AuditVerifyOptions{Place: in.Place}, false)
			verify("with a checkpoint", app.AuditVerifyOptions{Place: in.Place, Checkpoints: []string{checkpoint}}, true)
			out := filepath.Join(t.TempDir(), "export")
			n, err := app.AuditExport(t.Context(), app.AuditExportOptions{Place: in.Place, Out: out})
			if err != nil || n == 0 {
				t.Fatalf("export: %d, %v", n, err)
			}
			vkey, err := os.ReadFile(filepath.Join(in.Dir, app.VKeyFile))
			must(t, err)
			verify("the export", app.AuditVerifyOptions{Export: out, Key: strings.TrimSpace(string(vkey))}, false)
			in.Stop(t)
			edit(t, in.Dir, "origin:", "log:\n  checkpoint: "+checkpoint+"\norigin:")
			verify("with the configured checkpoint", app.AuditVerifyOptions{Place: in.Place}, true)
			for what, o := range map[string]app.AuditVerifyOptions{
				"no key": {Export: out}, "no such key": {Export: out, Key: "nonsense"}, "no export": {Export: out + "x", Key: string(vkey)},
				"no proof": {Proof: out + "x", Key: string(vkey)}, "no checkpoint": {Place: in.Place, Checkpoints: []string{out + "x"}},
				"no place": {},
			} {
				_, err := app.AuditVerify(t.Context(), o)
				refused(t, what, err)
			}
			_, err = app.AuditExport(t.Context(), app.AuditExportOptions{Place: in.Place, Out: out})
			refused(t, "export over an export", err)
		})
	}
}

// An export is refused before it takes the room that care needs, with what to do;
// what a killed one left is gone at the next start. On both engines.
func TestExportsLeaveRoom(t *testing.T) {
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			free := audit.DefaultMarks().Stranger + 1<<10 // less than any log
			in := apptest.Start(t, apptest.Options{Fill: true, Postgres: postgres, FreeSpace: func() (int64, error) { return free, nil }})
			officer := in.Enter(t, "officer")
			copies := func() int {
				t.Helper()
				dirs, err := filepath.Glob(filepath.Join(in.Dir, "export-*"))
				must(t, err)
				return len(dirs)
			}
			got := officer.Post(t, "/officer/export")
			if got.Status != 409 || !strings.Contains(string(got.Body), "Ask whoever runs the server to free some") || copies() != 0 {
				t.Errorf("on a full disk: %d, %d copies\n%s", got.Status, copies(), got.Body)
			}
			free = 100 << 30
			if got := officer.Post(t, "/officer/export"); got.Status != 200 || got.Header.Get("Content-Type") != "application/x-tar" || copies() != 0 {
				t.Errorf("with room: %d, %d copies", got.Status, copies())
			}
			must(t, os.MkdirAll(filepath.Join(in.Dir, "export-killed", "log"), 0o700))
			in.Restart(t)
			if copies() != 0 {
				t.Error("what a killed export left is still there")
			}
		})
	}
}

// A row that somebody changed in the database is refused, and the log and the
// process say so.
func TestTamperingAlarms(t *testing.T) {
	covers.Covers(t, "HC-8b")
	in := apptest.Start(t, apptest.Options{Fill: true, Plain: true})
	token := in.Token(t, "mother")
	in.Restart(t) // nothing is cached
	hand := dbtest.RawConfig(t, db.Config{Path: filepath.Join(in.Dir, "postern.db")})
	from := in.Log.Size()
	if n := hand.Exec(t, "UPDATE chart_row SET body = zeroblob(length(body))"); n == 0 {
		t.Fatal("nothing to change")
	}
	if got := in.API(t, token, "/Observation"); got.Status == 200 {
		t.Errorf("status %d: %s", got.Status, got.Body)
	}
	alarmed := false
	for _, e := range entries(t, in.App, from) {
		alarmed = alarmed || e.Event == audit.EventAlarm && e.Outcome == audit.Failed && e.Reason != ""
	}
	if !alarmed || !strings.Contains(in.Process.String(), "msg=alarm") {
		t.Errorf("alarm in the log: %v\n%s", alarmed, in.Process)
	}
}

// A root key sealed with a passphrase needs it at every start.
func TestPassphrase(t *testing.T) {
	covers.Covers(t, "HC-8a")
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	dir, secrets := filepath.Join(t.TempDir(), "data"), t.TempDir()
	good, bad := filepath.Join(secrets, "good"), filepath.Join(secrets, "bad")
	must(t, os.WriteFile(good, []byte("seven quiet otters"), 0o600))
	must(t, os.WriteFile(bad, []byte("seven loud otters"), 0o600))
	_, err := initAt(t, dir, func(o *app.InitOptions) {
		o.PlainKey, o.PassphraseFile, o.Environment, o.Listen = false, good, keys.Production, "127.0.0.1:0"
	})
	must(t, err)
	_, err = serve(t, app.Place{Data: dir})
	refused(t, "no passphrase", err, "--passphrase-file")
	_, err = serve(t, app.Place{Data: dir, PassphraseFile: bad})
	refused(t, "wrong passphrase", err)
	if !errors.Is(err, keys.ErrProtector) {
		t.Errorf("wrong passphrase: %v", err)
	}
	_, err = serve(t, app.Place{Data: dir, PassphraseFile: good + "x"})
	refused(t, "missing file", err)
	if out, err := serve(t, app.Place{Data: dir, PassphraseFile: good}); err != nil || !strings.Contains(out, "environment=production") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Covers SD-13a: fictional people stay out of production data, whoever asks.
func TestNoFictionalPeopleInProduction(t *testing.T) {
	covers.Covers(t, "SD-13a")
	in := apptest.Start(t, apptest.Options{Environment: keys.Production, Stopped: true})
	refused(t, "persona", in.AddPersona(t.Context(), app.Persona{Handle: "x", Name: "Maya Tran", Roles: []person.Role{person.RolePatient}}), "production data")
	refused(t, "bundle", in.ImportBundle(t.Context(), "x", []byte("{}")), "production data")
	in.Stop(t)
	before := tree(t, in.Dir)
	var out bytes.Buffer
	err := demo.Run(context.Background(), demo.Options{Addr: in.Address, Dir: in.Dir, Out: &out})
	refused(t, "demo on production data", err, "was not made by a demo", "left as it is")
	for path, content := range tree(t, in.Dir) {
		if before[path] != content {
			t.Errorf("demo changed %s", path)
		}
	}
}

// A bundle that is refused says where and why, and nothing of its content.
func TestImportExplains(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Stopped: true})
	in.Stop(t)
	file := filepath.Join(t.TempDir(), "b.json")
	b, err := os.ReadFile(bundle(t, "child"))
	must(t, err)
	must(t, os.WriteFile(file, b[:len(b)/2], 0o600))
	sum, err := app.Import(t.Context(), app.ImportOptions{Place: in.Place, Files: []string{file, t.TempDir()}})
	must(t, err)
	if sum.OK || !strings.Contains(sum.Files[0].Error, "line ") || strings.Contains(sum.Files[0].Error, "Theo") || sum.Files[1].Error != "this is not a file" {
		t.Errorf("%+v", sum)
	}
	var said bytes.Buffer
	sum.Print(&said)
	if !strings.Contains(said.String(), "refused, nothing of it was stored") || !strings.Contains(said.String(), "0 of 2 bundles are stored.") {
		t.Errorf("%s", &said)
	}
}
