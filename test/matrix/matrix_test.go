package matrix

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// attack is the matrix on its way.
type attack struct {
	w      *world
	expect *expectations
	rows   []app.RouteRow
	found  map[string]*harvest
	log    []audit.Entry // as it was before
	asset  string

	cells, unexpected atomic.Int64

	mu   sync.Mutex
	owed map[string][]string // refusals that the log has to have, by account
}

// owe keeps that a refusal was answered. Identical ones of a minute are counted, so
// the log is compared with the sum at the end.
func (a *attack) owe(key, what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owed[key] = append(a.owed[key], what)
}

// settle compares the refusals of the log with those that were answered, after the
// counts have been written.
func (a *attack) settle(t *testing.T) {
	t.Helper()
	a.w.Restart(t)
	has := map[string]int{}
	for _, e := range a.w.entries(a.w.from) {
		key := e.Caller.Account.String()
		if e.Caller.Kind == person.KindStranger.String() {
			key = "strangers"
		}
		if e.Outcome == audit.Refused {
			has[key] += max(1, int(e.Count))
		}
	}
	for key, list := range a.owed {
		if has[key] < len(list) {
			a.unexpected.Add(1)
			t.Errorf("%s: %d refusals were answered and the log has %d: %s", key, len(list), has[key], strings.Join(list, ", "))
		}
	}
}

// forms are what an honest person sends to a route. A form that is not here is sent
// as it stands on the page that has it.
var forms = map[string][]string{
	"/admin/accounts":                {"name", "Nils Achterberg", "role", "nurse"},
	"/admin/accounts/{id}/renew":     {"reason", "lost phone"},
	"/admin/accounts/{id}/suspend":   {"reason", "left the clinic"},
	"/clinic/{patient}":              {"purpose", "TREAT"},
	"/demo/enter":                    {"persona", "chronic"},
	"/language":                      {"lang", "en", "next", "home"},
	"/officer":                       {"outcome", "refused"},
	"/results":                       {"category", "laboratory"},
	"/security/passkeys/{id}/rename": {"name", "tablet"},
}

// ceremonies are the passkey endpoints: JSON in, JSON out.
func ceremony(r app.RouteRow) bool {
	return r.Door == "web" && r.Method == http.MethodPost && (strings.HasSuffix(r.Path, "/options") || strings.HasSuffix(r.Path, "/finish"))
}

// endings end sessions or change what others go by: they run when all else is done.
var endings = []string{"/sign-out", "/security/sessions/end-others", "/security/sessions/{id}/end", "/security/passkeys/{id}/remove", "/demo/enter"}

// The whole matrix: every route, every persona, every owner.
func TestEveryRouteByEverybody(t *testing.T) {
	covers.Covers(t, "CH-4", "SD-3", "CH-1")
	a := newAttack(t)
	t.Run("by", func(t *testing.T) {
		for _, p := range a.w.people {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				for _, r := range a.rows {
					if !slices.Contains(endings, r.Path) || strings.HasSuffix(p.name, ":stale") && strings.HasSuffix(r.Path, "/remove") {
						a.cell(t, p, r)
					}
				}
			})
		}
	})
	for _, p := range a.w.people {
		if p.living && p.cookie != "" && !strings.Contains(p.name, ":") {
			for _, path := range endings {
				a.ending(t, p, path)
			}
		}
	}
	a.alive(t)
	a.settle(t)
	a.expect.idle(t, func(l *line) bool { return !strings.HasPrefix(l.route, "gate") && l.action != "gate" && !a.gateOnly(l) })
	a.notBuilt(t)
	t.Logf("matrix: %d routes, %d personas, %d cells, unexpected = %d", len(a.rows), len(a.w.people), a.cells.Load(), a.unexpected.Load())
}

func newAttack(t *testing.T) *attack {
	t.Helper()
	a := &attack{w: newWorld(t), expect: readExpectations(t), owed: map[string][]string{}}
	a.rows = a.w.routes()
	a.found = a.w.gather(a.rows)
	a.log = a.w.entries(0)
	a.w.from = a.w.Log.Size()
	m := regexp.MustCompile(`/assets/[^"]+`).Find(a.found["mother"].pages["/"].Body)
	a.asset = string(m)
	for _, r := range a.rows {
		if !a.expect.names(r.Action, routeName(r)) {
			t.Errorf("%s %s: no line of expect.tsv speaks of %s; write who may do it", r.Method, r.Path, r.Action)
		}
	}
	return a
}

// alive fails when somebody ended the session of somebody else.
func (a *attack) alive(t *testing.T) {
	t.Helper()
	for _, story := range []string{"daughter", "teen"} { // they themselves end nothing
		h := a.found[story]
		if got := h.fresh.Get(t, "/security"); got.Status != http.StatusOK {
			t.Errorf("the session of %s was ended by another: %d", story, got.Status)
		}
	}
}

// gateOnly reports whether a line is about an action or a person that no route has.
func (a *attack) gateOnly(l *line) bool {
	if l.action != "*" && !slices.ContainsFunc(a.rows, func(r app.RouteRow) bool { return r.Action == l.action }) {
		return true
	}
	return !slices.ContainsFunc(a.w.people, func(p *persona) bool {
		return slices.ContainsFunc(l.personas, func(s string) bool { return glob(s, p.name) })
	})
}

// notBuilt prints the doors that the file says are missing.
func (a *attack) notBuilt(t *testing.T) {
	n := 0
	for _, l := range a.expect.lines {
		if l.answer != "NOT-BUILT" {
			continue
		}
		n++
		door := strings.TrimSuffix(l.route, " *")
		t.Logf("NOT BUILT: %s (%s)", door, l.action)
		if slices.ContainsFunc(a.rows, func(r app.RouteRow) bool { return r.Door == door }) {
			t.Errorf("expect.tsv:%d: the door %s is there; say who may use it", l.n, door)
		}
	}
	t.Logf("matrix: %d doors not built", n)
}

func routeName(r app.RouteRow) string { return r.Door + " " + r.Method + " " + r.Path }

// cell attacks one route as one persona, for every owner.
func (a *attack) cell(t *testing.T, p *persona, r app.RouteRow) {
	alike := map[string][]string{}
	for _, target := range a.targets(p, r) {
		got := a.hit(t, p, r, target)
		if want, _ := a.expect.want(p.name, r.Action, target.whose, routeName(r)); want == "not-found" && got.status == http.StatusNotFound {
			kind := "foreign"
			if target.whose == "none" {
				kind = "none"
			}
			alike[kind] = append(alike[kind], plain(got))
		}
	}
	// Whatever is not the persona's own looks like what is not there.
	for _, f := range alike["foreign"] {
		if len(alike["none"]) > 0 && f != alike["none"][0] {
			a.unexpected.Add(1)
			t.Errorf("%s: foreign and nonexistent differ:\n%s\n%s", routeName(r), f, alike["none"][0])
			return
		}
	}
}

// hit sends one request and holds everything that it says against the file.
func (a *attack) hit(t *testing.T, p *persona, r app.RouteRow, at target) answer {
	t.Helper()
	from := a.w.Log.Size()
	want, n := a.expect.want(p.name, r.Action, at.whose, routeName(r))
	got, said, err := a.try(p, r, at)
	a.cells.Add(1)
	wrong := func(format string, args ...any) {
		a.unexpected.Add(1)
		t.Errorf("%s as %s on %s (%s): "+format, append([]any{routeName(r), p.name, at.whose, at.path}, args...)...)
	}
	switch {
	case err != nil:
		wrong("%v", err)
		return got
	case want == "":
		wrong("no line of expect.tsv; it answered %s", said)
		return got
	case said != want:
		wrong("%s (%d), expect.tsv:%d says %s", said, got.status, n, want)
	}
	if r.Door != "demo" {
		if leak := a.w.foreign(p, got.body, append(a.allowedNames(p, r), asked(at)...)...); leak != "" {
			wrong("the answer holds %s", leak)
		}
	}
	if problem := a.logged(p, r, at, said, from); problem != "" {
		wrong("%s", problem)
	}
	return got
}

// asked are the identifiers that the request itself named: an answer may repeat them.
func asked(at target) []string {
	return strings.FieldsFunc(strings.ReplaceAll(at.path, "pat-", "pat-/")+"/"+at.path+"/"+strings.Join(at.form, "/"), func(c rune) bool { return strings.ContainsRune("/?=&", c) })
}

// allowedNames are the names of accounts for those who run them or read the log.
func (a *attack) allowedNames(p *persona, r app.RouteRow) (out []string) {
	// Who looked names everybody who did, and who tried.
	if p.story != "admin" && p.story != "officer" && r.Action != "readAccessLog" {
		return nil
	}
	for _, c := range a.w.cast {
		out = append(out, c.DisplayName)
		out = append(out, strings.Fields(c.DisplayName)...)
		out = append(out, a.w.charts[c.ID].String(), strings.TrimPrefix(a.w.charts[c.ID].String(), "pat-"))
	}
	return out
}

// logged compares the log with what was said: a decision has its entry before its answer.
func (a *attack) logged(p *persona, r app.RouteRow, at target, said string, from int64) string {
	if r.Action == "public" {
		return ""
	}
	if said == "sign-in" {
		a.owe("strangers", routeName(r)+" "+at.path)
	}
	if !p.living {
		return ""
	}
	done, any := 0, false
	for _, e := range a.w.entries(from) {
		if e.Caller.Account != p.account || !p.came(e) || e.Caller.Device == "" {
			continue
		}
		if e.Outcome == audit.Refused {
			continue
		}
		any = any || e.Action != ""
		story := a.storyOf(e)
		if e.Action == standIn(p, r, at) {
			done++
			if story == "" && (e.Action == "readChart" || e.Action == "searchChart") {
				return "the log says that a chart was looked at, and not whose"
			}
		}
		if e.Event == audit.EventRead || e.Event == audit.EventSearch {
			if story != "" && !slices.Contains(a.w.mayRead(p), story) {
				return "the log says that it was let into the chart of " + story
			}
		}
	}
	switch said {
	case "ok":
		if done == 0 && r.Action != "signIn" && !ceremony(r) { // the step-up page shows nothing, nor does the beginning of a ceremony
			return "it was done and the log does not have it"
		}
	case "denied", "not-found", "step-up":
		if !any && !ceremony(r) { // a ceremony is not begun in vain: the gate decides at its end; a thing that is not there is looked for under an own Grant
			a.owe(p.account.String(), routeName(r)+" "+at.path)
		}
	case "method", "media-type", "elsewhere":
		if done != 0 && p.story != "mother" && p.story != "admin" { // those two come twice at once
			return "nothing was looked up, and the log has an entry of it"
		}
	}
	return ""
}

// standIn is the action whose entry shows that the route did what it was asked for: its
// own, but where the gate was asked for something narrower.
func standIn(p *persona, r app.RouteRow, at target) string {
	switch {
	case r.Door == "fhirapi" && at.whose == "shared": // a type of the clinic's: no chart is searched
		return "readShared"
	case routeName(r) == "web GET /admin/waiting" && p.story == "officer": // what waits for an officer
		return "reviewSuspensions"
	case routeName(r) == "web POST /clinic/look-up" && at.whose != "own": // its refusal is owed to the log
		return "listMyPatients"
	}
	return r.Action
}

func (a *attack) storyOf(e audit.Entry) string {
	for story, id := range a.w.charts {
		if e.Patient == id {
			return story
		}
	}
	return ""
}

// try sends the honest request of a route and names what came back.
func (a *attack) try(p *persona, r app.RouteRow, at target) (answer, string, error) {
	got, err := p.wire.send(a.honest(p, r, at))
	if err != nil {
		return got, "", err
	}
	// A choice leads to the page that decides.
	for range 3 {
		to := got.header.Get("Location")
		if got.status != http.StatusSeeOther || r.Method != http.MethodPost || !strings.Contains(to, "?q=") && !strings.HasSuffix(r.Path, "/verify") {
			break
		}
		if got, err = p.get(to); err != nil {
			return got, "", err
		}
	}
	return got, name(r, got), nil
}

// honest is what our own page would send, or a program that keeps to the rules.
func (a *attack) honest(p *persona, r app.RouteRow, at target) ask {
	q := ask{method: r.Method, target: at.path, header: p.headers()}
	if r.Method == http.MethodGet {
		return q
	}
	if r.Door != "fhirapi" {
		q = q.with("Origin", a.w.Origin, "Sec-Fetch-Site", "same-origin")
	}
	if ceremony(r) {
		q.body = "{}"
		return q.with("Content-Type", "application/json", "X-Form-Token", p.form)
	}
	fields, v := at.form, url.Values{}
	if fields == nil {
		fields = a.fields(r.Path)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	if p.form != "" && r.Door != "fhirapi" {
		v.Set("form_token", p.form)
	}
	q.body = v.Encode()
	return q.with("Content-Type", "application/x-www-form-urlencoded")
}

func (a *attack) fields(pattern string) []string {
	if f, ok := forms[pattern]; ok {
		return f
	}
	for _, story := range stories {
		if f := a.found[story].forms[pattern]; f != nil {
			return f
		}
	}
	return nil
}

var flashed = regexp.MustCompile(`(?:^|; )__Host-postern-flash=problem\.`)

// name is what an answer says in the words of expect.tsv.
func name(r app.RouteRow, got answer) string {
	switch got.status {
	case http.StatusOK:
		return "ok"
	case http.StatusSeeOther:
		to := got.header.Get("Location")
		switch {
		case strings.HasPrefix(to, "/sign-in") && r.Method == http.MethodGet:
			return "sign-in"
		case strings.HasPrefix(to, "/step-up"):
			return "step-up"
		case slices.ContainsFunc(got.header.Values("Set-Cookie"), flashed.MatchString):
			return "invalid"
		case r.Method == http.MethodGet:
			return "elsewhere"
		}
		return "ok"
	case http.StatusUnauthorized:
		return "sign-in"
	case http.StatusForbidden:
		if bytes.Contains(got.body, []byte("error.step-up")) {
			return "step-up"
		}
		return "denied"
	case http.StatusNotFound:
		return "not-found"
	case http.StatusMethodNotAllowed:
		return "method"
	case http.StatusUnsupportedMediaType:
		return "media-type"
	case http.StatusBadRequest:
		return "invalid"
	case http.StatusConflict:
		return "conflict"
	}
	return fmt.Sprintf("status %d", got.status)
}

// ending is a cell of a route that ends sessions, in a session of its own.
func (a *attack) ending(t *testing.T, p *persona, path string) {
	t.Helper()
	i := slices.IndexFunc(a.rows, func(r app.RouteRow) bool { return r.Path == path && r.Method == http.MethodPost })
	r := a.rows[i]
	for _, at := range a.targets(p, r) {
		b := a.w.Enter(t, p.story)
		fresh := *p
		fresh.cookie, fresh.form, fresh.wire = b.Cookies[cookieName], b.Token, &wire{address: p.wire.address, host: p.wire.host}
		a.hit(t, &fresh, r, at)
		fresh.wire.close()
	}
}

var differing = []*regexp.Regexp{
	regexp.MustCompile(`<span class="request">.*?</span>`), regexp.MustCompile(`<b class="mono">.*?</b>`),
	regexp.MustCompile(`"request":"[a-z2-7]+"`), regexp.MustCompile(`nonce-[A-Za-z0-9_-]{22}`), regexp.MustCompile(`nonce="[A-Za-z0-9_-]{22}"`),
}

// plain is everything that an answer tells, without what differs on purpose: request
// id, nonce and date.
func plain(got answer) string {
	head := got.header.Clone()
	head.Del("Date")
	body := got.body
	if id := head.Get("X-Request-Id"); id != "" {
		body = bytes.ReplaceAll(body, []byte(id), []byte("ID"))
		head.Del("X-Request-Id")
	}
	var lines []string
	for name, values := range head {
		lines = append(lines, name+": "+strings.Join(values, "\n"))
	}
	slices.Sort(lines)
	out := fmt.Sprintf("%d\n%s\n\n%s", got.status, strings.Join(lines, "\n"), body)
	for _, d := range differing {
		out = d.ReplaceAllString(out, "")
	}
	return out
}
