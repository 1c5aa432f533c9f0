package web_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/door/web"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/route"
	"postern.example/postern/test/covers"
)

var update = flag.Bool("update", false, "write the golden file of routes")

// The list of routes is the table of contents: sorted, complete, and a change of
// it is seen by a reviewer.
func TestRoutesAreTheGoldenOnes(t *testing.T) {
	covers.Covers(t, "CH-1")
	rs := web.Routes()
	if err := route.CheckAll(rs); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, r := range rs {
		var line strings.Builder
		auth := map[route.Auth]string{route.Public: "public", route.Session: "session"}[r.Auth]
		fmt.Fprintf(&line, "%-4s %-36s %-8s %-16s %-10s", r.Method, r.Pattern, auth, r.Action, r.Audit)
		if r.StepUp {
			line.WriteString(" step-up")
		}
		if r.OneTime {
			line.WriteString(" one-time")
		}
		if r.Shared {
			line.WriteString(" shared")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if !slices.IsSortedFunc(rs, func(a, b route.Route) int { return strings.Compare(a.Pattern, b.Pattern) }) {
		t.Error("the table is not sorted by path")
	}
	name := filepath.Join("testdata", "routes.golden")
	if *update {
		if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(golden, b.Bytes()) {
		t.Errorf("routes differ from %s (run with -update and look): %v\n%s", name, err, b.Bytes())
	}
}

// Step-up is decided by the policies alone. A route is marked exactly when they ask
// for it, so that the table of routes tells the truth. The page of an act is not
// marked: it shows, and its ceremony is the proof.
func TestStepUpIsWhatThePoliciesAsk(t *testing.T) {
	covers.Covers(t, "CH-1")
	table, err := os.ReadFile(filepath.Join("..", "..", "trust", "access", "testdata", "truth.golden"))
	if err != nil {
		t.Fatal(err)
	}
	asks := map[string]bool{}
	for line := range strings.Lines(string(table)) {
		action, rest, _ := strings.Cut(line, " ")
		_, verdicts, found := strings.Cut(rest, " production ")
		asks[action] = asks[action] || found && strings.Contains(verdicts[:4], "s")
	}
	if !asks["addAccount"] || asks["readChart"] {
		t.Fatalf("the table of decisions reads otherwise: %v", asks)
	}
	for _, d := range access.Actions() {
		// One person alone is allowed none of these, so the table has no line of them;
		// whoever proposes or confirms one has proved presence.
		asks[string(d.Action)] = asks[string(d.Action)] || d.TwoPerson
	}
	for _, r := range web.Routes() {
		proves := r.Action == "approveAct" && !strings.HasSuffix(r.Pattern, "/decline")
		if r.Auth == route.Session && !proves && r.StepUp != asks[r.Action] {
			t.Errorf("%s %s: marked %v, the policies ask: %v", r.Method, r.Pattern, r.StepUp, asks[r.Action])
		}
	}
}

// concrete is a path that matches a pattern.
func concrete(pattern string) string {
	r := strings.NewReplacer("{id}", "buonwgpz7nesu7gb4anlv6kgza", "{type}", "care-plan", "{patient}", "pat-buonwgpz7nesu7gb4anlv6kgza", "{seq}", "1", "{hash}", "x", "{name}", "y")
	return r.Replace(pattern)
}

// request is an honest request for a route, but for the form token.
func request(r route.Route, token string) *http.Request {
	path := concrete(r.Pattern)
	if r.Method == "GET" {
		return httptest.NewRequest("GET", path, nil)
	}
	if strings.HasSuffix(path, "/options") || strings.HasSuffix(path, "/finish") {
		return jsonRequest(path, token, map[string]any{})
	}
	return formRequest(path, url.Values{"form_token": {token}})
}

// Who has no session gets no further than the sign-in page.
func TestEveryRouteNeedsASessionOrSaysSo(t *testing.T) {
	covers.Covers(t, "CH-1")
	h := lite(t)
	size := h.Log.Size()
	for _, r := range web.Routes() {
		if r.Auth != route.Session {
			continue
		}
		for _, cookie := range []string{"", strings.Repeat("A", 43), "x"} {
			s := h.stranger()
			if cookie != "" {
				s.cookies["__Host-postern"] = cookie
			}
			w := s.send(request(r, ""))
			name := r.Method + " " + r.Pattern
			if r.Method == "GET" {
				goes(t, name, w, "/sign-in")
			} else {
				want(t, name, w, http.StatusUnauthorized)
			}
			if cookie != "" && s.cookies["__Host-postern"] != "" {
				t.Errorf("%s: a cookie that opens nothing was not deleted", name)
			}
		}
		if !slices.Contains(h.refused, r.Method+" "+r.Pattern) {
			t.Errorf("%s: the refusal was not counted", r.Pattern)
		}
	}
	if h.Log.Size() != size {
		t.Error("strangers wrote to the log past the counter")
	}
}

// An unsafe request that another site may have sent, or without the session's
// token, changes nothing.
func TestCrossSiteWritesAreRefused(t *testing.T) {
	covers.Covers(t, "SD-5")
	h := lite(t)
	b := h.account(t, "Ada Finch", nobody, person.RoleAdministrator)
	size := h.Log.Size()
	cases := map[string]func(*http.Request){
		"another site":          func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a sibling of our site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"typed by hand":         func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") },
		"says nothing":          func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Del("Origin") },
		"foreign origin":        func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"null origin":           func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "null") },
		"our host by HTTP":      func(r *http.Request) { r.Header.Set("Origin", "http://portal.clinic.example") },
		"two sites":             func(r *http.Request) { r.Header.Add("Sec-Fetch-Site", "cross-site") },
	}
	for _, r := range web.Routes() {
		if r.Method != "POST" {
			continue
		}
		for what, change := range cases {
			q := request(r, b.token)
			change(q)
			want(t, r.Pattern+" by "+what, b.send(q), http.StatusForbidden)
		}
		if r.OneTime {
			continue
		}
		for _, token := range []string{"", "x", strings.Repeat("A", 43)} {
			want(t, r.Pattern+" with token "+token, b.send(request(r, token)), http.StatusForbidden)
		}
	}
	if h.Log.Size() != size {
		t.Error("a refused write reached a room")
	}
	// A browser that is too old for fetch metadata names our origin.
	q := formRequest("/sign-out", url.Values{"form_token": {b.token}})
	q.Header.Del("Sec-Fetch-Site")
	goes(t, "origin alone", b.send(q), "/sign-in")
}

// A token fits the session that it was made for and no other.
func TestFormTokensAreBoundToTheSession(t *testing.T) {
	covers.Covers(t, "SD-5")
	h := lite(t)
	a := h.account(t, "Ada Finch", nobody, person.RoleAdministrator)
	b := h.account(t, "Bo Marsh", nobody, person.RoleAdministrator)
	want(t, "the other's token", b.send(formRequest("/sign-out", url.Values{"form_token": {a.token}})), http.StatusForbidden, "This form was not used", "Open the page again")
	goes(t, "the own token", a.post("/sign-out"), "/sign-in")
}

// Every answer, whatever went wrong, carries the door's headers.
func TestHeadersOnEveryAnswer(t *testing.T) {
	covers.Covers(t, "CH-11", "SD-4", "AC-8b")
	h := lite(t)
	patient, _ := h.patient(t, "mother")
	officer := h.account(t, "Dalia Rahman", nobody, person.RoleCompliance)
	for _, b := range []*browser{h.stranger(), patient, officer} {
		for _, r := range web.Routes() {
			checkHeaders(t, r.Method+" "+r.Pattern, r, b.send(request(r, b.token)))
			reopen(t, b)
		}
		for _, path := range []string{"/nothing", "/results.css", "/results/", "/results/x/y", "//results", "/..", "/sign-in/", "/assets/x/../y", "/RESULTS"} {
			w := b.send(&http.Request{Method: "GET", URL: &url.URL{Path: path}, Header: http.Header{}})
			want(t, path, w, http.StatusNotFound)
			checkHeaders(t, path, route.Route{}, w)
		}
	}
}

// reopen signs in again what the round over all routes signed out.
func reopen(t *testing.T, b *browser) {
	t.Helper()
	if len(b.device.Passkeys) > 0 && b.cookies["__Host-postern"] == "" {
		b.signIn(t)
	}
}

func checkHeaders(t *testing.T, name string, r route.Route, w *httptest.ResponseRecorder) {
	t.Helper()
	head := w.Header()
	if head.Get("Cache-Control") != "no-store" && !r.Shared {
		t.Errorf("%s: Cache-Control %q", name, head.Get("Cache-Control"))
	}
	for _, c := range w.Result().Cookies() {
		if !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite == 0 || c.SameSite == http.SameSiteNoneMode {
			t.Errorf("%s: cookie %v", name, c)
		}
	}
	if !strings.HasPrefix(head.Get("Content-Type"), "text/html") {
		return
	}
	csp, body := head.Get("Content-Security-Policy"), w.Body.String()
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
		"require-trusted-types-for 'script'", "trusted-types 'none'", "script-src 'self' 'nonce-"} {
		if !strings.Contains(csp, part) {
			t.Errorf("%s: no %s in %q", name, part, csp)
		}
	}
	for _, bad := range []string{"unsafe", "*", "http"} {
		if strings.Contains(csp, bad) {
			t.Errorf("%s: %s in %q", name, bad, csp)
		}
	}
	for _, inline := range []string{"<style", " style=", " onclick=", " onload=", "javascript:", "http://", "https://"} {
		if strings.Contains(body, inline) {
			t.Errorf("%s: %s in the page", name, inline)
		}
	}
	for _, tag := range strings.Split(body, "<script")[1:] {
		if !strings.Contains(tag[:strings.Index(tag, ">")], `nonce="`) || !strings.Contains(tag[:strings.Index(tag, ">")], "src=") {
			t.Errorf("%s: a script without nonce or inline", name)
		}
	}
}

// Two answers never share a nonce.
func TestNoncesAreFresh(t *testing.T) {
	h := lite(t)
	s := h.stranger()
	a, b := s.get("/sign-in").Header().Get("Content-Security-Policy"), s.get("/sign-in").Header().Get("Content-Security-Policy")
	if a == b {
		t.Error("the same policy twice")
	}
}

// Methods: HEAD is GET without its body, anything else is refused by name.
func TestMethods(t *testing.T) {
	h := lite(t)
	s := h.stranger()
	w := s.send(httptest.NewRequest("HEAD", "/sign-in", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" || w.Header().Get("Content-Security-Policy") == "" {
		t.Errorf("HEAD: %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
	for method, allow := range map[string]string{"PUT /results": "GET, HEAD, POST", "DELETE /sign-out": "POST", "GET /sign-out": "POST", "OPTIONS /clinic/x": "GET, HEAD, POST", "TRACE /": "GET, HEAD"} {
		m, path, _ := strings.Cut(method, " ")
		w := s.send(httptest.NewRequest(m, path, nil))
		want(t, method, w, http.StatusMethodNotAllowed)
		if got := w.Header().Get("Allow"); got != allow {
			t.Errorf("%s: Allow %q, want %q", method, got, allow)
		}
	}
}

// Maya mistypes an address, and finds her menu on the page that says so; Samuel finds his.
// A stranger's page is what it was. Whatever the address, the page is the same but for its
// number, no entry is written, and the session is not used by it.
func TestAMissingAddressKeepsTheMenu(t *testing.T) {
	covers.Covers(t, "AC-8b", "HC-6c", "SD-3")
	h := lite(t)
	maya, chart := h.patient(t, "mother")
	samuel := h.account(t, "Samuel Brooks", nobody, person.RoleNurse)
	from := h.Log.Size()
	for who, c := range map[string]struct {
		b    *browser
		menu []string
	}{
		"Maya": {maya, []string{`<body class="patient`, `href="/medications"`, "Maya Tran", `action="/sign-out"`}}, "Samuel": {samuel, []string{`<body class="staff`, `href="/clinic"`, "Samuel Brooks"}},
		"a stranger": {h.stranger(), []string{`<body class="plain`}},
	} {
		pages := map[string]bool{}
		for _, address := range []string{"/nowhere", "/results/" + chart.String() + "/x", "/%61dmin", "/RESULTS", "/clinic/" + chart.String() + "/nothing"} {
			w := c.b.get(address)
			want(t, who+" at "+address, w, http.StatusNotFound, c.menu...)
			if w.Header().Get("Set-Cookie") != "" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s at %s: %v", who, address, w.Header())
			}
			pages[sameEachTime(strings.ReplaceAll(w.Body.String(), w.Body.String()[strings.Index(w.Body.String(), `class="mono">`):][:40], ""))] = true
		}
		want(t, who+" with another method", c.b.send(httptest.NewRequest("DELETE", "/results", nil)), http.StatusMethodNotAllowed, c.menu...)
		if len(pages) != 1 {
			t.Errorf("%s: %d different pages", who, len(pages))
		}
		if who == "a stranger" && regexp.MustCompile(`href="/[a-z-]+"|form-token|sign-out|Maya|Samuel`).MatchString(c.b.last.Body.String()) {
			t.Errorf("a stranger is told:\n%s", c.b.last.Body.String())
		}
	}
	if n := len(h.entries(t, from)); n != 0 {
		t.Errorf("%d entries", n)
	}
	for range 4 { // the idle limit of patients is 15 minutes
		h.Clock.Add(4 * time.Minute)
		maya.get("/nowhere")
	}
	want(t, "her session is over", maya.last, http.StatusNotFound, `<body class="plain`)
	goes(t, "for every page", maya.get("/results"), "/sign-in?next=results&why=session-over")
	want(t, "a body that is none", samuel.send(formRequest("/clinic/look-up", url.Values{"knows": {"x"}})), http.StatusBadRequest, `<body class="plain`)
	samuel.signIn(t)
	want(t, "a form that is none", samuel.send(formRequest("/clinic/look-up", url.Values{"knows": {"x"}})), http.StatusBadRequest, `<body class="staff`)
}

// Bodies are bounded, of the declared type, and hold declared fields alone.
func TestBodiesAreStrict(t *testing.T) {
	covers.Covers(t, "SD-3")
	h := lite(t)
	b := h.account(t, "Ada Finch", nobody, person.RoleAdministrator)
	good := url.Values{"form_token": {b.token}, "name": {"Bo"}, "role": {"nurse"}}
	cases := []struct {
		what   string
		status int
		make   func() *http.Request
	}{
		{"too large", 413, func() *http.Request {
			return formRequest("/admin/accounts", url.Values{"name": {strings.Repeat("x", 9<<10)}})
		}},
		{"unknown field", 400, func() *http.Request { return formRequest("/admin/accounts", with(good, "admin", "yes")) }},
		{"repeated field", 400, func() *http.Request { return formRequest("/admin/accounts", with(good, "role", "administrator")) }},
		{"not text", 400, func() *http.Request { return formRequest("/admin/accounts", url.Values{"name": {"\xff"}}) }},
		{"bad escape", 400, func() *http.Request { return raw("/admin/accounts", "application/x-www-form-urlencoded", "name=%zz") }},
		{"no type", 415, func() *http.Request { return raw("/admin/accounts", "", "name=Bo") }},
		{"JSON in a form", 415, func() *http.Request { return raw("/admin/accounts", "application/json", "{}") }},
		{"multipart", 415, func() *http.Request { return raw("/admin/accounts", "multipart/form-data; boundary=x", "") }},
		{"text as JSON", 415, func() *http.Request { return raw("/step-up/finish", "text/plain", "{}") }},
		{"broken JSON", 400, func() *http.Request { return raw("/step-up/finish", "application/json", "{") }},
		{"two values", 400, func() *http.Request { return raw("/step-up/finish", "application/json", "{}{}") }},
		{"unknown member", 400, func() *http.Request { return raw("/step-up/finish", "application/json", `{"role":"x"}`) }},
		{"no answer", 400, func() *http.Request {
			r := raw("/step-up/finish", "application/json", `{"state":"x"}`)
			r.Header.Set("X-Form-Token", b.token)
			return r
		}},
		{"large JSON", 413, func() *http.Request {
			return raw("/step-up/finish", "application/json", `{"name":"`+strings.Repeat("x", 100<<10)+`"}`)
		}},
	}
	for _, c := range cases {
		want(t, c.what, b.send(c.make()), c.status)
	}
}

func with(v url.Values, name, value string) url.Values {
	out := url.Values{}
	for k, list := range v {
		out[k] = slices.Clone(list)
	}
	out.Add(name, value)
	return out
}

func raw(path, mediaType, body string) *http.Request {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	return r
}

// What is the same for everybody needs nothing and may be kept where it says so.
func TestPublicFiles(t *testing.T) {
	covers.Covers(t, "B-24")
	h := lite(t)
	s := h.stranger()
	want(t, "health", s.get("/healthz"), http.StatusOK, "ok\n")
	want(t, "security.txt", s.get("/.well-known/security.txt"), http.StatusOK, "Contact: mailto:security@clinic.example\n",
		"Expires: 2027-05-22T16:00:00Z\n", "Canonical: "+origin+"/.well-known/security.txt\n", "Preferred-Languages: en, es\n", "Policy: https://")
	if got := s.last.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("security.txt is %s", got)
	}
	page := s.get("/sign-in").Body.String()
	_, path, _ := strings.Cut(page, `<link rel="stylesheet" href="`)
	path, _, _ = strings.Cut(path, `"`)
	want(t, "style sheet", s.get(path), http.StatusOK)
	if got := s.last.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("style sheet: Cache-Control %q", got)
	}
	if len(s.last.Result().Cookies()) != 0 {
		t.Error("an asset sets a cookie")
	}
}
