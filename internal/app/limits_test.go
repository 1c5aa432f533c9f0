package app_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/app/demo"
	"postern.example/postern/test/covers"
)

// few lets everybody come three times an hour to each class of route.
func few() app.Rates {
	const r app.Rate = "3/hour"
	return app.Rates{Page: r, Asset: r, Change: r, Entry: r, Read: r, Search: r, Heavy: r}
}

// everyRoute asks every declared route, with a client of the test's, until it refuses,
// and returns the refusals. A route that never refuses is an error.
func everyRoute(t *testing.T, in *apptest.Installation, client func(r *http.Request) apptest.Answer) map[string]apptest.Answer {
	t.Helper()
	rows, err := app.RouteTable(demo.Routes())
	must(t, err)
	out := map[string]apptest.Answer{}
	for _, row := range rows {
		path := strings.NewReplacer("{type}", "Observation", "{hash}", "0123456789abcdef", "{name}", "x.css").Replace(row.Path)
		for strings.Contains(path, "{") {
			before, after, _ := strings.Cut(path, "{")
			_, after, _ = strings.Cut(after, "}")
			path = before + "x" + after
		}
		for range 6 {
			r, err := http.NewRequestWithContext(t.Context(), row.Method, in.Origin+path, nil)
			must(t, err)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			if a := client(r); a.Status == http.StatusTooManyRequests {
				out[row.Method+" "+row.Path] = a
				break
			}
		}
		a, refused := out[row.Method+" "+row.Path]
		if !refused {
			t.Errorf("%s %s: never refused", row.Method, row.Path)
			continue
		}
		if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || n < 1 || n > 3600 {
			t.Errorf("%s %s: Retry-After %q", row.Method, row.Path, a.Header.Get("Retry-After"))
		}
		if row.Door == "fhirapi" && !strings.Contains(string(a.Body), `"code":"throttled"`) {
			t.Errorf("%s %s: %s", row.Method, row.Path, a.Body)
		}
		for h, begins := range headersOf {
			if got := a.Header.Values(h); len(got) != 1 || !strings.HasPrefix(got[0], begins) {
				t.Errorf("%s %s: %s is %q", row.Method, row.Path, h, got)
			}
		}
	}
	return out
}

// No route is left out: each answers 429 and says when to come again as soon as the
// address has had its share, and so does a path that leads nowhere.
func TestEveryRouteIsLimitedByAddress(t *testing.T) {
	covers.Covers(t, "SD-6")
	in := apptest.Start(t, apptest.Options{Limits: &app.Limits{Address: few()}})
	answers := everyRoute(t, in, func(r *http.Request) apptest.Answer {
		r.Header.Set("Accept-Language", "es")
		return in.Browser().Send(t, r)
	})
	for _, path := range []string{"/no/such/page", "/fhir", "/results/"} {
		if a := in.Browser().Get(t, path); a.Status != http.StatusTooManyRequests {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	page := string(answers["GET /"].Body)
	if !strings.Contains(page, `lang="es"`) || !strings.Contains(page, "(503) 555-0100") || !strings.Contains(page, "Espere") {
		t.Errorf("the page does not say in Spanish what to do and whom to call:\n%s", page)
	}
	if a := answers["POST /sign-in/options"]; !strings.Contains(string(a.Body), `"error":"error.throttled"`) {
		t.Errorf("a ceremony: %s", a.Body)
	}
	if a := answers["GET /sign-in"]; strings.Contains(string(a.Body), "<html") || !strings.Contains(string(a.Body), "Demasiadas solicitudes") {
		t.Errorf("whoever goes on is told in few words: %s", a.Body)
	}
}

// Nor is one left out for somebody who has signed in, whatever address it comes from.
func TestEveryRouteIsLimitedByAccount(t *testing.T) {
	covers.Covers(t, "SD-6")
	limits := app.NoLimits()
	limits.Account = few()
	in := apptest.Start(t, apptest.Options{Fill: true, Limits: &limits})
	b, token := in.Enter(t, "mother"), in.Token(t, "mother")
	b.Get(t, "/security")
	in.API(t, token, "/Observation")
	everyRoute(t, in, func(r *http.Request) apptest.Answer {
		r.Header.Set("Authorization", "Bearer "+token)
		return b.Send(t, r)
	})
	// Her daughter's account is another one, behind the same address.
	if a := in.Enter(t, "teen").Get(t, "/"); a.Status != http.StatusOK {
		t.Errorf("somebody else: %d", a.Status)
	}
	officer := in.Enter(t, "officer")
	if a := officer.Get(t, "/officer"); !strings.Contains(string(a.Body), "limit account page") {
		t.Error("the officer does not see it")
	}
}

// A token has a limit of its own, below its person's.
func TestATokenIsLimited(t *testing.T) {
	covers.Covers(t, "SD-6")
	limits := app.NoLimits()
	limits.Token = app.TokenRates{Search: "2/hour"}
	in := apptest.Start(t, apptest.Options{Fill: true, Limits: &limits})
	one, other := in.Token(t, "mother"), in.Token(t, "mother")
	var last apptest.Answer
	for range 4 {
		last = in.API(t, one, "/Observation")
	}
	if last.Status != http.StatusTooManyRequests || last.Header.Get("Retry-After") != "1800" {
		t.Errorf("%d, Retry-After %s", last.Status, last.Header.Get("Retry-After"))
	}
	if a := in.API(t, other, "/Observation"); a.Status != http.StatusOK {
		t.Errorf("another token: %d", a.Status)
	}
}

// Behind a proxy that names its clients, each has a share of its own; the first
// addresses in the header, which anybody can write, count for nothing.
func TestTheProxyNamesItsClients(t *testing.T) {
	covers.Covers(t, "SD-6")
	in := apptest.Start(t, apptest.Options{Limits: &app.Limits{Address: few(), ClientHeader: "X-Forwarded-For"}})
	status := func(from string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, in.Origin+"/sign-in", nil)
		must(t, err)
		r.Header.Set("X-Forwarded-For", from)
		return in.Browser().Send(t, r).Status
	}
	for i := range 6 {
		want := http.StatusOK
		if i >= 3 {
			want = http.StatusTooManyRequests
		}
		if got := status(strconv.Itoa(i) + ".2.3.4, 198.51.100.9"); got != want {
			t.Errorf("request %d of one client: %d", i, got)
		}
	}
	// Whoever has one address of a /64 of IPv6 has all of them.
	for i := range 6 {
		want := http.StatusOK
		if i >= 3 {
			want = http.StatusTooManyRequests
		}
		if got := status("2001:db8::" + strconv.Itoa(i)); got != want {
			t.Errorf("address %d of a /64: %d", i, got)
		}
	}
	// The log says of each refusal whom the proxy saw, and not the proxy.
	var sources []string
	for _, e := range entries(t, in.App, 0) {
		if strings.HasPrefix(e.Action, "limit address") {
			sources = append(sources, e.Caller.Source)
		}
	}
	if len(sources) == 0 || sources[0] != "198.51.100.9" || slices.ContainsFunc(sources, func(s string) bool { return s != "198.51.100.9" && !strings.HasPrefix(s, "2001:db8::") }) {
		t.Errorf("the refusals are of %q", sources)
	}
	if got := status("203.0.113.5"); got != http.StatusOK {
		t.Errorf("another client: %d", got)
	}
}
