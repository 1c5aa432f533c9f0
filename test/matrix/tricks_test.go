package matrix

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// The tricks: one server for all of them, because each leaves it as it was.
func TestTricks(t *testing.T) {
	a := newAttack(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *attack)
	}{
		{"Methods", methods},
		{"ContentTypes", contentTypes},
		{"PathTricks", pathTricks},
		{"IdentifiersElsewhere", identifiersElsewhere},
		{"CursorsOfOthers", cursorsOfOthers},
		{"FormsOfOthers", formsOfOthers},
		{"ReadsChangeNothing", readsChangeNothing},
	} {
		a.cells.Store(0)
		t.Run(c.name, func(t *testing.T) { c.test(t, a) })
	}
}

// tricksters are who tries the tricks: one of each kind, not everybody.
var tricksters = []string{"stranger", "mother", "doctor", "admin", "officer", "mother:token", "doctor:token"}

// attempt is one request of a sweep, and what may come back.
type attempt struct {
	what string
	ask  ask
	r    app.RouteRow
	at   target
	may  []string
}

// sweep sends what attempts makes of each route and place, as those named.
func (a *attack) sweep(t *testing.T, as []string, attempts func(p *persona, r app.RouteRow, at target) []attempt) {
	t.Helper()
	t.Run("by", func(t *testing.T) {
		for _, name := range as {
			p := a.w.of(name)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, r := range a.rows {
					for _, at := range a.few(p, r) {
						for _, x := range attempts(p, r, at) {
							a.attempt(t, p, x)
						}
					}
				}
			})
		}
	})
	t.Logf("matrix: %s: %d cells, unexpected = %d", t.Name(), a.cells.Load(), a.unexpected.Load())
}

// few is one place of each owner: the sweep over all types is TestEveryRouteByEverybody.
func (a *attack) few(p *persona, r app.RouteRow) (out []target) {
	for _, at := range a.targets(p, r) {
		if !slices.ContainsFunc(out, func(o target) bool { return o.whose == at.whose }) {
			out = append(out, at)
		}
	}
	return out
}

func (a *attack) attempt(t *testing.T, p *persona, x attempt) {
	t.Helper()
	from := a.w.Log.Size()
	got, err := p.wire.send(x.ask)
	a.cells.Add(1)
	wrong := func(format string, args ...any) {
		a.unexpected.Add(1)
		t.Errorf("%s: %s %s as %s: "+format, append([]any{x.what, x.ask.method, x.ask.target, p.name}, args...)...)
	}
	if err != nil {
		wrong("%v", err)
		return
	}
	said := name(x.r, got)
	if !slices.Contains(x.may, said) {
		wrong("%s (%d), want one of %v", said, got.status, x.may)
	}
	if x.r.Door != "demo" {
		if leak := a.w.foreign(p, got.body, append(a.allowedNames(p, x.r), asked(x.at)...)...); leak != "" {
			wrong("the answer holds %s", leak)
		}
	}
	for name, values := range got.header {
		if strings.Contains(strings.Join(values, " "), "evil.example") {
			wrong("%s: %s", name, values)
		}
	}
	if bytes.Contains(got.body, []byte("evil.example")) {
		wrong("the answer repeats what the request said of its origin")
	}
	if slices.Contains([]string{"method", "media-type", "invalid"}, said) {
		for _, e := range a.w.entries(from) {
			if e.Outcome == audit.Success && e.Caller.Account == p.account && p.came(e) && e.Caller.Device != "" && !p.account.IsZero() && said != "invalid" {
				wrong("nothing was done, and the log has an entry of %s", e.Action)
			}
		}
	}
}

// plainly is what the route answers without a trick.
func (a *attack) plainly(p *persona, r app.RouteRow, at target) string {
	got, err := p.wire.send(a.honest(p, r, at))
	if err != nil {
		return err.Error()
	}
	return name(r, got)
}

// takes reports whether the door takes the method at this path, perhaps by another pattern.
func (a *attack) takes(door, method, path string) bool {
	path, _, _ = strings.Cut(path, "?")
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return slices.ContainsFunc(a.rows, func(r app.RouteRow) bool {
		return r.Method == method && fits(r.Path, path)
	})
}

// Every method but those of the route is refused, before anything is looked up, and no
// header or field turns one method into another.
func methods(t *testing.T, a *attack) {
	covers.Covers(t, "SD-3", "CH-4")
	odd := []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "MOVE", "get", "GETX", "HEAD", "POST", "GET"}
	a.sweep(t, []string{"stranger", "mother", "admin", "mother:token"}, func(p *persona, r app.RouteRow, at target) (out []attempt) {
		for _, m := range odd {
			if a.takes(r.Door, m, at.path) {
				continue
			}
			out = append(out, attempt{"method", ask{method: m, target: at.path, header: p.headers()}.with("Origin", a.w.Origin, "Sec-Fetch-Site", "same-origin", "X-Form-Token", p.form), r, at, []string{"method"}})
		}
		if r.Method != http.MethodGet || strings.Contains(at.path, "?") {
			return out
		}
		plain := a.plainly(p, r, at)
		out = append(out, attempt{"HEAD", ask{method: "HEAD", target: at.path, header: p.headers()}, r, at, []string{plain}})
		for _, h := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
			for _, m := range []string{"POST", "DELETE", "PUT"} {
				out = append(out, attempt{h, ask{method: "GET", target: at.path, header: p.headers()}.with(h, m), r, at, []string{plain}})
			}
		}
		may := []string{plain}
		if r.Door == "fhirapi" {
			may = []string{"invalid", "sign-in"}
		}
		if strings.HasSuffix(r.Path, "/metadata") {
			may = append(may, "ok")
		}
		return append(out, attempt{"_method", ask{method: "GET", target: at.path + "?_method=DELETE", header: p.headers()}, r, at, may})
	})
}

// A body of another type than the declared one is not read.
func contentTypes(t *testing.T, a *attack) {
	covers.Covers(t, "SD-3")
	a.sweep(t, tricksters, func(p *persona, r app.RouteRow, at target) (out []attempt) {
		if r.Method != http.MethodPost || slices.Contains(endings, r.Path) {
			return nil
		}
		honest := a.honest(p, r, at)
		may := []string{"media-type", "sign-in"}
		bodies := map[string]string{
			"application/json": `{"patient":"x"}`, "text/plain": honest.body, "multipart/form-data; boundary=x": "--x\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n" + p.form + "\r\n--x--\r\n",
			"application/xml": "<a/>", "text/html": honest.body, "": honest.body, "application/fhir+json": `{"resourceType":"Parameters"}`,
			"application/x-www-form-urlencodedx": honest.body, "application/x-www-form-urlencoded, application/json": honest.body, "*/*": honest.body, "application/x-www-form-urlencoded; charset": honest.body,
		}
		if ceremony(r) {
			delete(bodies, "application/json")
			bodies["application/x-www-form-urlencoded"] = "a=b"
		}
		for kind, body := range bodies {
			q := retyped(honest, kind)
			q.body = body
			out = append(out, attempt{"type " + kind, q, r, at, may})
		}
		// The right type with a body of another one.
		for _, body := range []string{`{"patient":"` + absent + `"}`, "<a/>", "\x00\xff", "a=b&a=c", "unknown=1"} {
			q := honest
			q.body = body
			out = append(out, attempt{"body " + fmt.Sprintf("%q", body), q, r, at, []string{"invalid", "sign-in", "denied", "step-up"}})
		}
		return out
	})
}

func retyped(q ask, kind string) ask {
	var header []string
	for i := 0; i < len(q.header); i += 2 {
		if q.header[i] != "Content-Type" {
			header = append(header, q.header[i], q.header[i+1])
		}
	}
	q.header = header
	if kind != "" {
		q = q.with("Content-Type", kind)
	}
	return q
}

// A path is right or it is not there: nothing is cleaned, decoded twice or cut off.
func pathTricks(t *testing.T, a *attack) {
	covers.Covers(t, "SD-3", "CH-4")
	a.sweep(t, []string{"stranger", "mother", "mother:token"}, func(p *persona, r app.RouteRow, at target) (out []attempt) {
		path, query, asked := strings.Cut(at.path, "?")
		if r.Method != http.MethodGet || asked && query == "" {
			return nil
		}
		for _, trick := range crooked(path) {
			may := []string{"not-found", "invalid", "method"}
			if r.Door == "fhirapi" {
				may = append(may, "sign-in") // an odd identifier is asked about only after the token
			}
			if strings.Contains(r.Path, "{") || match(a.rows, http.MethodGet, trick) != "" {
				may = append(may, "sign-in", "elsewhere", "denied") // an odd identifier is nobody's
			}
			out = append(out, attempt{"path", ask{method: "GET", target: trick, header: p.headers()}, r, at, may})
		}
		return out
	})
}

// crooked are paths that somebody might take for path.
func crooked(path string) []string {
	last := strings.LastIndexByte(path, '/')
	out := []string{path + ".css", path + ".json", "/" + path, "/." + path, path + "/.", path + "/..", "/x/.." + path, "/x/%2e%2e" + path, "/%2e" + path,
		path + ";x", path + ";jsessionid=1", path + "%3bx", path + ".", path + "%00", path + "%00.css", path + "%20", path + "%0a", path + "%09",
		path[:last] + "%2f" + path[last+1:], path[:last] + "%252f" + path[last+1:], path[:last] + "/%2e/" + path[last+1:], path[:last] + "\\" + path[last+1:], path[:last] + "%5c" + path[last+1:],
		path + "%ff", path + "%c0%af", path + "%e2%80%ae", path + "/css", path + "%23"}
	if path != "/" {
		out = append(out, path+"/", path+"//", path[:last+1]+fmt.Sprintf("%%%02x", path[last+1])+path[last+2:])
		if up := strings.ToUpper(path); up != path {
			out = append(out, up, path[:1]+strings.ToUpper(path[1:2])+path[2:])
		}
	}
	return out
}

// Who asks for what is said by the session or token and by the path, and by nothing
// else that a request can carry.
func identifiersElsewhere(t *testing.T, a *attack) {
	covers.Covers(t, "CH-4", "SD-3")
	other := a.w.charts["daughter"].String()
	account := a.w.accountOf("daughter").String()
	resource := person.PatientResource(a.w.charts["daughter"]).String()
	headers := [][]string{{"X-Patient", other}, {"X-Patient-Id", resource}, {"X-User", "admin"}, {"X-Account", account}, {"X-Forwarded-User", "officer"},
		{"X-Original-URL", "/admin"}, {"X-Rewrite-URL", "/officer"}, {"X-Forwarded-Host", "evil.example"}, {"X-Forwarded-Proto", "http"}, {"X-Forwarded-Prefix", "//evil.example"},
		{"Forwarded", "for=127.0.0.1;host=evil.example"}, {"X-Forwarded-For", "127.0.0.1"}, {"X-Role", "compliance"}, {"X-HTTP-Path-Override", "/admin"},
		{"Referer", "https://evil.example/"}, {"X-Purpose", "TREAT"}, {"Cookie", "__Host-postern-x=" + account + "; patient=" + other}}
	queries := []string{"patient=" + other, "patient=" + resource, "id=" + resource, "account=" + account, "chart=" + other, "user=admin", "role=compliance", "as_user=" + account, "subject=Patient/" + resource, "on_behalf=" + other, "skip_timeout_reset=1", "debug=1"}
	a.sweep(t, []string{"mother", "doctor", "mother:token"}, func(p *persona, r app.RouteRow, at target) (out []attempt) {
		if r.Method == http.MethodPost {
			if ceremony(r) || slices.Contains(endings, r.Path) {
				return nil
			}
			for _, field := range []string{"patient_id=" + other, "account=" + account, "_method=DELETE", "role_id=compliance", "patient=" + other + "&patient=" + other} {
				q := a.honest(p, r, at)
				q.body += "&" + field
				out = append(out, attempt{"field " + field, q, r, at, []string{"invalid", "sign-in"}})
			}
			return out
		}
		plain := a.plainly(p, r, at)
		for _, h := range headers {
			out = append(out, attempt{"header " + h[0], ask{method: "GET", target: at.path, header: p.headers()}.with(h...), r, at, []string{plain}})
		}
		if r.Door == "fhirapi" || strings.Contains(at.path, "?") {
			return out
		}
		for _, q := range queries {
			out = append(out, attempt{"query " + q, ask{method: "GET", target: at.path + "?" + q, header: p.headers()}, r, at, []string{plain}})
		}
		return out
	})
}

// What one session or token was given to come back with opens nothing in another.
func cursorsOfOthers(t *testing.T, a *attack) {
	covers.Covers(t, "CH-4")
	daughter, officer := a.w.enter("daughter:elsewhere", "daughter"), a.w.enter("officer:elsewhere", "officer")
	addresses := 0
	for _, r := range a.rows {
		if r.Method != http.MethodPost || r.Door != "web" || strings.Contains(r.Path, "{") || r.Action == "signOut" || r.Action == "endSession" { // which would end who tries
			continue
		}
		for _, owner := range []*persona{daughter, officer} {
			got, err := owner.wire.send(a.honest(owner, r, target{"-", r.Path, nil}))
			must(t, err)
			to := got.header.Get("Location")
			if !strings.Contains(to, "?q=") {
				continue
			}
			addresses++
			for _, thief := range []string{"mother", "doctor", "admin", "officer", "frontdesk", "stranger"} {
				p := a.w.of(thief)
				if p == owner {
					continue
				}
				got, err := p.get(to)
				must(t, err)
				if leak := a.w.foreign(p, got.body); got.status == http.StatusOK || leak != "" {
					t.Errorf("%s of %s as %s: %d %s", to, owner.name, thief, got.status, leak)
				}
			}
			break
		}
	}
	token := a.w.withToken("daughter:token", "daughter")
	next := a.links(t, token, "/fhir/R4/Observation?_count=2")
	for _, to := range next {
		for _, thief := range []string{"mother:token", "doctor:token", "mother:expired-token"} {
			p := a.w.of(thief)
			got, err := p.get(to)
			must(t, err)
			if leak := a.w.foreign(p, got.body); got.status == http.StatusOK || leak != "" {
				t.Errorf("a page link of another as %s: %d %s", thief, got.status, leak)
			}
		}
	}
	t.Logf("matrix: %d sealed addresses of pages and %d page links of programs tried", addresses, len(next))
	// Links that look otherwise one day must not leave this test with nothing to try.
	if addresses < 2 || len(next) < 2 {
		t.Errorf("only %d addresses and %d links were tried", addresses, len(next))
	}
}

// links are the paths of the self and next links of a search.
func (a *attack) links(t *testing.T, p *persona, path string) (out []string) {
	t.Helper()
	got, err := p.get(path)
	must(t, err)
	var b struct {
		Link []struct{ Relation, URL string }
	}
	must(t, json.Unmarshal(got.body, &b))
	for _, l := range b.Link {
		u, err := url.Parse(l.URL)
		must(t, err)
		if strings.Contains(l.URL, records.PageParam+"=") {
			out = append(out, u.RequestURI())
		}
	}
	return out
}

// A form counts only when a page of ours in the same session sent it.
func formsOfOthers(t *testing.T, a *attack) {
	covers.Covers(t, "SD-5", "CH-4")
	elder := a.w.of("elder").form
	a.sweep(t, tricksters, func(p *persona, r app.RouteRow, at target) (out []attempt) {
		if r.Method != http.MethodPost || r.Door == "fhirapi" {
			return nil
		}
		honest := a.honest(p, r, at)
		kind := "application/x-www-form-urlencoded"
		if ceremony(r) {
			kind = "application/json"
		}
		base := ask{method: "POST", target: at.path, header: p.headers(), body: honest.body}.with("Content-Type", kind)
		for what, h := range map[string][]string{
			"no origin": {}, "another origin": {"Origin", "https://evil.example"}, "null origin": {"Origin", "null"}, "cross-site": {"Sec-Fetch-Site", "cross-site"},
			"same-site": {"Sec-Fetch-Site", "same-site", "Origin", a.w.Origin}, "two origins": {"Origin", a.w.Origin, "Origin", "https://evil.example"},
			"other port": {"Origin", a.w.Origin + "0"}, "none": {"Sec-Fetch-Site", "none"}, "suffix": {"Origin", a.w.Origin + ".evil.example"}} {
			out = append(out, attempt{what, base.with(append(h, "X-Form-Token", p.form)...), r, at, []string{"denied"}})
		}
		if p.form == "" || r.Action == "public" && r.Path != "/language" {
			return out // the request proves itself, or nobody has signed in
		}
		good := []string{"Origin", a.w.Origin, "Sec-Fetch-Site", "same-origin"}
		for what, token := range map[string]string{"no token": "", "token of another": elder, "token cut": p.form[:len(p.form)-1]} {
			q := base.with(good...)
			q.body = strings.ReplaceAll(honest.body, url.QueryEscape(p.form), token)
			out = append(out, attempt{what, q.with("X-Form-Token", token), r, at, []string{"denied"}})
		}
		return out
	})
}

// GET and HEAD change nothing: no row of any table but the log's is another after
// everybody has asked for everything.
func readsChangeNothing(t *testing.T, a *attack) {
	covers.Covers(t, "SD-3", "SD-5")
	hand := dbtest.RawConfig(t, db.Config{Path: filepath.Join(a.w.Dir, "postern.db")})
	before := state(t, hand)
	n := 0
	for _, p := range a.w.people {
		for _, r := range a.rows {
			if r.Method != http.MethodGet {
				continue
			}
			for _, at := range a.few(p, r) {
				for _, m := range []string{"GET", "HEAD"} {
					if _, err := p.wire.send(ask{method: m, target: at.path, header: p.headers()}); err != nil {
						t.Error(err)
					}
					n++
				}
			}
		}
	}
	after := state(t, hand)
	for table, sum := range before {
		if after[table] != sum && table != "session_row" { // it says when a session was used last
			t.Errorf("reading changed the table %s", table)
		}
	}
	t.Logf("matrix: %d reads left %d tables as they were", n, len(before))
	if len(before) < 10 {
		t.Errorf("only %d tables were compared", len(before))
	}
}

// state is a digest of every table but those of the log.
func state(t *testing.T, hand *dbtest.RawDB) map[string][32]byte {
	t.Helper()
	out := map[string][32]byte{}
	for _, row := range hand.Query(t, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`) {
		table := row[0].(string)
		if strings.HasPrefix(table, "log_") || strings.HasPrefix(table, "sqlite_") {
			continue
		}
		h := sha256.New()
		for _, r := range hand.Query(t, `SELECT * FROM `+table) {
			fmt.Fprintf(h, "%x\n", fmt.Sprint(r...))
		}
		out[table] = [32]byte(h.Sum(nil))
	}
	return out
}
