package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// Whatever is sent, by a stranger or by somebody who has signed in, the door
// answers with one of its own answers: no defect, nothing that may be stored.
func FuzzRequests(f *testing.F) {
	covers.Covers(f, "SD-3")
	h := lite(f)
	officer := h.account(f, "Ada Finch", nobody, person.RoleCompliance)
	for _, seed := range [][4]string{
		{"GET", "/results/x", "", ""}, {"GET", "/access-log?before=9223372036854775808", "", ""}, {"GET", "/step-up?next=result&next_id=..", "", ""},
		{"POST", "/officer", "application/x-www-form-urlencoded", "from=2026-02-30&older=1"}, {"POST", "/language", "application/x-www-form-urlencoded", "lang=es&next=%00"},
		{"POST", "/sign-in/finish", "application/json", `{"state":"AAAA","credential":{"type":"public-key","response":{}}}`},
		{"POST", "/enrol/options", "application/json", `{"link":"acc-buonwgpz7nesu7gb4anlv6kgza.x"}`}, {"HEAD", "//", "", ""}, {"PUT", "/..%2f", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, method, path, mediaType, body string) {
		u, err := url.Parse(path)
		if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.ContainsAny(method, " \t\r\n") || method == "" {
			return // not a request that net/http hands over
		}
		for _, b := range []*browser{h.stranger(), officer} {
			r, err := http.NewRequestWithContext(t.Context(), method, origin, strings.NewReader(body))
			if err != nil {
				return // not a method
			}
			r.URL.Path, r.URL.RawQuery = u.Path, u.RawQuery
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.Header.Set("X-Form-Token", b.token)
			r.Header["Content-Type"] = []string{mediaType}
			if u.Path == "/sign-out" {
				continue
			}
			w := b.send(r)
			if w.Code >= 500 {
				t.Fatalf("status %d", w.Code)
			}
			if w.Header().Get("Cache-Control") != "no-store" && !strings.HasPrefix(u.Path, "/assets/") {
				t.Fatalf("%d may be stored", w.Code)
			}
			if at := w.Header().Get("Location"); at != "" && (!strings.HasPrefix(at, "/") || strings.HasPrefix(at, "//")) {
				t.Fatalf("sent to %q", at)
			}
		}
	})
}
