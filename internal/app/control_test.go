package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/test/covers"
)

// bundle writes the chart of one of the fictional families to a file.
func bundle(t *testing.T, persona string) string {
	t.Helper()
	p, ok := deid.Find(deid.Family(time.Now()), persona)
	if !ok {
		t.Fatalf("no persona %s", persona)
	}
	var b bytes.Buffer
	must(t, p.WriteBundle(&b))
	path := filepath.Join(t.TempDir(), persona+".json")
	must(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

// entries are the log's entries from seq on.
func entries(t *testing.T, a *app.App, from int64) (out []audit.Entry) {
	t.Helper()
	must(t, a.Log.RiskyRead(t.Context(), from, a.Log.Size(), func(e audit.Entry) error {
		out = append(out, e)
		return nil
	}))
	return out
}

// On test data the commands work in their own process, and through the socket
// while a server holds the folder; what they do is the same and is logged.
func TestCommandsOnTestData(t *testing.T) {
	covers.Covers(t, "CH-5")
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Stopped: true})
	work := func(t *testing.T) {
		t.Helper()
		doctor, err := app.AccountAdd(t.Context(), app.AccountAddOptions{Place: in.Place, Role: "clinician", Name: "Dr. Lillian Chen", Reason: "new here"})
		must(t, err)
		if !strings.HasPrefix(doctor.Link, in.Origin+"/enrol#"+doctor.Account+".") {
			t.Errorf("link %q", doctor.Link)
		}
		list, err := app.AccountList(t.Context(), app.AccountListOptions{Place: in.Place})
		must(t, err)
		var found string
		for _, a := range list {
			if a.Account == doctor.Account {
				found = a.Roles + " " + a.State
			}
		}
		if found != "clinician invited" {
			t.Errorf("listed as %q", found)
		}
		_, err = app.AccountAdd(t.Context(), app.AccountAddOptions{Place: in.Place, Role: "wizard"})
		refused(t, "unknown role", err, "unknown role")
		_, err = app.AccountAdd(t.Context(), app.AccountAddOptions{Place: in.Place, Role: "patient", Patient: "x"})
		refused(t, "no patient id", err, "--patient")
		token, err := app.Token(t.Context(), app.TokenOptions{Place: in.Place, Account: doctor.Account, Minutes: 15})
		if err != nil || len(token) < 43 {
			t.Errorf("token %q: %v", token, err)
		}
		_, err = app.Token(t.Context(), app.TokenOptions{Place: in.Place, Account: doctor.Account, Minutes: 61})
		refused(t, "long token", err, "1 to 60")
		_, err = app.Token(t.Context(), app.TokenOptions{Place: in.Place, Account: "nobody", Minutes: 15})
		refused(t, "token for nobody", err)
		err = app.AccountAssign(t.Context(), app.AccountAssignOptions{Place: in.Place, Clinician: doctor.Account, Patient: "x"})
		refused(t, "assign nobody", err, "--patient")
	}
	in.Stop(t)
	file := bundle(t, "child")
	sum, err := app.Import(t.Context(), app.ImportOptions{Place: in.Place, Files: []string{file}})
	if err != nil || !sum.OK || sum.Files[0].Patient == "" {
		t.Fatalf("import: %+v, %v", sum, err)
	}
	again, err := app.Import(t.Context(), app.ImportOptions{Place: in.Place, Files: []string{file, filepath.Join(t.TempDir(), "absent.json")}})
	if err != nil || again.OK || !again.Files[0].OK || again.Files[1].OK || again.Types["Observation"].Stored != 0 {
		t.Errorf("second import: %+v, %v", again, err)
	}
	t.Run("in process", work)
	in.Listen(t, in.Address)
	in.Open(t)
	in.Serve(t)
	from := in.Log.Size()
	t.Run("through the socket", work)
	doctor, err := app.AccountAdd(t.Context(), app.AccountAddOptions{Place: in.Place, Role: "nurse"})
	must(t, err)
	must(t, app.AccountAssign(t.Context(), app.AccountAssignOptions{Place: in.Place, Clinician: doctor.Account, Patient: sum.Files[0].Patient}))
	seen := map[string]bool{}
	for _, e := range entries(t, in.App, from) {
		seen[e.Caller.Name+" "+e.Action+" "+string(e.Event)] = true
	}
	for _, want := range []string{"account addAccount create", "account listAccounts read", "account assignPatient update", "token mintToken create"} {
		if !seen[want] {
			t.Errorf("no entry %q in %v", want, seen)
		}
	}
}

// The socket is the server's user's alone, and is replaced when a server died.
func TestControlSocketIsPrivate(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Environment: keys.Test})
	path := filepath.Join(in.Dir, "control.sock")
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("mode %v", info.Mode())
	}
	in.Stop(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	must(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	must(t, l.Close()) // what a killed server leaves
	in.Listen(t, in.Address)
	in.Open(t)
	in.Serve(t)
	in.Token(t, mustAdd(t, in).Account)
}

func mustAdd(t *testing.T, in *apptest.Installation) app.AccountAdded {
	t.Helper()
	a, err := app.AccountAdd(t.Context(), app.AccountAddOptions{Place: in.Place, Role: "compliance"})
	must(t, err)
	return a
}

// clinic is a production installation with its people enrolled.
type clinic struct {
	*apptest.Installation
	admin *apptest.Browser
}

func production(t *testing.T, o apptest.Options) *clinic {
	t.Helper()
	o.Environment = keys.Production
	in := apptest.Start(t, o)
	c := &clinic{in, in.Browser()}
	if got := c.admin.Enrol(t, in.FirstLink); got.Status != http.StatusOK {
		t.Fatalf("enrol: %d %s", got.Status, got.Body)
	}
	return c
}

// outcome is how a command ended.
type outcome[R any] struct {
	out R
	err error
}

// propose runs a command and returns the address at which it waits, and how it ends.
func propose[R any](t *testing.T, run func(ctx context.Context, say func(string)) (R, error)) (url string, end func() (R, error)) {
	t.Helper()
	said, done := make(chan string, 1), make(chan outcome[R], 1)
	go func() {
		out, err := run(t.Context(), func(s string) { said <- s })
		done <- outcome[R]{out, err}
	}()
	select {
	case s := <-said:
		return s[strings.Index(s, "http"):], func() (R, error) { o := <-done; return o.out, o.err }
	case o := <-done:
		t.Fatalf("the command ended without a proposal: %+v", o)
		return "", nil
	}
}

func (c *clinic) add(role string) func(context.Context, func(string)) (app.AccountAdded, error) {
	return func(ctx context.Context, say func(string)) (app.AccountAdded, error) {
		return app.AccountAdd(ctx, app.AccountAddOptions{Place: c.Place, Role: role, Reason: "new here", Say: say})
	}
}

// approved adds an account by command and approval.
func (c *clinic) approved(t *testing.T, role string) app.AccountAdded {
	t.Helper()
	url, end := propose(t, c.add(role))
	if got := c.admin.Approve(t, url); got.Status != http.StatusOK {
		t.Fatalf("approve: %d %s", got.Status, got.Body)
	}
	out, err := end()
	must(t, err)
	return out
}

// accounts counts without asking anybody: an administrator's page does.
func (c *clinic) accounts(t *testing.T) int {
	t.Helper()
	return strings.Count(string(c.admin.Get(t, "/admin").Body), `<br><span class="mono soft">acc-`)
}

// call speaks to the socket as a program of the same user could.
func (c *clinic) call(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	h := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(c.Dir, "control.sock"))
	}}}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://control"+path, strings.NewReader(body))
	must(t, err)
	got, err := h.Do(r)
	must(t, err)
	b, err := io.ReadAll(got.Body)
	must(t, errors.Join(err, got.Body.Close()))
	return got.StatusCode, string(b)
}

// Without a server no command does anything on production data, and token never does.
func TestProductionNeedsItsServer(t *testing.T) {
	covers.Covers(t, "CH-5")
	in := apptest.Start(t, apptest.Options{Environment: keys.Production, Stopped: true})
	in.Stop(t)
	before := tree(t, in.Dir)
	_, err := app.AccountAdd(t.Context(), app.AccountAddOptions{Place: in.Place, Role: "clinician"})
	refused(t, "account add", err, "no server is running")
	_, err = app.AccountList(t.Context(), app.AccountListOptions{Place: in.Place})
	refused(t, "account list", err, "no server is running")
	err = app.AccountAssign(t.Context(), app.AccountAssignOptions{Place: in.Place, Clinician: "x", Patient: "y"})
	refused(t, "account assign", err, "no server is running")
	_, err = app.Import(t.Context(), app.ImportOptions{Place: in.Place, Files: []string{bundle(t, "child")}})
	refused(t, "import", err, "no server is running")
	_, err = app.Token(t.Context(), app.TokenOptions{Place: in.Place, Account: "mother", Minutes: 15})
	refused(t, "token", err, "demo and test data")
	for path, content := range tree(t, in.Dir) {
		if before[path] != content {
			t.Errorf("%s changed", path)
		}
	}
}

// Nothing happens before a person approved exactly this act; then it happens once.
func TestApprovedActRunsOnce(t *testing.T) {
	covers.Covers(t, "CH-5")
	c := production(t, apptest.Options{})
	from := c.Log.Size()
	url, end := propose(t, c.add("compliance"))
	id := url[strings.LastIndex(url, "/")+1:]
	if n := c.accounts(t); n != 1 {
		t.Fatalf("%d accounts before the approval", n)
	}
	if code, body := c.call(t, "POST", "/run/"+id, ""); code != 403 {
		t.Errorf("run before approval: %d %s", code, body)
	}
	page := string(c.admin.Get(t, "/approve/"+id).Body)
	if !strings.Contains(page, "Add an account with the role compliance. Reason: new here") {
		t.Errorf("the page does not say what would be done:\n%s", page)
	}
	if got := c.admin.Approve(t, url); got.Status != http.StatusOK {
		t.Fatalf("approve: %d %s", got.Status, got.Body)
	}
	officer, err := end()
	must(t, err)
	if n := c.accounts(t); n != 2 {
		t.Errorf("%d accounts after the approval", n)
	}
	if code, body := c.call(t, "POST", "/run/"+id, ""); code != 410 {
		t.Errorf("second run: %d %s", code, body)
	}
	if got := c.admin.Approve(t, url); got.Status == http.StatusOK {
		t.Error("a used act was approved again")
	}
	if got := c.Browser().Enrol(t, officer.Link); got.Status != http.StatusOK {
		t.Errorf("the link: %d %s", got.Status, got.Body)
	}
	var proposed, approved, done audit.Entry
	for _, e := range entries(t, c.App, from) {
		switch {
		case strings.HasPrefix(e.Reason, "proposed: "):
			proposed = e
		case strings.HasPrefix(e.Reason, "approved: "):
			approved = e
		case e.Action == string(access.AddAccount) && e.Outcome == audit.Success:
			done = e
		}
	}
	if proposed.Seq == 0 || approved.Seq <= proposed.Seq || done.Seq <= approved.Seq {
		t.Errorf("order: proposed %d, approved %d, done %d", proposed.Seq, approved.Seq, done.Seq)
	}
	if approved.After != proposed.After || done.Caller.Name != "account" || done.Caller.Account != approved.Caller.Account || approved.Caller.Account.IsZero() {
		t.Errorf("proposed %+v\napproved %+v\ndone %+v", proposed, approved, done)
	}
}

// What nobody approved does not run: declined, expired, unknown, approved by
// somebody who may not, or changed on the way.
func TestUnapprovedActsRunNothing(t *testing.T) {
	covers.Covers(t, "CH-5")
	clock := &clock{now: time.Now()}
	c := production(t, apptest.Options{Clock: clock.Now})
	nurse := c.Browser()
	nurse.Enrol(t, c.approved(t, "nurse").Link)
	n := c.accounts(t)

	url, end := propose(t, c.add("administrator"))
	if got := nurse.Approve(t, url); got.Status == http.StatusOK {
		t.Error("a nurse approved")
	}
	if got := c.Browser().Get(t, strings.TrimPrefix(url, c.Origin)); got.Status != http.StatusSeeOther {
		t.Errorf("a stranger sees the act: %d", got.Status)
	}
	c.admin.Get(t, strings.TrimPrefix(url, c.Origin))
	if got := c.admin.Post(t, strings.TrimPrefix(url, c.Origin)+"/decline"); got.Status != http.StatusSeeOther {
		t.Fatalf("decline: %d %s", got.Status, got.Body)
	}
	_, err := end()
	refused(t, "declined", err, "declined")
	if code, _ := c.call(t, "POST", "/run/"+url[strings.LastIndex(url, "/")+1:], ""); code != 403 {
		t.Errorf("run of a declined act: %d", code)
	}

	for path, want := range map[string]int{"/run/unknown": 410, "/wait/unknown": 410, "/run": 403} {
		method := "POST"
		if strings.HasPrefix(path, "/wait") {
			method = "GET"
		}
		if code, body := c.call(t, method, path, `{"command":"account add","args":{"role":"nurse"}}`); code != want {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	for body, want := range map[string]int{`{"command":"token","args":{"account":"x","minutes":5}}`: 403, `{"command":"demo"}`: 400, `{`: 400,
		`{"command":"account add","args":{"role":"nurse","root":true}}`: 400, `{"command":"import","args":{}}`: 400} {
		if code, got := c.call(t, "POST", "/propose", body); code != want {
			t.Errorf("propose %s: %d %s", body, code, got)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	said := make(chan string, 1)
	gone := make(chan error, 1)
	go func() {
		_, err := app.AccountAdd(ctx, app.AccountAddOptions{Place: c.Place, Role: "administrator", Say: func(s string) { said <- s }})
		gone <- err
	}()
	url = <-said
	url = url[strings.Index(url, "http"):]
	clock.add(16 * time.Minute)
	if got := c.admin.Approve(t, url); got.Status == http.StatusOK {
		t.Error("an expired act was approved")
	}
	if code, _ := c.call(t, "POST", "/run/"+url[strings.LastIndex(url, "/")+1:], ""); code != 410 {
		t.Errorf("run of an expired act: %d", code)
	}
	cancel()
	refused(t, "expired", <-gone)
	if c.admin.SignIn(t); c.accounts(t) != n {
		t.Errorf("%d accounts, were %d", c.accounts(t), n)
	}
}

// Import on production data: no patient before the office is complete, then the
// approved bytes and no others.
func TestProductionImport(t *testing.T) {
	covers.Covers(t, "CH-5")
	c := production(t, apptest.Options{})
	file := bundle(t, "child")
	load := func(ctx context.Context, say func(string)) (app.ImportSummary, error) {
		return app.Import(ctx, app.ImportOptions{Place: c.Place, Files: []string{file}, Reason: "first patients", Say: say})
	}
	run := func() app.ImportSummary {
		t.Helper()
		url, end := propose(t, load)
		if got := c.admin.Approve(t, url); got.Status != http.StatusOK {
			t.Fatalf("approve: %d %s", got.Status, got.Body)
		}
		sum, err := end()
		must(t, err)
		return sum
	}
	if sum := run(); sum.OK || !strings.Contains(sum.Files[0].Error, "two administrators and a compliance officer") {
		t.Errorf("early: %+v", sum)
	}
	for _, role := range []string{"administrator", "compliance"} {
		if got := c.Browser().Enrol(t, c.approved(t, role).Link); got.Status != http.StatusOK {
			t.Fatalf("enrol %s: %d %s", role, got.Status, got.Body)
		}
	}

	url, end := propose(t, load)
	original, err := os.ReadFile(file)
	must(t, err)
	changed := bytes.Replace(original, []byte("final"), []byte("amend"), 1)
	must(t, os.WriteFile(file, changed, 0o600))
	c.admin.Approve(t, url)
	sum, err := end()
	if err != nil || sum.OK || !strings.Contains(sum.Files[0].Error, "not the one that was approved") {
		t.Errorf("other bytes: %+v, %v", sum, err)
	}
	must(t, os.WriteFile(file, original, 0o600))

	from := c.Log.Size()
	sum = run()
	if !sum.OK || sum.Files[0].Patient == "" {
		t.Errorf("import: %+v", sum)
	}
	c.manage(t, sum.Files[0].Patient)
	found := false
	for _, e := range entries(t, c.App, from) {
		if e.Event == audit.EventImport && e.Caller.Name == "import" && !e.Caller.Account.IsZero() && !e.Patient.IsZero() {
			found = found || e.Reason == "first patients"
		}
	}
	if !found {
		t.Error("no entry names operator, command and reason")
	}
}

// manage assigns a patient and lists accounts, each after its approval.
func (c *clinic) manage(t *testing.T, patient string) {
	t.Helper()
	nurse := c.approved(t, "nurse")
	url, end := propose(t, func(ctx context.Context, say func(string)) (struct{}, error) {
		return struct{}{}, app.AccountAssign(ctx, app.AccountAssignOptions{Place: c.Place, Clinician: nurse.Account, Patient: patient, Say: say})
	})
	if page := string(c.admin.Get(t, strings.TrimPrefix(url, c.Origin)).Body); !strings.Contains(page, "Assign the patient "+patient+" to the account "+nurse.Account) {
		t.Errorf("the page does not say what would be done:\n%s", page)
	}
	c.admin.Approve(t, url)
	_, err := end()
	must(t, err)
	url, list := propose(t, func(ctx context.Context, say func(string)) ([]app.AccountRow, error) {
		return app.AccountList(ctx, app.AccountListOptions{Place: c.Place, Reason: "yearly review", Say: say})
	})
	c.admin.Approve(t, url)
	rows, err := list()
	if err != nil || len(rows) != 4 {
		t.Errorf("list: %+v, %v", rows, err)
	}
}

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Every command has a class, and what it says is what it does on production data.
func TestCommandClasses(t *testing.T) {
	classes := map[app.Class]int{}
	for _, c := range app.Commands() {
		classes[c.Class]++
	}
	want := map[app.Class]int{app.Approved: 4, app.Harmless: 4, app.SetUp: 3, app.NotHere: 2}
	got, _ := json.Marshal(classes)
	if expected, _ := json.Marshal(want); string(got) != string(expected) {
		t.Errorf("classes %s, want %s", got, expected)
	}
}
