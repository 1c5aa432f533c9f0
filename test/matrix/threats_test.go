package matrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// Portals that were certified leaked because one endpoint forgot its check. Each case
// is named after what went wrong elsewhere.

func TestThreats(t *testing.T) {
	a := newAttack(t)
	for name, test := range map[string]func(*testing.T, *attack){
		"SequentialIdentifiers":         sequentialIdentifiers,
		"NoEndpointForgetsWhoAsks":      noEndpointForgetsWhoAsks,
		"NoTypeForgetsTheCompartment":   noTypeForgetsTheCompartment,
		"SearchesOfOthersAnswerNothing": searchesOfOthersAnswerNothing,
		"RefusalsHoldNothing":           refusalsHoldNothing,
		"SQLInParameters":               sQLInParameters,
		"MalformedCredentials":          malformedCredentials,
		"NobodyLearnsWhoHasAnAccount":   nobodyLearnsWhoHasAnAccount,
	} {
		t.Run(name, func(t *testing.T) { test(t, a) })
	}
}

// Records were had by counting up their numbers. Ours say nothing of each other: two
// that were made one after the other differ everywhere, and none is a number.
func sequentialIdentifiers(t *testing.T, a *attack) {
	covers.Covers(t, "CH-4")
	p := a.w.of("mother:token")
	got, err := p.get("/fhir/R4/Observation?_count=100")
	must(t, err)
	var b struct {
		Entry []struct{ Resource struct{ ID string } }
	}
	must(t, json.Unmarshal(got.body, &b))
	if len(b.Entry) < 10 {
		t.Fatalf("%d observations", len(b.Entry))
	}
	random := regexp.MustCompile(`^[a-z2-7]{26}$`)
	starts := map[string]int{}
	for _, e := range b.Entry {
		if !random.MatchString(e.Resource.ID) {
			t.Errorf("an identifier is %q", e.Resource.ID)
		}
		starts[e.Resource.ID[:2]]++
	}
	for start, n := range starts {
		if n > len(b.Entry)/3 {
			t.Errorf("%d of %d identifiers begin with %s", n, len(b.Entry), start)
		}
	}
	// The neighbours of an own identifier are nobody's.
	id := b.Entry[0].Resource.ID
	for i := range 12 {
		near := []byte(id)
		near[25-i] = "abcdefghijklmnopqrstuvwxyz234567"[(strings.IndexByte("abcdefghijklmnopqrstuvwxyz234567", near[25-i])+4)%32]
		got, err := p.get("/fhir/R4/Observation/" + string(near))
		must(t, err)
		if got.status != http.StatusNotFound {
			t.Errorf("a neighbour: %d", got.status)
		}
	}
}

// A page of another portal switched all checks off by a flag and trusted one field of
// the session. Here every private route of a door refuses whoever has no session or
// token, and the list of public ones is short and complete.
func noEndpointForgetsWhoAsks(t *testing.T, a *attack) {
	covers.Covers(t, "CH-1", "CH-4")
	public := []string{"/.well-known/security.txt", "/assets/{hash}/{name}", "/enrol", "/enrol/finish", "/enrol/options", "/healthz", "/language", "/sharing",
		"/sign-in", "/sign-in/finish", "/sign-in/options", "/demo", "/demo/enter", "/fhir/R4/metadata"}
	for _, r := range a.rows {
		if (r.Action == "public") != slices.Contains(public, r.Path) {
			t.Errorf("%s %s: its action is %s", r.Method, r.Path, r.Action)
		}
		if r.Action == "public" {
			continue
		}
		for _, who := range []string{"stranger", "forged", "tampered", "forged-token", "mother:expired", "doctor:suspended"} {
			p := a.w.of(who)
			for _, at := range a.few(p, r) {
				if _, said, err := a.try(p, r, at); err != nil || said != "sign-in" {
					t.Errorf("%s as %s: %s %v", routeName(r), who, said, err)
				}
			}
		}
	}
}

// A filter by compartment that a type can forget: every type, by every way of asking,
// gives a patient's token the own chart alone. Two more ways that leaked elsewhere,
// _include and chains, are refused or stay inside.
func noTypeForgetsTheCompartment(t *testing.T, a *attack) {
	covers.Covers(t, "CH-4")
	p := a.w.of("mother:token")
	other := person.PatientResource(a.w.charts["daughter"]).String()
	asked := 0
	for _, typ := range types() {
		for _, q := range []string{"", "?_count=50", "?_include=*", "?_include=" + typ + ":patient", "?_include=" + typ + ":subject", "?_include:iterate=*", "?_revinclude=*", "?_revinclude=Provenance:target", "?_has:Observation:patient:code=x",
			"?patient.name=Salazar", "?subject:Patient.birthdate=gt1900", "?subject=Patient/" + other, "?patient:not=" + other, "?patient:missing=true", "?_id=" + a.found["daughter"].fhir[typ], "?_filter=patient+eq+" + other,
			"?_query=all", "?_contained=both", "?_list=x", "?_text=Salazar", "?_content=Salazar", "?_elements=id&_summary=false", "?patient=" + other + "&patient=" + person.PatientResource(p.chart).String(), "?patient=" + other + "," + person.PatientResource(p.chart).String(),
			"?_source=x", "?_tag=x", "?_type=Patient,Observation", "?_since=1900-01-01", "?identifier=%7C", "?name=a", "?_sort=patient.name", "?_lastUpdated=gt1900-01-01"} {
			got, err := p.get("/fhir/R4/" + typ + q)
			must(t, err)
			asked++
			if leak := a.w.foreign(p, got.body, other, "daughter", a.found["daughter"].fhir[typ]); leak != "" {
				t.Errorf("%s%s: %d with %s", typ, q, got.status, leak)
			}
			if bytes.Contains(got.body, []byte("Patient/"+other)) {
				t.Errorf("%s%s names another patient", typ, q)
			}
		}
		for _, op := range []string{"/$everything", "/_history", "/$graphql", "/$export", "/$lastn"} {
			got, err := p.get("/fhir/R4/" + typ + op)
			must(t, err)
			if leak := a.w.foreign(p, got.body); leak != "" {
				t.Errorf("%s%s: %d with %s", typ, op, got.status, leak)
			}
		}
	}
	for _, path := range []string{"/Patient/" + other + "/$everything", "/Patient/" + other + "/Observation", "/Patient/" + other + "/_history", "/$graphql", "/_history", "/", "", "/$export", "/?_type=Patient"} {
		got, err := p.get("/fhir/R4" + path)
		must(t, err)
		if leak := a.w.foreign(p, got.body, other); leak != "" || got.status == http.StatusOK {
			t.Errorf("%s: %d %s", path, got.status, leak)
		}
	}
	t.Logf("matrix: %d searches stayed in the chart", asked)
}

// A value was found elsewhere by asking yes and no: the answer to a search in another's
// chart is the same whatever the search is for.
func searchesOfOthersAnswerNothing(t *testing.T, a *attack) {
	covers.Covers(t, "CH-4", "CH-13")
	other := person.PatientResource(a.w.charts["chronic"]).String()
	for _, who := range []string{"mother:token", "nurse:token", "locum:token"} {
		first := ""
		for _, q := range []string{"", "&code=4548-4", "&code=9999-9", "&date=gt2000-01-01", "&date=lt1900-01-01", "&_count=1", "&status=final"} {
			got, err := a.w.of(who).get("/fhir/R4/Observation?patient=" + other + q)
			must(t, err)
			if first == "" {
				first = plain(got)
			}
			if plain(got) != first || got.status != http.StatusNotFound {
				t.Errorf("%s: %s answers otherwise:\n%s\n%s", who, q, plain(got), first)
			}
		}
	}
}

// Data stood in a refusal of another portal, below the word Forbidden. A refusal of
// ours is made of constants: what a patient gets who asks for another's thing holds
// nothing but what the same patient gets who asks for nothing.
func refusalsHoldNothing(t *testing.T, a *attack) {
	covers.Covers(t, "CH-13", "CH-4")
	for _, who := range []string{"mother", "doctor", "admin", "officer", "frontdesk", "mother:token", "doctor:token"} {
		p := a.w.of(who)
		for _, r := range a.rows {
			if slices.Contains(endings, r.Path) {
				continue
			}
			for _, at := range a.few(p, r) {
				got, said, err := a.try(p, r, at)
				must(t, err)
				if said != "denied" && said != "not-found" {
					continue
				}
				for story, texts := range a.w.markers {
					if story == p.story {
						continue // the own name stands over every page
					}
					for _, s := range texts {
						if !slices.Contains(asked(at), s) && bytes.Contains(got.body, []byte(s)) {
							t.Errorf("%s as %s: the refusal holds %s of %s", routeName(r), who, s, story)
						}
					}
				}
			}
		}
	}
}

// sealedPage is what leads to the next page, in which any three letters can stand.
var sealedPage = regexp.MustCompile(`_page=[\w-]+`)

// SQL came in by _sort, by a list with commas and by a patient's number. The words of
// such attacks are parameters here, or refused: they never fail inside, nor find more.
func sQLInParameters(t *testing.T, a *attack) {
	covers.Covers(t, "SD-3")
	p, b := a.w.of("mother:token"), a.w.of("mother")
	words := []string{"'", "''", "' OR '1'='1", "1;DROP TABLE chart_row", "1) UNION SELECT * FROM account_row--", "a,(SELECT 1)", "\" OR 1=1 --", "%00", "1/**/OR/**/1", "date,(CASE WHEN 1=1 THEN 1 ELSE 1/0 END)", "x'; SELECT pg_sleep(5)--", "0x27", "$1", "?", "{}", "a' || 'b", "\\'; --"}
	total := func() int {
		got, err := p.get("/fhir/R4/Observation?_count=1000")
		must(t, err)
		return bytes.Count(got.body, []byte(`"resourceType"`))
	}
	before := total()
	for _, w := range words {
		q := url.QueryEscape(w)
		for _, name := range []string{"_sort", "_id", "patient", "code", "date", "_count", "status", "category", "_lastUpdated", "cursor", "_page"} {
			got, err := p.get("/fhir/R4/Observation?" + name + "=" + q)
			must(t, err)
			if got.status >= 500 || bytes.Contains(bytes.ToLower(sealedPage.ReplaceAll(got.body, nil)), []byte("sql")) || bytes.Contains(got.body, []byte("syntax error")) {
				t.Errorf("%s=%s: %d %s", name, w, got.status, got.body)
			}
			if leak := a.w.foreign(p, got.body); leak != "" {
				t.Errorf("%s=%s: %s", name, w, leak)
			}
		}
		for _, path := range []string{"/results/" + url.PathEscape(w), "/access-log?before=" + q, "/access-log/" + url.PathEscape(w) + "/proof", "/admin?after=" + q, "/clinic/" + url.PathEscape(w), "/results?q=" + q} {
			got, err := b.get(path)
			must(t, err)
			if got.status >= 500 {
				t.Errorf("%s: %d", path, got.status)
			}
		}
	}
	if after := total(); after != before {
		t.Errorf("%d observations became %d", before, after)
	}
}

// A header of a proxy, a malformed cookie or a doubled one let people in elsewhere.
func malformedCredentials(t *testing.T, a *attack) {
	covers.Covers(t, "CH-4", "SD-3")
	good, token := a.w.of("mother").cookie, a.w.of("mother:token").token
	stranger := a.w.of("stranger")
	for _, h := range [][]string{
		{"Cookie", cookieName + "="}, {"Cookie", cookieName}, {"Cookie", cookieName + "=" + good + "x"}, {"Cookie", cookieName + "=\"" + good[:10] + "\""}, {"Cookie", cookieName + "=" + strings.ToUpper(good)},
		{"Cookie", "postern=" + good}, {"Cookie", "__host-postern=" + good}, {"Cookie", cookieName + "x=" + good}, {"Cookie", cookieName + "=" + good[:len(good)-1]}, {"Cookie", cookieName + "=null"}, {"Cookie", cookieName + "=%00"},
		{"Cookie", cookieName + "=" + strings.Repeat("A", 5000)}, {"Cookie", cookieName + "=x; " + cookieName + "=" + good}, {"X-Remote-User", "mother"}, {"X-Forwarded-User", "mother"}, {"X-Auth-Request-Email", "m@example.org"}, {"Remote-User", "admin"},
		{"X-Forwarded-For", "127.0.0.1"}, {"X-Real-IP", "127.0.0.1"}, {"Authorization", "Bearer " + token}, {"Authorization", "Basic YWRtaW46YWRtaW4="}, {"X-Client-Cert", "CN=admin"}} {
		got, err := stranger.wire.send(ask{method: "GET", target: "/security", header: h})
		must(t, err)
		if got.status == http.StatusOK {
			t.Errorf("%.60q opens a page", h)
		}
	}
	for _, h := range [][]string{
		{"Authorization", token}, {"Authorization", "Bearer"}, {"Authorization", "Bearer "}, {"Authorization", "Bearer " + token + " x"}, {"Authorization", "Basic " + token}, {"Authorization", "Bearer " + token[:len(token)-1]}, {"Authorization", "Bearer null"},
		{"Authorization", "Bearer x, Bearer " + token}, {"Authorization", "Token " + token}, {"X-Authorization", "Bearer " + token}, {"X-Api-Key", token}, {"Cookie", "access_token=" + token}, {"Cookie", cookieName + "=" + good}, {"Authorization", "Bearer x", "Authorization", "Bearer " + token}} {
		got, err := stranger.wire.send(ask{method: "GET", target: "/fhir/R4/Observation", header: h})
		must(t, err)
		if got.status == http.StatusOK {
			t.Errorf("%.60q opens the API", h)
		}
	}
	for _, path := range []string{"/fhir/R4/Observation?access_token=" + token, "/fhir/R4/Observation?token=" + token, "/security?session=" + good} {
		got, err := stranger.wire.send(ask{method: "GET", target: path})
		must(t, err)
		if got.status == http.StatusOK {
			t.Errorf("%.40s: a credential in the address opens it", path)
		}
	}
}

// A parameter of a request kept a session alive elsewhere. The clock is the server's:
// nothing that a client sends gives a session more time, and its end ends everything.
func TestSessionsEndByTheServersClock(t *testing.T) {
	covers.Covers(t, "HC-6c", "CH-4")
	w := newWorld(t)
	p := w.of("elder")
	for range 20 { // used every quarter of an hour, but never longer than a day's limit
		w.ahead.Add(int64(14 * time.Minute))
		got, err := p.get("/security?skip_timeout_reset=1&keepalive=1")
		must(t, err)
		if got.status != http.StatusOK {
			t.Fatalf("a session in use ended: %d", got.status)
		}
	}
	w.ahead.Add(int64(16 * time.Minute))
	for _, path := range []string{"/security?skip_timeout_reset=1", "/results", "/?keepalive=1"} {
		got, err := p.wire.send(ask{method: "GET", target: path, header: p.headers()}.with("X-Keep-Alive", "1", "Keep-Alive", "timeout=99999"))
		must(t, err)
		if got.status != http.StatusSeeOther {
			t.Errorf("%s after the pause: %d", path, got.status)
		}
	}
	token := w.of("elder:token")
	if got, err := token.get("/fhir/R4/Observation"); err != nil || got.status != http.StatusUnauthorized {
		t.Errorf("a token outlived its hour: %d %v", got.status, err)
	}
	from := w.Log.Size()
	if got, err := w.of("teen:ended").get("/results"); err != nil || got.status != http.StatusSeeOther {
		t.Errorf("an ended session: %d %v", got.status, err)
	}
	for _, e := range w.entries(from) {
		if e.Outcome == audit.Success {
			t.Errorf("an ended session was let in: %s", e.Action)
		}
	}
}

// "No such user" told elsewhere who has an account. Whoever may not come in hears one
// sentence, with an account or without.
func nobodyLearnsWhoHasAnAccount(t *testing.T, a *attack) {
	covers.Covers(t, "CH-13", "AC-4")
	stranger := a.w.of("stranger")
	link := func(account string) string {
		q := a.honest(stranger, app.RouteRow{Method: "POST", Path: "/enrol/options", Door: "web"}, target{"-", "/enrol/options", nil})
		q.body = fmt.Sprintf(`{"link":%q}`, account+"."+strings.Repeat("A", 43))
		got, err := stranger.wire.send(q)
		must(t, err)
		return plain(got)
	}
	known, unknown := link(a.w.accountOf("mother").String()), link("acc-"+absent)
	if known != unknown {
		t.Errorf("a link for an account and one for none differ:\n%s\n%s", known, unknown)
	}
	// Options to sign in are the same for everybody: they name no credential.
	got, err := stranger.wire.send(a.honest(stranger, app.RouteRow{Method: "POST", Path: "/sign-in/options", Door: "web"}, target{"-", "/sign-in/options", nil}))
	must(t, err)
	if bytes.Contains(got.body, []byte("allowCredentials\":[{")) {
		t.Errorf("the options name credentials: %s", got.body)
	}
	// The administrator's own questions about accounts that there are not are answered to administrators alone.
	for _, who := range []string{"mother", "doctor", "officer", "frontdesk"} {
		p := a.w.of(who)
		for _, r := range a.rows {
			if !strings.HasPrefix(r.Path, "/admin/accounts/{id}/") {
				continue
			}
			seen := map[string]string{}
			for _, at := range a.targets(p, r) {
				got, _, err := a.try(p, r, at)
				must(t, err)
				seen[at.whose] = plain(got)
			}
			if seen["other"] != seen["none"] {
				t.Errorf("%s as %s tells an account from none", routeName(r), who)
			}
		}
	}
}
