package app_test

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/test/covers"
)

// Covers CH-5: a role that must give a password (SCRAM, on a real cluster) gives the one
// in its file, from init to serving. A wrong, an empty, a missing and a readable file
// are each refused by name, and the password stands in no error, log or file of ours.
func TestDatabasePasswordFile(t *testing.T) {
	covers.Covers(t, "CH-5")
	c := dbtest.NewConfigs(t, db.Postgres, nil, dbtest.Empty)
	role, password := dbtest.PasswordRole()
	u, err := url.Parse(c.Serving.Postgres)
	must(t, err)
	u.User = url.User(role)
	secrets, dir := t.TempDir(), filepath.Join(t.TempDir(), "data")
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(secrets, name)
		must(t, os.WriteFile(path, []byte(content), mode))
		must(t, os.Chmod(path, mode))
		return path
	}
	good := file("good", password+"\n", 0o600)
	try := func(path string) (string, error) {
		return initAt(t, dir, func(o *app.InitOptions) {
			o.DatabaseURL, o.MigrateURL, o.DatabasePasswordFile, o.Listen = u.String(), c.Owner.Postgres, path, "127.0.0.1:0"
		})
	}
	bad := map[string]struct{ path, says string }{
		"none":     {"", "password"},
		"wrong":    {file("wrong", password+"x", 0o600), "password"},
		"empty":    {file("empty", "\n", 0o600), "is empty"},
		"missing":  {filepath.Join(secrets, "missing"), "no such file"},
		"readable": {file("readable", password, 0o644), "other users of this machine can read it"},
		"by group": {file("group", password, 0o640), "chmod it to 600"},
	}
	for _, what := range []string{"none", "wrong", "readable"} {
		b := bad[what]
		_, err := try(b.path)
		refused(t, "init: "+what, err, b.says)
		if strings.Contains(err.Error(), password) {
			t.Errorf("init: %s: the error holds the password: %v", what, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Fatalf("init: %s: the folder stays", what)
		}
	}
	_, err = try(good)
	must(t, err)
	place := app.Place{Data: dir}
	out, err := serve(t, place)
	if err != nil || !strings.Contains(out, "msg=serving") {
		t.Fatalf("serve: %v\n%s", err, out)
	}
	if r, err := app.AuditVerify(t.Context(), app.AuditVerifyOptions{Place: place}); err != nil || !r.OK {
		t.Errorf("verify: %+v, %v", r, err)
	}
	for what, b := range bad {
		if b.path == "" {
			continue
		}
		edit(t, dir, good, b.path)
		said, err := serve(t, place)
		refused(t, "serve: "+what, err, b.says)
		if strings.Contains(said+err.Error(), password) {
			t.Errorf("serve: %s: the password is in what it says: %v\n%s", what, err, said)
		}
		edit(t, dir, b.path, good)
	}
	for path, content := range tree(t, dir) {
		if bytes.Contains([]byte(content), []byte(password)) {
			t.Errorf("%s holds the password", path)
		}
	}
}
