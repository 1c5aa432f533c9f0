package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"postern.example/postern/internal/door/fhirapi"
	"postern.example/postern/internal/door/web"
	"postern.example/postern/internal/word/route"
	"postern.example/postern/test/covers"
)

// A request has the class of the route that takes it, HEAD that of GET, and what no
// route takes that of a page.
func TestARequestHasTheClassOfItsRoute(t *testing.T) {
	covers.Covers(t, "SD-6")
	c := classesOf(append(append(web.Routes(), fhirapi.Routes()...),
		route.Route{Method: "GET", Pattern: "/fhir/R4/{type}/special", Door: route.FHIRAPI, Audit: "search"}))
	for asked, want := range map[string]route.Class{
		"GET /": route.Page, "HEAD /": route.Page, "POST /sign-in/finish": route.Entry, "GET /sign-in": route.Page, "DELETE /sign-in": route.Page,
		"GET /assets/0123456789abcdef/x.css": route.Asset, "POST /officer/verify": route.Heavy, "POST /officer/export": route.Heavy, "GET /record/file": route.Heavy,
		"POST /security/passkeys/abc/rename": route.Change, "GET /fhir/R4/Observation/x": route.Read, "HEAD /fhir/R4/Observation/x": route.Read,
		"GET /fhir/R4/Observation": route.Search, "POST /fhir/R4/Observation/_search": route.Search, "GET /fhir/R4/Observation/special": route.Search,
		"GET /nowhere/at/all": route.Page, "GET /a/b/c/d/e/f/g/h/i/j/k/l": route.Page, "PUT /fhir/R4/Observation/x": route.Page,
		"POST /officer": route.Change,
	} {
		method, path, _ := strings.Cut(asked, " ")
		if got := c.of(httptest.NewRequest(method, path, nil)); got != want {
			t.Errorf("%s: %v, want %v", asked, got, want)
		}
	}
}

// The last address in the proxy's header is the one that the proxy saw; what is no
// address, or not there, is the proxy's.
func TestTheLastAddressIsTheClient(t *testing.T) {
	covers.Covers(t, "SD-6")
	for header, want := range map[string]string{
		"": "192.0.2.1:1234", "198.51.100.7": "198.51.100.7:0", "1.2.3.4, 198.51.100.7": "198.51.100.7:0", "198.51.100.7:99": "198.51.100.7:99",
		"2001:db8::1": "[2001:db8::1]:0", "[2001:db8::1]": "[2001:db8::1]:0", "[2001:db8::1]:443": "[2001:db8::1]:443",
		"unknown": "192.0.2.1:1234", "1.2.3.4, ": "192.0.2.1:1234", "1.2.3.4,_hidden": "192.0.2.1:1234",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if header != "" {
			r.Header.Add("X-Forwarded-For", "203.0.113.200")
			r.Header.Add("X-Forwarded-For", header)
		}
		if got := clientOf(r, "X-Forwarded-For"); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func BenchmarkClassOf(b *testing.B) {
	c := classesOf(append(web.Routes(), fhirapi.Routes()...))
	r := httptest.NewRequest(http.MethodGet, "/fhir/R4/Observation/aaaaaaaaaaaaaaaaaaaaaaaaaa", nil)
	for b.Loop() {
		c.of(r)
	}
}
