package web_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/door/web"
	"postern.example/postern/internal/door/web/assets"
	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/room/identity/identitytest"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

const (
	origin = "https://portal.clinic.example"
	rpID   = "portal.clinic.example"
)

// nobody's chart: staff have none.
var nobody person.PatientID

func TestMain(m *testing.M) { dbtest.Main(m) }

// house is a whole clinic behind the door: real rooms, a real log in memory.
type house struct {
	*vaulttest.Kit
	door     *web.Door
	gate     *access.Gate
	identity *identity.Room
	records  *records.Store
	sessions *session.Room

	vkey    string
	mu      sync.Mutex
	refused []string     // what the wrapper refused
	acts    []access.Act // approved and declined
	admins  []person.AccountID
	fail    func() error // of an approval's callback
}

func migrations() []db.Migration {
	return vaulttest.Migrations(slices.Concat(audit.Migrations(), identity.Migrations(), session.Migrations(), records.Migrations())...)
}

// lite is a house on the embedded engine.
func lite(t testing.TB) *house {
	t.Helper()
	return open(t, dbtest.New(t, db.SQLite, migrations(), dbtest.NoSync), nil)
}

// open opens a house on test data. change may edit the door's configuration.
func open(t testing.TB, d *db.DB, change func(*web.Config)) *house {
	t.Helper()
	return openWith(t, d, records.Definitions(), change)
}

// openWith is open with other types.
func openWith(t testing.TB, d *db.DB, defs []records.Definition, change func(*web.Config)) *house {
	t.Helper()
	h := &house{Kit: &vaulttest.Kit{DB: d, Clock: audittest.NewClock(), Alarms: &vaulttest.Alarms{}}}
	h.Clock.Add(7 * time.Hour) // the clinic is open
	protect := keys.Protector{How: keys.ByPassphrase, Secret: []byte("a passphrase of a test"), Work: 1}
	var err error
	h.Root, err = keys.CreateRoot(filepath.Join(t.TempDir(), "root"), keys.Test, protect, rand.Reader)
	must(t, err)
	h.Clinic, err = person.NewClinicID(rand.Reader)
	must(t, err)
	c := audittest.Config()
	c.Clock, h.vkey = h.Clock.Now, c.VKey
	h.Log = audittest.Start(t, c)
	h.Kit = h.Kit.Restart(t)
	h.openRooms(t, c, defs)
	h.openDoor(t, change)
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) openRooms(t testing.TB, c audit.Config, defs []records.Definition) {
	t.Helper()
	ceremonies, err := h.Root.Ephemeral(rand.Reader)
	must(t, err)
	h.identity, err = identity.New(identity.Config{DB: h.DB, Vault: h.Vault, Ceremonies: ceremonies, Alarm: h.Alarms.Raise,
		Clock: h.Clock.Now, Random: rand.Reader, Clinic: h.Clinic, Environment: keys.Test, Origin: origin, RPID: rpID, RPName: "Riverside Clinic"})
	must(t, err)
	index := audit.NewSubjects(h.DB, c.Sealer)
	refusals := audit.NewRefusals(audit.RefusalsConfig{Log: h.Log})
	t.Cleanup(func() { _ = refusals.Close(context.Background()) })
	h.gate, err = access.New(access.Config{Log: h.Log, Refusals: refusals, Directory: h.identity, Volume: vaulttest.Endless{}, Environment: keys.Test, Server: "test",
		Clock: h.Clock.Now, Random: rand.Reader, Alert: func(_ context.Context, what string) { t.Logf("alert: %s", what) },
		Ledger: access.NewLedger(access.LedgerConfig{Log: h.Log, Store: c.Store, Outside: c.Outside, Index: index,
			Follower: audit.NewFollower(audit.FollowerConfig{Log: h.Log, Index: index}),
			TempDir:  func() (string, error) { return os.MkdirTemp(t.TempDir(), "export") }, Alarm: h.Alarms.Raise})})
	must(t, err)
	cat, err := records.NewCatalogue(defs)
	must(t, err)
	h.records, err = records.NewStore(records.StoreConfig{DB: h.DB, Vault: h.Vault, Gate: h.gate, Standings: h.identity, Catalogue: cat,
		Clinic: h.Clinic, Clock: h.Clock.Now, Random: rand.Reader})
	must(t, err)
	must(t, h.records.CreateClinic(t.Context(), vaulttest.Importer()))
}

// config is what the door of this house needs.
func (h *house) config(t testing.TB) web.Config {
	t.Helper()
	forms, err := h.Root.Service(keys.ServiceForm)
	must(t, err)
	sessions, err := session.New(session.Config{DB: h.DB, Vault: h.Vault, People: h.identity, Forms: forms, Watch: unwatched{}, Clock: h.Clock.Now,
		Random: rand.Reader, Environment: keys.Test})
	must(t, err)
	h.sessions = sessions
	words, err := catalog.Load()
	must(t, err)
	set, err := assets.New()
	must(t, err)
	views, err := view.New(view.Config{Catalog: words, Assets: set})
	must(t, err)
	zone, err := time.LoadLocation("America/Los_Angeles")
	must(t, err)
	return web.Config{Identity: h.identity, Sessions: sessions, Records: h.records, Views: views, Assets: set, Catalog: words, Gate: h.gate,
		Ledger: h.gate, Clinic: h.Clinic, Origin: origin, ClinicName: "Riverside Clinic", ClinicPhone: "(503) 555-0100", Environment: keys.Test,
		Location: zone, Clock: h.Clock.Now, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(lines{t}, nil)),
		SecurityTxt: web.SecurityTxt{Contact: "mailto:security@clinic.example", Policy: "https://clinic.example/security", Expires: h.Clock.Now().AddDate(0, 6, 0)},
		Refused: func(_ context.Context, _ person.Caller, route string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.refused = append(h.refused, route)
		},
		Approved: func(_ context.Context, act access.Act, _ person.Caller) error {
			h.acts = append(h.acts, act)
			if h.fail != nil {
				return h.fail()
			}
			return nil
		},
		Declined: func(_ context.Context, act access.Act, _ person.Caller) { h.acts = append(h.acts, act) }}
}

func (h *house) openDoor(t testing.TB, change func(*web.Config)) {
	t.Helper()
	c := h.config(t)
	if change != nil {
		change(&c)
	}
	var err error
	h.door, err = web.New(c)
	must(t, err)
}

// lines is the door's log, on the test's.
type lines struct{ t testing.TB }

func (l lines) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// chart imports the chart of one of the fictional families.
func (h *house) chart(t testing.TB, id string) person.PatientID {
	t.Helper()
	p, ok := deid.Find(deid.Family(h.Clock.Now()), id)
	if !ok {
		t.Fatalf("no persona %s", id)
	}
	var b bytes.Buffer
	must(t, p.WriteBundle(&b))
	return h.load(t, b.Bytes())
}

// load imports a bundle.
func (h *house) load(t testing.TB, b []byte) person.PatientID {
	t.Helper()
	out, err := h.records.Import(t.Context(), vaulttest.Importer(), records.File{Name: "bundle.json", Data: bytes.NewReader(b), Size: int64(len(b))}, records.Limits{}, "test")
	must(t, err)
	return out.Patient
}

// apply makes a planned change as the operator of the test.
func (h *house) apply(t testing.TB, p *identity.Plan, err error) {
	t.Helper()
	must(t, err)
	must(t, h.identity.Apply(t.Context(), vaulttest.Grant(t, h.gate, p.Ask(vaulttest.Operator())), p))
}

// account makes an account and returns a browser that has enrolled and is signed in.
func (h *house) account(t testing.TB, name string, chart person.PatientID, roles ...person.Role) *browser {
	t.Helper()
	p, err := h.identity.PlanCreate(t.Context(), identity.NewAccount{Name: phi.NewText(name), Roles: roles, Chart: chart})
	h.apply(t, p, err)
	link, err := h.identity.PlanEnrolment(t.Context(), p.Account())
	if err == nil && link.Action().TwoPerson() {
		err = h.identity.Apply(t.Context(), h.two(t, link), link)
		must(t, err)
	} else {
		h.apply(t, link, err)
	}
	b := h.stranger()
	b.id = p.Account()
	b.enrol(t, link.Link())
	if slices.Contains(roles, person.RoleAdministrator) {
		h.admins = append(h.admins, b.id)
	}
	return b
}

// two is the Grant of the first two administrators for what needs both.
func (h *house) two(t testing.TB, p *identity.Plan) access.Grant {
	t.Helper()
	caller := func(id person.AccountID) person.Caller {
		return person.NewPerson(person.PersonConfig{Account: id, Role: person.RoleAdministrator, Purpose: person.PurposeOperations,
			Proof: person.Proof{Method: "passkey", At: h.Clock.Now()}})
	}
	act, err := h.gate.Propose(t.Context(), p.Ask(caller(h.admins[0])), "a third")
	must(t, err)
	g, err := h.gate.Confirm(t.Context(), caller(h.admins[1]), act.ID)
	must(t, err)
	return g
}

// patient is a signed-in patient with one of the fictional charts.
func (h *house) patient(t testing.TB, id string) (*browser, person.PatientID) {
	t.Helper()
	chart := h.chart(t, id)
	p, _ := deid.Find(deid.Family(h.Clock.Now()), id)
	return h.account(t, p.DisplayName, chart, person.RolePatient), chart
}

// assign puts patient under the care of b's account.
func (h *house) assign(t testing.TB, b *browser, patient person.PatientID) {
	t.Helper()
	edit, err := h.identity.Assign(patient)
	must(t, err)
	p, err := h.identity.Plan(t.Context(), b.id, edit)
	h.apply(t, p, err)
}

// browser is what a person sits in front of: cookies, and an authenticator.
type browser struct {
	h       *house
	id      person.AccountID
	cookies map[string]string
	device  *identitytest.Authenticator
	token   string // of the form on the last page
	last    *httptest.ResponseRecorder
}

func (h *house) stranger() *browser {
	return &browser{h: h, cookies: map[string]string{}, device: &identitytest.Authenticator{Origin: origin}}
}

var tokenOf = regexp.MustCompile(`<meta name="form-token" content="([^"]*)">`)

// send sends a request with the browser's cookies and keeps what comes back.
func (b *browser) send(r *http.Request) *httptest.ResponseRecorder {
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	r.Host = rpID
	r.RemoteAddr = "192.0.2.7:4711"
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	w := httptest.NewRecorder()
	b.h.door.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	if w.Header().Get("Clear-Site-Data") != "" {
		clear(b.cookies)
	}
	if m := tokenOf.FindStringSubmatch(w.Body.String()); m != nil {
		b.token = m[1]
	}
	b.last = w
	return w
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	return b.send(httptest.NewRequest(http.MethodGet, path, nil))
}

// post sends a form of one of our pages, and goes where it leads when that is a
// page that the form has chosen, shows a link once, or says what was wrong.
func (b *browser) post(path string, fields ...string) *httptest.ResponseRecorder {
	w := b.sendForm(path, fields...)
	to, said := w.Header().Get("Location"), b.cookies["__Host-postern-flash"]
	if w.Code == http.StatusSeeOther && (strings.Contains(to, "?q=") || strings.Contains(to, "made=") || strings.HasPrefix(said, "problem.")) {
		return b.get(to)
	}
	return w
}

// sendForm is post without what comes after.
func (b *browser) sendForm(path string, fields ...string) *httptest.ResponseRecorder {
	f := url.Values{"form_token": {b.token}}
	for i := 0; i < len(fields); i += 2 {
		f.Set(fields[i], fields[i+1])
	}
	return b.send(formRequest(path, f))
}

func formRequest(path string, f url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(f.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", origin)
	return r
}

// json sends what the passkey module sends.
func (b *browser) json(path string, body map[string]any) *httptest.ResponseRecorder {
	return b.send(jsonRequest(path, b.token, body))
}

func jsonRequest(path, token string, body any) *http.Request {
	raw, _ := json.Marshal(body) // maps of strings and messages
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-Form-Token", token)
	return r
}

// ceremonyAnswer is any JSON that a ceremony answers with.
type ceremonyAnswer struct {
	State, Go, Error, Text, Request string
	PublicKey                       json.RawMessage
}

func parsed(t testing.TB, w *httptest.ResponseRecorder) ceremonyAnswer {
	t.Helper()
	var a ceremonyAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("status %d, body %q: %v", w.Code, w.Body, err)
	}
	return a
}

// ceremony runs options and finish under path with the authenticator.
func (b *browser) ceremony(t testing.TB, path string, create bool, sent map[string]any) *httptest.ResponseRecorder {
	t.Helper()
	w := b.json(path+"/options", sent)
	if w.Code != http.StatusOK {
		return w
	}
	o := parsed(t, w)
	var credential json.RawMessage
	if create {
		credential = b.device.Create(t, o.PublicKey)
	} else {
		credential = b.device.Get(t, o.PublicKey, b.device.Passkeys[len(b.device.Passkeys)-1])
	}
	body := map[string]any{"state": o.State, "credential": credential}
	for k, v := range sent {
		body[k] = v
	}
	return b.json(path+"/finish", body)
}

// enrol uses a one-time link.
func (b *browser) enrol(t testing.TB, link string) {
	t.Helper()
	page, secret, _ := strings.Cut(strings.TrimPrefix(link, origin), "#")
	b.get(page)
	w := b.ceremony(t, page, true, map[string]any{"link": secret, "name": "phone"})
	if a := parsed(t, w); w.Code != http.StatusOK || a.Go != "/" {
		t.Fatalf("enrol: status %d, %s", w.Code, w.Body)
	}
	b.get("/security") // any page with a form token
}

// signIn signs in with the newest passkey.
func (b *browser) signIn(t testing.TB) *httptest.ResponseRecorder {
	t.Helper()
	b.token = ""
	b.get("/sign-in")
	w := b.ceremony(t, "/sign-in", false, map[string]any{"next": "", "next_id": ""})
	if w.Code == http.StatusOK {
		b.get("/security")
	}
	return w
}

// want fails unless the answer has the status and holds every text.
func want(t testing.TB, what string, w *httptest.ResponseRecorder, status int, texts ...string) {
	t.Helper()
	body, _ := io.ReadAll(w.Result().Body)
	if w.Code != status {
		t.Fatalf("%s: status %d, want %d\n%s", what, w.Code, status, mainOf(body))
	}
	for _, s := range texts {
		if !bytes.Contains(body, []byte(s)) {
			t.Errorf("%s: %q is not in the answer\n%s", what, s, mainOf(body))
		}
	}
}

// mainOf is what a page says, without its frame.
func mainOf(body []byte) []byte {
	if _, after, ok := bytes.Cut(body, []byte("<main")); ok {
		body, _, _ = bytes.Cut(after, []byte("</main>"))
	}
	return body
}

// goes fails unless the answer sends the browser to path. The sign-in page may be
// told why one comes and where to go afterwards.
func goes(t testing.TB, what string, w *httptest.ResponseRecorder, path string) {
	t.Helper()
	to := w.Header().Get("Location")
	if path == "/sign-in" {
		to, _, _ = strings.Cut(to, "?")
	}
	if w.Code != http.StatusSeeOther || to != path {
		t.Fatalf("%s: status %d to %q, want 303 to %q\n%s", what, w.Code, w.Header().Get("Location"), path, w.Body)
	}
}

// entries returns what was logged from seq on, without the log's housekeeping.
func (h *house) entries(t testing.TB, from int64) []audit.Entry {
	t.Helper()
	var out []audit.Entry
	err := h.Log.RiskyRead(t.Context(), from, h.Log.Size(), func(e audit.Entry) error {
		if e.Event != audit.EventAnchor && e.Event != audit.EventOutcome {
			out = append(out, e)
		}
		return nil
	})
	must(t, err)
	return out
}

// unwatched hears what becomes of secrets and forgets it.
type unwatched struct{}

func (unwatched) Met(string, person.Caller) {}
func (unwatched) Lost(string)               {}
