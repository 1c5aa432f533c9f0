package demo_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/app/demo"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// One click steps into a person and ends the session before; only a page of ours
// may ask, and only for somebody with an account.
func TestEnter(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	b := in.Enter(t, "mother")
	first := b.Cookies["__Host-postern"]
	page := string(b.Get(t, "/demo").Body)
	for _, name := range []string{"Maya Tran", "Theo Tran", "Ernesto Salazar", "Dalia Rahman"} {
		if !strings.Contains(page, name) {
			t.Errorf("/demo does not offer %s", name)
		}
	}
	if strings.Contains(page, `value="child"`) {
		t.Error("the child has no account to step into")
	}
	if got := b.Post(t, "/demo/enter", "persona", "doctor"); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/" {
		t.Fatalf("enter: %d", got.Status)
	}
	old := in.Browser()
	old.Cookies["__Host-postern"] = first
	if got := old.Get(t, "/results"); got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/sign-in") {
		t.Errorf("the session before still works: %d", got.Status)
	}
	for _, persona := range []string{"child", "nobody", ""} {
		if got := in.Browser().Post(t, "/demo/enter", "persona", persona); got.Status == http.StatusSeeOther {
			t.Errorf("stepped into %q", persona)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, in.Origin+"/demo/enter", strings.NewReader("persona=mother"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if got := in.Browser().Send(t, r); got.Status != http.StatusForbidden {
		t.Errorf("another site: %d", got.Status)
	}
}

// The demo's pages are not there on other data, and Fill refuses production.
func TestOnlyOnDemoData(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Environment: keys.Test})
	for _, got := range []apptest.Answer{in.Browser().Get(t, "/demo"), in.Browser().Post(t, "/demo/enter", "persona", "mother")} {
		if got.Status != http.StatusNotFound {
			t.Errorf("status %d", got.Status)
		}
	}
}

// The demo opens nothing that it did not create, and leaves it as it is.
func TestRunRefusesOtherFolders(t *testing.T) {
	dir := t.TempDir()
	letter := filepath.Join(dir, "letter.txt")
	if err := os.WriteFile(letter, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Stopped: true})
	in.Stop(t)
	half := apptest.Start(t, apptest.Options{Stopped: true})
	half.Stop(t)
	for name, c := range map[string]struct{ dir, addr, says string }{
		"somebody's folder": {dir, "127.0.0.1:0", "was not made by a demo"},
		"test data":         {in.Dir, "127.0.0.1:0", "was not made by a demo"},
		"other port":        {half.Dir, "127.0.0.1:0", "serve it with --addr"},
		"half filled":       {half.Dir, half.Address, "not filled to the end"},
		"all interfaces":    {dir, "0.0.0.0:8080", "127.0.0.1:PORT"},
		"no port":           {dir, "127.0.0.1", "127.0.0.1:PORT"},
	} {
		var out bytes.Buffer
		err := demo.Run(t.Context(), demo.Options{Addr: c.addr, Dir: c.dir, Out: &out})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder was touched: %v, %v", entries, err)
	}
}
