package matrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/person"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// persona is somebody at the door, with what they hold: a cookie, a token or nothing.
type persona struct {
	name    string
	story   string // handle of the account, empty for whoever has none
	cookie  string
	token   string
	form    string // form token of the session
	account person.AccountID
	chart   person.PatientID
	living  bool // the cookie or token is good

	wire *wire
}

// client is the door where the persona is known.
func (p *persona) client() string {
	if p.token != "" {
		return "fhirapi"
	}
	return "web"
}

// came reports whether an entry is of the persona's door, in whatever form the answer
// went out: a text to keep says "web-text".
func (p *persona) came(e audit.Entry) bool {
	door, _, _ := strings.Cut(e.Caller.Client, "-")
	return door == p.client()
}

// world is one installation with everybody in it.
type world struct {
	*apptest.Installation
	t        *testing.T
	ahead    atomic.Int64 // how far the clock of the server is ahead of ours
	cast     []deid.Persona
	people   []*persona
	charts   map[string]person.PatientID // by story
	spare    person.AccountID            // an account that nobody misses
	markers  map[string][]string         // of each story person, texts that stand in that chart alone
	ids      map[string]map[string][]string
	act      string // an act that waits, and one to be declined
	declined string
	from     int64 // where the log stood before the attack
}

// extra are accounts beside those of the families.
var extra = []app.Persona{
	{Handle: "locum", Name: "Dr. Piet Vandermeer", Roles: []person.Role{person.RoleClinician}},
	{Handle: "frontdesk", Name: "Rosa Bellini", Roles: []person.Role{person.RoleFrontDesk}},
	{Handle: "records", Name: "Anselm Okafor", Roles: []person.Role{person.RoleRecordsOffice}},
	{Handle: "billing", Name: "Gertrud Maas", Roles: []person.Role{person.RoleBilling}},
	{Handle: "auditor", Name: "Yusuf Demir", Roles: []person.Role{person.RoleAuditor}},
	{Handle: "spare", Name: "Wanda Quist", Roles: []person.Role{person.RoleNurse}},
	{Handle: "admin2", Name: "Henrike Falk", Roles: []person.Role{person.RoleAdministrator}},
	{Handle: "suspended-doctor", Name: "Dr. Odo Lind", Roles: []person.Role{person.RoleClinician}},
}

// newWorld starts the server and lets everybody in.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, charts: map[string]person.PatientID{}, markers: map[string][]string{}, ids: map[string]map[string][]string{}}
	clock := func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	w.ahead.Store(-int64(13*time.Hour + 6*time.Minute)) // early and late bring it to now
	w.Installation = apptest.Start(t, apptest.Options{Fill: true, Plain: true, Clock: clock, RefusalSpread: 1_000_000})
	w.cast = deid.Family(clock())
	for _, p := range extra {
		if p.Handle == "suspended-doctor" {
			mother, _ := deid.Find(w.cast, "mother")
			p.Assigned = []string{mother.PatientURL}
		}
		must(t, w.AddPersona(t.Context(), p))
	}
	for _, p := range w.cast {
		if p.HasChart {
			id, err := w.Records.PatientBySource(t.Context(), person.NewOperator("import", person.AccountID{}, person.PurposeRecords, person.Request{}), p.PatientURL)
			must(t, err)
			w.charts[p.ID] = id
		}
	}
	w.spare = w.accountOf("spare")
	w.early()
	w.late()
	w.readMarkers()
	return w
}

func (w *world) accountOf(handle string) person.AccountID {
	w.t.Helper()
	id, err := w.Identity.FindPersona(w.t.Context(), handle)
	must(w.t, err)
	return id
}

// early makes those whose sessions will have ended by themselves.
func (w *world) early() {
	expired := w.enter("mother:expired", "mother")
	expired.living = false
	over := w.withToken("mother:expired-token", "mother")
	over.living = false
	var keyed []func()
	for _, who := range []string{"mother", "admin"} {
		keyed = append(keyed, w.keyed(who))
	}
	w.ahead.Add(int64(13 * time.Hour))
	for _, stale := range keyed {
		stale()
	}
	w.ahead.Add(int64(6 * time.Minute))
}

// keyed gives an account a passkey and returns how it signs in with it: minutes before
// the rest, which is too long ago for what needs fresh presence.
func (w *world) keyed(story string) func() {
	b := w.Enter(w.t, story)
	if got := b.Ceremony(w.t, "/security/passkeys", true, map[string]any{"name": "key"}); got.Status != http.StatusOK {
		w.t.Fatalf("add passkey of %s: %d %s", story, got.Status, got.Body)
	}
	b.Post(w.t, "/sign-out")
	return func() {
		if got := b.SignIn(w.t); got.Status != http.StatusOK {
			w.t.Fatalf("sign in as %s: %d %s", story, got.Status, got.Body)
		}
		w.keep(&persona{name: story + ":stale", story: story, living: true}, b)
	}
}

func (w *world) late() {
	for _, story := range []string{"mother", "elder", "doctor", "nurse", "admin", "officer", "locum", "frontdesk", "records", "billing", "auditor"} {
		w.enter(story, story)
	}
	for _, story := range []string{"mother", "elder", "doctor", "nurse", "locum", "admin", "officer", "frontdesk"} {
		w.withToken(story+":token", story)
	}
	ended := w.Enter(w.t, "teen")
	secret := ended.Cookies[cookieName]
	ended.Post(w.t, "/sign-out")
	w.add(&persona{name: "teen:ended", story: "teen", cookie: secret})
	w.suspend()
	mother := w.of("mother")
	w.add(&persona{name: "stranger"})
	w.add(&persona{name: "forged", cookie: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
	w.add(&persona{name: "tampered", cookie: flip(mother.cookie)})
	w.add(&persona{name: "forged-token", token: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
	w.add(&persona{name: "tampered-token", token: flip(w.of("mother:token").token)})
	w.add(&persona{name: "cookie-as-token", token: mother.cookie})
	w.add(&persona{name: "token-as-cookie", cookie: w.of("mother:token").token})
	w.act, w.declined = w.propose("elder"), w.propose("daughter")
}

// suspend makes accounts that were suspended while they were signed in.
func (w *world) suspend() {
	b := w.Enter(w.t, "suspended-doctor")
	token := w.Token(w.t, "suspended-doctor")
	admin := w.Enter(w.t, "admin")
	if got := admin.Post(w.t, "/admin/accounts/"+w.accountOf("suspended-doctor").String()+"/suspend"); got.Status != http.StatusSeeOther {
		w.t.Fatalf("suspend: %d", got.Status)
	}
	w.add(&persona{name: "doctor:suspended", story: "suspended-doctor", cookie: b.Cookies[cookieName]})
	w.add(&persona{name: "doctor:suspended-token", story: "suspended-doctor", token: token})
}

// propose makes something wait for a second administrator.
func (w *world) propose(story string) string {
	caller := person.NewPerson(person.PersonConfig{Account: w.accountOf("admin2"), Role: person.RoleAdministrator, Purpose: person.PurposeOperations,
		Proof: person.Proof{Method: "demo", At: time.Now()}})
	act, err := w.Gate.Propose(w.t.Context(), access.Ask{Caller: caller, Action: access.RenewEnrolment, Owner: person.Account(w.accountOf(story)), Reason: "lost phone"}, "a new link")
	must(w.t, err)
	return act.ID
}

// flip changes one letter in the middle.
func flip(s string) string {
	b := []byte(s)
	if b[len(b)/2]++; b[len(b)/2] > 'z' || b[len(b)/2] == '[' || b[len(b)/2] == ':' {
		b[len(b)/2] = 'a'
	}
	return string(b)
}

const cookieName = "__Host-postern"

func (w *world) enter(name, story string) *persona {
	return w.keep(&persona{name: name, story: story, living: true}, w.Enter(w.t, story))
}

// keep takes over the session of a browser.
func (w *world) keep(p *persona, b *apptest.Browser) *persona {
	p.cookie, p.form = b.Cookies[cookieName], b.Token
	if p.cookie == "" || p.form == "" {
		w.t.Fatalf("%s has no session", p.name)
	}
	return w.add(p)
}

func (w *world) withToken(name, story string) *persona {
	return w.add(&persona{name: name, story: story, token: w.Token(w.t, story), living: true})
}

func (w *world) add(p *persona) *persona {
	u, err := url.Parse(w.Origin)
	must(w.t, err)
	p.wire = &wire{address: w.Address, host: u.Host}
	if p.story != "" {
		p.account = w.accountOf(p.story)
		p.chart = w.charts[p.story]
	}
	w.people = append(w.people, p)
	return p
}

func (w *world) of(name string) *persona {
	w.t.Helper()
	i := slices.IndexFunc(w.people, func(p *persona) bool { return p.name == name })
	if i < 0 {
		w.t.Fatalf("no persona %s", name)
	}
	return w.people[i]
}

// headers are what the persona sends with everything.
func (p *persona) headers() (out []string) {
	if p.cookie != "" {
		out = append(out, "Cookie", cookieName+"="+p.cookie)
	}
	if p.token != "" {
		out = append(out, "Authorization", "Bearer "+p.token)
	}
	return out
}

// get asks for a page as a browser or program of the persona does.
func (p *persona) get(target string) (answer, error) {
	return p.wire.send(ask{method: "GET", target: target, header: p.headers()})
}

// entries are the log's entries from seq on.
func (w *world) entries(from int64) (out []audit.Entry) {
	w.t.Helper()
	if err := w.Log.RiskyRead(w.t.Context(), from, w.Log.Size(), func(e audit.Entry) error {
		out = append(out, e)
		return nil
	}); err != nil {
		w.t.Error(err)
	}
	return out
}

var words = regexp.MustCompile(`"([^"\\]{5,})"`)

// readMarkers finds, for every chart, texts that stand in no other chart and in nothing
// that everybody may read: names, numbers, notes and what the person has alone.
func (w *world) readMarkers() {
	bundles := map[string]string{}
	for _, p := range w.cast {
		if p.HasChart {
			var b bytes.Buffer
			must(w.t, p.WriteBundle(&b))
			bundles[p.ID] = b.String()
		}
	}
	for id, bundle := range bundles {
		common := clinicText(w.t, bundle)
		for _, m := range words.FindAllStringSubmatch(bundle, -1) {
			s := m[1]
			if !telling(s) || strings.Contains(common, s) || slices.Contains(w.markers[id], s) {
				continue
			}
			alone := true
			for other, text := range bundles {
				alone = alone && (other == id || !strings.Contains(text, s))
			}
			if alone {
				w.markers[id] = append(w.markers[id], s)
			}
		}
		w.markers[id] = append(w.markers[id], w.charts[id].String(), person.PatientResource(w.charts[id]).String())
		if len(w.markers[id]) < 8 {
			w.t.Fatalf("%s has %d markers: %q", id, len(w.markers[id]), w.markers[id])
		}
	}
}

// clinicText is the part of a bundle that belongs to the clinic and not to the chart.
func clinicText(t *testing.T, bundle string) string {
	var b struct {
		Entry []struct{ Resource json.RawMessage }
	}
	must(t, json.Unmarshal([]byte(bundle), &b))
	var out strings.Builder
	for _, e := range b.Entry {
		var r struct{ ResourceType string }
		must(t, json.Unmarshal(e.Resource, &r))
		if slices.Contains(shared, r.ResourceType) {
			out.Write(e.Resource)
		}
	}
	return out.String()
}

var (
	dated  = regexp.MustCompile(`^[0-9:TZ.+-]+$`)
	simple = regexp.MustCompile(`^[a-z-]+$`)
)

// telling leaves out what is no sign of a person: dates, codes that are words, addresses of systems.
func telling(s string) bool {
	return !dated.MatchString(s) && !simple.MatchString(s) && !strings.Contains(s, "://") && !strings.HasPrefix(s, "urn:")
}

// foreign is the first text in body of a chart that p may not see, but for those named.
func (w *world) foreign(p *persona, body []byte, but ...string) string {
	for id, texts := range w.markers {
		if slices.Contains(w.mayRead(p), id) {
			continue
		}
		for _, s := range texts {
			if slices.Contains(but, s) || !bytes.Contains(body, []byte(s)) {
				continue
			}
			return fmt.Sprintf("%s of %s", s, id)
		}
	}
	return ""
}

// mayRead are the charts that the persona may see.
func (w *world) mayRead(p *persona) []string {
	if !p.living {
		return nil
	}
	if me, ok := deid.Find(w.cast, p.story); ok && me.HasChart {
		return []string{me.ID}
	} else if ok {
		return me.Assigned
	}
	return nil
}

// repository is the path of the tree's root.
func repository(t testing.TB) *os.Root {
	t.Helper()
	r, err := os.OpenRoot("../..")
	must(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}
