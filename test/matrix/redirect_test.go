package matrix

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"postern.example/postern/internal/app"
	"postern.example/postern/test/covers"
)

// elsewhereCorpus are ways in which somebody names a page of another site.
var elsewhereCorpus = []string{
	"//evil.example", "///evil.example", "////evil.example/", "https://evil.example", "https:evil.example", "https:/evil.example", "http://evil.example@localhost",
	"\\\\evil.example", "/\\evil.example", "\\/evil.example", "/\\/evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,<script>alert(1)</script>",
	"%2f%2fevil.example", "%252f%252fevil.example", "/%09/evil.example", "/\t/evil.example", "\t//evil.example", " //evil.example", "/%0d%0aLocation:%20https://evil.example", "\r\nLocation: https://evil.example",
	"//evil%E3%80%82example", "//evil。example", "/.evil.example", ".evil.example", "@evil.example", "/@evil.example", "?next=//evil.example", "#//evil.example", "/;@evil.example", "x/../../../evil.example",
	"results//evil.example", "home\x00//evil.example", "HOME", "home/../..", "vbscript:x", "mailto:x@evil.example", "//127.0.0.1:1", "http:localhost:1", "localhost:1", "../", "%5cevil.example", "step-up",
}

// ours reports whether a browser that is sent there stays with us: a path of a route.
func ours(rows []app.RouteRow, to string) bool {
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || u.Opaque != "" || !strings.HasPrefix(to, "/") || strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(to, "//") {
		return false
	}
	return slices.ContainsFunc(rows, func(r app.RouteRow) bool { return r.Method == http.MethodGet && fits(r.Path, u.Path) })
}

// Where a form, a sign-in or a step-up leads is a page of ours by its name: nobody can
// write an address into it.
func TestNoOpenRedirects(t *testing.T) {
	covers.Covers(t, "SD-3")
	a := newAttack(t)
	mother := a.w.of("mother")
	n := 0
	for _, evil := range elsewhereCorpus {
		e := url.QueryEscape(evil)
		for page, p := range map[string]*persona{"/sign-in": a.w.of("stranger"), "/step-up": mother, "/results": a.w.of("stranger"), "/": mother} {
			for _, query := range []string{"next=" + e, "next=home&next_id=" + e, "next=result&next_id=" + e, "next=" + e + "&next_id=" + e + "&next_query=" + e, "redirect=" + e, "return_to=" + e, "why=" + e, "lang=" + e} {
				got, err := p.get(page + "?" + query)
				must(t, err)
				n++
				a.staysHere(t, page+"?"+query, got)
			}
		}
		for _, fields := range [][]string{{"next", evil}, {"next", "result", "next_id", evil}, {"next", "access-log", "next_query", evil}, {"next", "admin", "next_query", "after=" + evil}, {"next", evil, "next_id", evil, "next_query", evil}} {
			for _, p := range []*persona{mother, a.w.of("stranger")} {
				q := a.honest(p, app.RouteRow{Method: "POST", Path: "/language", Door: "web"}, target{"-", "/language", append([]string{"lang", "es"}, fields...)})
				got, err := p.wire.send(q)
				must(t, err)
				n++
				a.staysHere(t, "/language "+strings.Join(fields, " "), got)
				if got.status != http.StatusSeeOther && got.status != http.StatusBadRequest {
					t.Errorf("/language %q: %d", fields, got.status)
				}
			}
		}
	}
	t.Logf("matrix: %d redirects tried", n)
}

// A ceremony says where its page goes on: a path of ours, whatever the page was told.
func TestCeremoniesLeadHome(t *testing.T) {
	covers.Covers(t, "SD-3")
	a := newAttack(t)
	b := a.w.Enter(t, "teen")
	if got := b.Ceremony(t, "/security/passkeys", true, map[string]any{"name": "key"}); got.Status != http.StatusOK {
		t.Fatalf("add passkey: %d", got.Status)
	}
	for i, evil := range elsewhereCorpus {
		path := "/step-up"
		if i%4 == 0 {
			path = "/sign-in"
		}
		got := b.Ceremony(t, path, false, map[string]any{"next": strings.ToValidUTF8(evil, ""), "next_id": strings.ToValidUTF8(evil, "")})
		_, to, _ := bytes.Cut(got.Body, []byte(`"go":"`))
		to, _, _ = bytes.Cut(to, []byte(`"`))
		if got.Status != http.StatusOK || !ours(a.rows, string(to)) {
			t.Errorf("%s with next %q: %d leads to %s", path, evil, got.Status, to)
		}
		b.Get(t, "/security")
	}
}

// staysHere holds every place that an answer can lead to against our own routes.
func (a *attack) staysHere(t *testing.T, what string, got answer) {
	t.Helper()
	if to := got.header.Get("Location"); to != "" && !ours(a.rows, to) {
		t.Errorf("%q leads to %q", what, to)
	}
	if got.header.Get("Refresh") != "" {
		t.Errorf("%q has a Refresh header", what)
	}
	doc, err := html.Parse(bytes.NewReader(got.body))
	must(t, err)
	for n := range doc.Descendants() {
		for _, x := range n.Attr {
			if !slices.Contains([]string{"href", "src", "action", "formaction", "poster", "data", "background", "ping"}, x.Key) {
				continue
			}
			to, _, _ := strings.Cut(x.Val, "#")
			if to != "" && !strings.HasPrefix(to, "tel:") && !strings.HasPrefix(to, "?") && !ours(a.rows, to) && match(a.rows, http.MethodPost, to) == "" && !a.posts(to) {
				t.Errorf("%q: <%s %s=%q>", what, n.Data, x.Key, x.Val)
			}
		}
	}
}

func (a *attack) posts(path string) bool {
	return slices.ContainsFunc(a.rows, func(r app.RouteRow) bool { return r.Method == http.MethodPost && r.Path == path })
}
