package fhirapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/door/fhirapi"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

// charts answers as package records would.
type charts struct {
	err  error
	text string // of the last search
}

func (c *charts) Read(_ context.Context, _ person.Caller, typ, _ string, use func(records.Resource) error) error {
	if c.err != nil {
		return c.err
	}
	return use(resource(typ, 3))
}

func (c *charts) ReadVersion(_ context.Context, _ person.Caller, typ, _, version string, use func(records.Resource) error) error {
	if c.err != nil {
		return c.err
	}
	if version != "2" {
		return fault.New(fault.NotFound, "read version")
	}
	return use(resource(typ, 2))
}

func (c *charts) History(_ context.Context, _ person.Caller, _, _, text, _ string, use func(phi.Doc) error) error {
	c.text = text
	if c.err != nil {
		return c.err
	}
	return use(phi.NewDoc([]byte(`{"resourceType":"Bundle","type":"history","total":0}`)))
}

// resource is one that was stored at noon.
func resource(typ string, version int64) records.Resource {
	id := person.ResourceID{}
	stored := `{"resourceType":"` + typ + `","id":"` + id.String() + `","meta":{}}`
	doc, err := records.Present(phi.NewDoc([]byte(stored)), typ, id, records.Meta{Version: version, Updated: time.Date(2026, 3, 2, 12, 0, 0, 5e6, time.UTC)})
	if err != nil {
		panic(err)
	}
	return records.Resource{Type: typ, ID: id, Version: version, Doc: doc}
}

func (c *charts) Searchset(_ context.Context, _ person.Caller, _, text, _ string, use func(phi.Doc) error) error {
	c.text = text
	if c.err != nil {
		return c.err
	}
	return use(phi.NewDoc([]byte(`{"resourceType":"Bundle","type":"searchset","total":0}`)))
}

// tokens knows one token.
type tokens struct{ source string }

func (k *tokens) ResolveToken(_ context.Context, token string, q person.Request) (person.Caller, error) {
	k.source = q.Source
	if token != "good" {
		return person.Stranger(q), fault.New(fault.Unauthenticated, "resolve token")
	}
	return person.NewPerson(person.PersonConfig{Token: true, Request: q}), nil
}

// api is a door with what stands behind it.
type api struct {
	*fhirapi.Door
	charts  charts
	tokens  tokens
	refused []string
	fail    error // of writing down a refusal
	log     strings.Builder
}

func open(t *testing.T) *api {
	t.Helper()
	a := &api{}
	cat, err := records.NewCatalogue(records.Definitions())
	if err != nil {
		t.Fatal(err)
	}
	a.Door, err = fhirapi.New(fhirapi.Config{Origin: "https://portal.example", Charts: &a.charts, Catalogue: cat, Tokens: &a.tokens, RequestID: func() string { return "request-1" },
		Text: func(id string) string { return "text of " + id }, Log: slog.New(slog.NewTextHandler(&a.log, nil)),
		Refused: func(_ context.Context, _ person.Caller, action string) error {
			a.refused = append(a.refused, action)
			return a.fail
		}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// ask sends a request with the good token; headers are names and values in turn.
func (a *api) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://portal.example"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer good")
	r.RemoteAddr = "192.0.2.7:4711"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

const form = "application/x-www-form-urlencoded"

// Every answer has its status, its type and its number; every error is an
// OperationOutcome.
func TestAnswers(t *testing.T) {
	covers.Covers(t, "SD-3")
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
	}{
		"read":               {"GET", "/fhir/R4/Patient/x", "", nil, 200},
		"head":               {"HEAD", "/fhir/R4/Patient/x", "", nil, 200},
		"search":             {"GET", "/fhir/R4/Observation?code=1", "", nil, 200},
		"search by form":     {"POST", "/fhir/R4/Observation/_search", "code=1", []string{"Content-Type", form}, 200},
		"vread":              {"GET", "/fhir/R4/Patient/x/_history/2", "", nil, 200},
		"no such version":    {"GET", "/fhir/R4/Patient/x/_history/9", "", nil, 404},
		"history":            {"GET", "/fhir/R4/Patient/x/_history", "", nil, 200},
		"metadata":           {"GET", "/fhir/R4/metadata", "", []string{"Authorization", ""}, 200},
		"metadata and more":  {"GET", "/fhir/R4/metadata?_summary=true", "", nil, 400},
		"all of metadata":    {"GET", "/fhir/R4/metadata?_summary=false&mode=full", "", nil, 200},
		"twice":              {"GET", "/fhir/R4/metadata?_summary=false&_summary=false", "", nil, 400},
		"all of a resource":  {"GET", "/fhir/R4/Patient/x?_summary=false&_format=json", "", nil, 200},
		"a summary":          {"GET", "/fhir/R4/Patient/x?_summary=true", "", nil, 400},
		"a count of one":     {"GET", "/fhir/R4/Patient/x?_summary=count", "", nil, 400},
		"without a name":     {"GET", "/fhir/R4/Patient/x?=x", "", nil, 400},
		"metadata in XML":    {"GET", "/fhir/R4/metadata?_format=xml", "", nil, 406},
		"metadata by POST":   {"POST", "/fhir/R4/metadata", "", nil, 405},
		"JSON asked for":     {"GET", "/fhir/R4/Patient/x?_format=json", "", []string{"Accept", "text/html, application/fhir+json;q=0.5"}, 200},
		"JSON of this form":  {"GET", "/fhir/R4/Patient/x", "", []string{"Accept", "application/fhir+json; fhirVersion=4.0"}, 200},
		"JSON of another":    {"GET", "/fhir/R4/Patient/x", "", []string{"Accept", "application/fhir+json; fhirVersion=5.0"}, 406},
		"XML asked for":      {"GET", "/fhir/R4/Patient/x", "", []string{"Accept", "application/fhir+xml"}, 406},
		"JSON declined":      {"GET", "/fhir/R4/Patient", "", []string{"Accept", "application/json;q=0, text/xml"}, 406},
		"XML by parameter":   {"GET", "/fhir/R4/Patient/x?_format=application/fhir%2Bxml", "", nil, 406},
		"unread Accept":      {"GET", "/fhir/R4/Patient/x", "", []string{"Accept", "/;"}, 406},
		"write a version":    {"PUT", "/fhir/R4/Patient/x/_history/2", "", nil, 405},
		"read with query":    {"GET", "/fhir/R4/Patient/x?_pretty=true", "", nil, 400},
		"form and query":     {"POST", "/fhir/R4/Observation/_search?code=1", "", []string{"Content-Type", form}, 400},
		"JSON for a form":    {"POST", "/fhir/R4/Observation/_search", "{}", []string{"Content-Type", "application/json"}, 415},
		"no type":            {"POST", "/fhir/R4/Observation/_search", "x", nil, 415},
		"large form":         {"POST", "/fhir/R4/Observation/_search", strings.Repeat("x", 4<<10+1), []string{"Content-Type", form}, 413},
		"no token":           {"GET", "/fhir/R4/Patient/x", "", []string{"Authorization", ""}, 401},
		"other scheme":       {"GET", "/fhir/R4/Patient/x", "", []string{"Authorization", "Basic good"}, 401},
		"token in the query": {"GET", "/fhir/R4/Patient?access_token=good", "", []string{"Authorization", ""}, 401},
		"method":             {"DELETE", "/fhir/R4/Patient/x", "", nil, 405},
		"create":             {"POST", "/fhir/R4/Patient", "{}", nil, 405},
		"nowhere":            {"GET", "/fhir/R4", "", nil, 404},
		"other version":      {"GET", "/fhir/R5/Patient/x", "", nil, 404},
		"dots":               {"GET", "/fhir/R4/Patient/../x", "", nil, 404},
		"two slashes":        {"GET", "/fhir/R4//Patient", "", nil, 404},
		"escaped slash":      {"GET", "/fhir/R4/Patient/a%2fb", "", nil, 404},
		"trailing slash":     {"GET", "/fhir/R4/Patient/", "", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t).ask(c.method, c.path, c.body, c.headers...)
			if w.Code != c.status || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/fhir+json") || w.Header().Get("X-Request-Id") != "request-1" {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			if c.method == http.MethodHead {
				if w.Body.Len() != 0 || w.Header().Get("ETag") != `W/"3"` || w.Header().Get("Last-Modified") != "Mon, 02 Mar 2026 12:00:00 GMT" {
					t.Errorf("%q, %v", w.Body, w.Header())
				}
				return
			}
			var got struct{ ResourceType string }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || (c.status == 200) == (got.ResourceType == "OperationOutcome") {
				t.Errorf("%s: %v", w.Body, err)
			}
			if (c.status == 405) != (w.Header().Get("Allow") != "") || (c.status == 401) != (w.Header().Get("WWW-Authenticate") == "Bearer") {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

// The two ways to search ask the same; no answer repeats the question.
func TestSearchKeepsTheQuestion(t *testing.T) {
	a := open(t)
	for _, w := range []*httptest.ResponseRecorder{
		a.ask("GET", "/fhir/R4/Observation?code=4548-4&date=ge2026", ""),
		a.ask("POST", "/fhir/R4/Observation/_search", "code=4548-4&date=ge2026", "Content-Type", form+"; charset=utf-8"),
	} {
		if a.charts.text != "code=4548-4&date=ge2026" || strings.Contains(w.Body.String(), "4548-4") || a.tokens.source != "192.0.2.7" {
			t.Errorf("asked %q, source %q: %s", a.charts.text, a.tokens.source, w.Body)
		}
	}
}

// Covers CH-13: a stranger is written down before the answer; when that fails
// the answer is another.
func TestStrangersAreRecorded(t *testing.T) {
	covers.Covers(t, "CH-13")
	a := open(t)
	a.ask("GET", "/fhir/R4/Patient/x", "", "Authorization", "Bearer bad")
	a.ask("GET", "/fhir/R4/Patient", "", "Authorization", "")
	if got := strings.Join(a.refused, " "); got != "readChart searchChart" {
		t.Errorf("recorded %q", got)
	}
	a.fail = fault.New(fault.Unavailable, "log refusal")
	if w := a.ask("GET", "/fhir/R4/Patient/x", "", "Authorization", ""); w.Code != fault.Unavailable.Status() {
		t.Errorf("status %d", w.Code)
	}
}

// An error's own words go to the process log alone, and its kind is the status.
func TestErrorsSayTheirMessageOnly(t *testing.T) {
	for kind, logged := range map[fault.Kind]bool{fault.NotFound: false, fault.Denied: false, fault.Tampered: true, fault.Unavailable: true, fault.Internal: true} {
		a := open(t)
		a.charts.err = fault.Wrap(kind, "read row", errors.New("inner words"))
		for _, path := range []string{"/fhir/R4/Patient/x", "/fhir/R4/Patient"} {
			w := a.ask("GET", path, "")
			if w.Code != kind.Status() || strings.Contains(w.Body.String(), "inner words") || !strings.Contains(w.Body.String(), "text of ") || w.Header().Get("ETag") != "" {
				t.Errorf("%v: %d %s", kind, w.Code, w.Body)
			}
		}
		if strings.Contains(a.log.String(), "inner words") != logged {
			t.Errorf("%v: log %q", kind, &a.log)
		}
	}
}

// An answer that was begun as a version of Rosa's record and then failed says nothing of
// that version: nobody keeps the error under its number, and a refusal shows no date.
func TestAFailedAnswerNamesNoVersion(t *testing.T) {
	covers.Covers(t, "SD-3")
	w := httptest.NewRecorder()
	for name, value := range map[string]string{"Etag": `W/"3"`, "Last-Modified": "Mon, 02 Mar 2026 12:00:00 GMT", "Vary": "Accept", "Cache-Control": "max-age=3600", "Content-Length": "4711"} {
		w.Header().Set(name, value)
	}
	open(t).Refuse(w, httptest.NewRequest("GET", "https://portal.example/fhir/R4/Patient/x", nil), fault.New(fault.NotFound, "read"))
	for _, name := range []string{"Etag", "Last-Modified", "Vary"} {
		if got := w.Header().Values(name); len(got) > 0 {
			t.Errorf("%s is %q", name, got)
		}
	}
	if w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// A client that is gone in the middle of an answer is no error.
func TestClientLeaves(t *testing.T) {
	a := open(t)
	r := httptest.NewRequest("GET", "https://portal.example/fhir/R4/Patient", nil)
	r.Header.Set("Authorization", "Bearer good")
	r.RemoteAddr = "unix"
	a.ServeHTTP(gone{httptest.NewRecorder()}, r)
	if a.log.Len() > 0 {
		t.Errorf("log %q", &a.log)
	}
}

type gone struct{ *httptest.ResponseRecorder }

func (gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// Who has a version already is told so, after the decision: no refusal looks like it.
func TestAVersionThatTheClientHas(t *testing.T) {
	covers.Covers(t, "SD-3")
	a := open(t)
	for tag, want := range map[string]int{`W/"3"`: 304, `"3"`: 304, `W/"1", W/"3"`: 304, `*`: 304, `W/"2"`: 200, `3`: 200, ``: 200} {
		w := a.ask("GET", "/fhir/R4/Patient/x", "", "If-None-Match", tag)
		if w.Code != want || w.Header().Get("ETag") != `W/"3"` || (w.Body.Len() == 0) != (want == 304) {
			t.Errorf("%s: %d %v", tag, w.Code, w.Header())
		}
	}
	a.charts.err = fault.New(fault.NotFound, "read")
	if w := a.ask("GET", "/fhir/R4/Patient/x", "", "If-None-Match", "*"); w.Code != 404 {
		t.Errorf("a refusal: %d", w.Code)
	}
	if w := a.ask("GET", "/fhir/R4/Patient/x", "", "If-None-Match", "*", "Authorization", ""); w.Code != 401 {
		t.Errorf("a stranger: %d", w.Code)
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// What the server can do is the same for everybody, may be kept, and is written down.
func TestMetadata(t *testing.T) {
	covers.Covers(t, "SD-3")
	a := open(t)
	w := a.ask("GET", "/fhir/R4/metadata", "", "Authorization", "")
	tag := w.Header().Get("ETag")
	if w.Code != 200 || tag == "" || !strings.Contains(w.Header().Get("Cache-Control"), "max-age") || len(a.refused) > 0 {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	if again := a.ask("GET", "/fhir/R4/metadata?mode=full", "", "Authorization", "", "If-None-Match", tag); again.Code != 304 || again.Body.Len() > 0 {
		t.Errorf("kept: %d", again.Code)
	}
	if bad := a.ask("GET", "/fhir/R4/metadata?mode=normative", ""); bad.Code != 400 || bad.Header().Get("Cache-Control") != "no-store" || bad.Header().Get("ETag") != "" {
		t.Errorf("an error may be kept: %d %v", bad.Code, bad.Header())
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, w.Body.Bytes(), "", " "); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "golden", "metadata.json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, pretty.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(want, pretty.Bytes()) {
		t.Errorf("the statement is not %s, %v: with -update it is written anew", golden, err)
	}
}

// What the statement announces is what a search takes, for each type and parameter.
func TestMetadataTellsTheTruth(t *testing.T) {
	cat, err := records.NewCatalogue(records.Definitions())
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Rest []struct {
			Resource []struct {
				Type             string
				SearchInclude    []string
				SearchRevInclude []string
				SearchParam      []struct{ Name, Type string }
			}
		}
	}
	if err := json.Unmarshal(open(t).ask("GET", "/fhir/R4/metadata", "").Body.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	value := map[string]string{"token": "http://x%7Cy", "date": "ge2026", "string": "ro", "reference": "abc"}
	for _, r := range s.Rest[0].Resource {
		var queries []string
		for _, p := range r.SearchParam {
			queries = append(queries, p.Name+"="+value[p.Type])
		}
		for _, in := range r.SearchInclude {
			queries = append(queries, "_include="+in)
		}
		for _, in := range r.SearchRevInclude {
			queries = append(queries, "_revinclude="+in)
		}
		for _, q := range queries {
			if _, err := cat.ParseSearch(r.Type, q); err != nil {
				t.Errorf("%s?%s: %v", r.Type, q, err)
			}
		}
	}
	if got := len(s.Rest[0].Resource); got != len(cat.Types()) {
		t.Errorf("%d types are announced, %d defined", got, len(cat.Types()))
	}
}

func FuzzAccept(f *testing.F) {
	for _, s := range []string{"*/*", "application/fhir+json;q=0.1,text/xml", `a/b;c="d,e"`, ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cat, err := records.NewCatalogue(nil)
		if err != nil {
			t.Fatal(err)
		}
		d, err := fhirapi.New(fhirapi.Config{Catalogue: cat, RequestID: func() string { return "r" }, Text: func(string) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/fhir/R4/metadata", nil)
		r.Header["Accept"] = []string{s}
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 406 {
			t.Fatalf("%d", w.Code)
		}
	})
}
