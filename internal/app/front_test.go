package app

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"postern.example/postern/test/covers"
)

func testFront(t *testing.T, c frontConfig) http.Handler {
	t.Helper()
	if c.Web == nil {
		c.Web = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "web "+r.Header.Get("Authorization"))
		})
	}
	c.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "api "+r.Header.Get("Cookie"))
	})
	if c.Log == nil {
		c.Log = NewLogger(io.Discard)
	}
	h, err := front(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://x"+path, nil)
	r.Host = host
	r.Header.Set("Authorization", "Bearer secret")
	r.Header.Set("Cookie", "a=b")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Our Host or none; in the demo a GET for the loopback address is sent on, and
// only our own path with it.
func TestFrontAnswersItsOwnHost(t *testing.T) {
	h := testFront(t, frontConfig{Origin: "http://localhost:8080", Redirect: "127.0.0.1:8080"})
	for _, c := range []struct {
		method, host, path string
		status             int
		location           string
	}{
		{"GET", "localhost:8080", "/", 200, ""},
		{"GET", "localhost", "/", 421, ""},
		{"GET", "localhost:8081", "/", 421, ""},
		{"GET", "evil.example", "/", 421, ""},
		{"GET", "localhost:8080.evil.example", "/", 421, ""},
		{"GET", "", "/", 421, ""},
		{"GET", "127.0.0.1:8080", "/demo", 307, "http://localhost:8080/demo"},
		{"HEAD", "127.0.0.1:8080", "/", 307, "http://localhost:8080/"},
		{"GET", "127.0.0.1:8080", "//evil.example/x", 307, "http://localhost:8080//evil.example/x"},
		{"GET", "127.0.0.1:8080", "/a?token=secret", 307, "http://localhost:8080/a"},
		{"POST", "127.0.0.1:8080", "/demo/enter", 421, ""},
		{"DELETE", "127.0.0.1:8080", "/", 421, ""},
	} {
		w := ask(h, c.method, c.host, c.path)
		if w.Code != c.status || w.Header().Get("Location") != c.location {
			t.Errorf("%s %q %s: %d %q, want %d %q", c.method, c.host, c.path, w.Code, w.Header().Get("Location"), c.status, c.location)
		}
		if w.Code == 421 && strings.Contains(w.Body.String(), "evil") {
			t.Error("the answer repeats the host")
		}
	}
	if w := ask(testFront(t, frontConfig{Origin: "http://localhost:8080"}), "GET", "127.0.0.1:8080", "/"); w.Code != 421 {
		t.Errorf("without the demo: %d", w.Code)
	}
}

// raw sends text to a server of h and returns everything that comes back until it hangs up.
func raw(t *testing.T, h http.Handler, text string) string {
	t.Helper()
	c := dialFrom(t, "127.0.0.1", serveBound(t, h, openLimits{total: 10, each: 10}, patient))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return cut(t, text, c)
}

// A request of two lengths is the last one of its connection: what a proxy took for
// the rest of it is not taken for somebody's next request.
func TestFrontServesNothingBehindTwoLengths(t *testing.T) {
	h := testFront(t, frontConfig{Origin: "http://localhost:8080"})
	got := raw(t, h, "POST / HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+
		"GET /fhir HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\n\r\n")
	if strings.Count(got, "HTTP/1.1 ") != 1 || !strings.Contains(got, "Connection: close") {
		t.Errorf("answers: %s", got)
	}
}

// The one request without a path goes the way of all others.
func TestFrontAnswersOptions(t *testing.T) {
	h := testFront(t, frontConfig{Origin: "http://localhost:8080"})
	got := raw(t, h, "OPTIONS * HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 421 ") || !strings.Contains(got, "X-Content-Type-Options: nosniff") {
		t.Errorf("answer: %s", got)
	}
}

// Where no page can answer, the line that does says whom to call, in both languages:
// for another host, too many requests at once, and a failure inside.
func TestPlainAnswersSayWhoHelps(t *testing.T) {
	var log bytes.Buffer
	c := frontConfig{Origin: "http://localhost:8080", Phone: "(503) 555-0100", Log: NewLogger(&log),
		Web: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no") })}
	full := c
	full.Requests = newShare(openLimits{total: 0, each: 0})
	for what, w := range map[string]*httptest.ResponseRecorder{
		"421": ask(testFront(t, c), "GET", "other.example", "/"), "500": ask(testFront(t, c), "GET", "localhost:8080", "/"),
		"429": ask(testFront(t, full), "GET", "localhost:8080", "/")} {
		for _, s := range []string{"Help from a person: (503) 555-0100", "Ayuda de una persona: (503) 555-0100"} {
			if strconv.Itoa(w.Code) != what || !strings.Contains(w.Body.String(), s) {
				t.Errorf("%s: %d %s", what, w.Code, w.Body)
			}
		}
	}
	c.Phone = ""
	if w := ask(testFront(t, c), "GET", "other.example", "/"); strings.Contains(w.Body.String(), "Help") {
		t.Errorf("a number that nobody gave: %s", w.Body)
	}
}

// A cookie never reaches the API, a token never reaches a page.
func TestFrontKeepsDoorsApart(t *testing.T) {
	h := testFront(t, frontConfig{Origin: "http://localhost:8080"})
	for path, want := range map[string]string{"/": "web ", "/fhirx": "web ", "/fhir": "api ", "/fhir/R4/Patient": "api "} {
		if got := ask(h, "GET", "localhost:8080", path).Body.String(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// A panic is an answer without its text, and the log has its place.
func TestFrontCatchesPanics(t *testing.T) {
	var log bytes.Buffer
	h := testFront(t, frontConfig{Origin: "http://localhost:8080", Log: NewLogger(&log),
		Web: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(errors.New("Maya Tran has asthma")) })})
	w := ask(h, "GET", "localhost:8080", "/")
	if w.Code != 500 || !strings.Contains(w.Body.String(), "Something went wrong") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String()+log.String(), "Maya") || !strings.Contains(log.String(), "front_test.go") {
		t.Errorf("log %s", &log)
	}
	quit := testFront(t, frontConfig{Origin: "http://localhost:8080",
		Web: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })})
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("an aborted handler was turned into an answer")
		}
	}()
	ask(quit, "GET", "localhost:8080", "/")
}

// Covers ED-2: over TLS every answer says to stay there, errors too.
func TestFrontSendsHSTS(t *testing.T) {
	covers.Covers(t, "ED-2")
	h := testFront(t, frontConfig{Origin: "https://portal.example", TLS: true, Web: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("x")
		}
	})})
	for _, path := range []string{"/", "/panic", "/fhir/R4/x"} {
		for _, host := range []string{"portal.example", "evil.example"} {
			if got := ask(h, "GET", host, path).Header().Get("Strict-Transport-Security"); got != "max-age=63072000; includeSubDomains" {
				t.Errorf("%s%s: %q", host, path, got)
			}
		}
	}
}

// Two requests never share a transaction id, also when many are drawn at once.
func TestTransactionIDsDiffer(t *testing.T) {
	next, seen := newRequestIDs(), map[string]bool{}
	for range 3 * requestIDs {
		id := next()
		if seen[id] || len(id) != 16 {
			t.Fatalf("%q comes again, or is not 16 letters", id)
		}
		seen[id] = true
	}
}

// What says something of documents stays away from answers that are data.
func TestDataHasNoHeadersOfDocuments(t *testing.T) {
	onAll, onPages := commonHeaders(true)
	for _, name := range []string{"X-Frame-Options", "Cross-Origin-Embedder-Policy", "Origin-Agent-Cluster"} {
		if onAll.Get(name) != "" || onPages.Get(name) == "" {
			t.Errorf("%s: data %q, pages %q", name, onAll.Get(name), onPages.Get(name))
		}
	}
}
