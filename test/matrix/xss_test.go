package matrix

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/room/identity/identitytest"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// hostiles is how many patients share the corpus.
const hostiles = 4

// siege is a clinic in which every text that somebody else can write is an attack.
type siege struct {
	*apptest.Installation
	t     *testing.T
	rows  []app.RouteRow
	tags  map[string]bool // elements that our templates have
	attrs map[string]bool // their attributes
	seen  map[int]bool    // texts of the corpus that some page shows
	pages int
	kinds map[string]int // pages by route
}

func newSiege(t *testing.T) *siege {
	t.Helper()
	s := &siege{Installation: apptest.Start(t, apptest.Options{RefusalSpread: 1_000_000}), t: t, tags: map[string]bool{}, attrs: map[string]bool{}, seen: map[int]bool{}, kinds: map[string]int{}}
	w := &world{t: t}
	s.rows = w.routes()
	s.ownWords()
	nurse := app.Persona{Handle: "h-nurse", Name: text(40), Roles: []person.Role{person.RoleNurse}}
	for k := range hostiles {
		name, source, bundle := hostileBundle(k, hostiles)
		if err := s.ImportBundle(t.Context(), "hostile", []byte(bundle)); err != nil {
			t.Fatalf("import: %v", err)
		}
		must(t, s.AddPersona(t.Context(), app.Persona{Handle: fmt.Sprint("h", k), Name: name, Roles: []person.Role{person.RolePatient}, Source: source, Language: []string{"en", "es"}[k%2]}))
		nurse.Assigned = append(nurse.Assigned, source)
	}
	must(t, s.AddPersona(t.Context(), nurse))
	must(t, s.AddPersona(t.Context(), app.Persona{Handle: "h-admin", Name: text(41), Roles: []person.Role{person.RoleAdministrator}}))
	must(t, s.AddPersona(t.Context(), app.Persona{Handle: "h-admin2", Name: text(42), Roles: []person.Role{person.RoleAdministrator}}))
	must(t, s.AddPersona(t.Context(), app.Persona{Handle: "h-officer", Name: text(43), Roles: []person.Role{person.RoleCompliance}}))
	s.names()
	return s
}

// names puts the corpus where people type: names of passkeys, reasons, devices.
func (s *siege) names() {
	for i, who := range []string{"h0", "h-nurse"} {
		b := s.Enter(s.t, who)
		for n := range 6 {
			name := text(i*6 + n)
			if len([]rune(name)) > 60 {
				name = string([]rune(name)[:60])
			}
			b.Device = &identitytest.Authenticator{Origin: s.Origin} // one more key
			if got := b.Ceremony(s.t, "/security/passkeys", true, map[string]any{"name": name}); got.Status != http.StatusOK {
				s.t.Errorf("a passkey named %q: %d %s", name, got.Status, got.Body)
			}
			b.Get(s.t, "/security")
		}
	}
	by, err := s.Identity.FindPersona(s.t.Context(), "h-admin2")
	must(s.t, err)
	for k := range hostiles {
		of, err := s.Identity.FindPersona(s.t.Context(), fmt.Sprint("h", k))
		must(s.t, err)
		caller := person.NewPerson(person.PersonConfig{Account: by, Role: person.RoleAdministrator, Purpose: person.PurposeOperations, Proof: person.Proof{Method: "demo", At: time.Now()}})
		_, err = s.Gate.Propose(s.t.Context(), access.Ask{Caller: caller, Action: access.RenewEnrolment, Owner: person.Account(of), Reason: text(20 + k)}, "Make a link. Reason: "+text(24+k))
		must(s.t, err)
	}
}

var (
	tagOf  = regexp.MustCompile(`<([a-zA-Z][a-zA-Z0-9-]*)`)
	attrOf = regexp.MustCompile(`[\s"'}]([a-zA-Z][a-zA-Z0-9-]*)(?:=|[\s>])`)
)

// ownWords reads which elements and attributes our templates write. Nothing else may
// stand in a page.
func (s *siege) ownWords() {
	root := repository(s.t).FS()
	must(s.t, fs.WalkDir(root, "internal/door/web", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".html") && !strings.HasSuffix(path, "svg.go") && !strings.HasSuffix(path, ".svg") {
			return err
		}
		b, err := fs.ReadFile(root, path)
		for _, m := range tagOf.FindAllSubmatch(b, -1) {
			s.tags[strings.ToLower(string(m[1]))] = true
		}
		for _, m := range attrOf.FindAllSubmatch(b, -1) {
			s.attrs[strings.ToLower(string(m[1]))] = true
		}
		return err
	}))
	for _, t := range []string{"html", "head", "body", "tbody"} { // the parser makes them
		s.tags[t] = true
	}
	for _, a := range []string{"disabled", "hidden", "required", "open", "checked", "selected", "novalidate"} { // without a value
		s.attrs[a] = true
	}
	for _, never := range []string{"iframe", "object", "embed", "base", "style", "math", "template", "video", "audio", "frame"} {
		if s.tags[never] {
			s.t.Errorf("our own templates have <%s>", never)
		}
	}
}

// No element, attribute or script of any page comes out of data, whoever looks.
func TestHostileChartStaysText(t *testing.T) {
	covers.Covers(t, "SD-4", "SD-3")
	s := newSiege(t)
	for k := range hostiles {
		s.walk(s.Enter(t, fmt.Sprint("h", k)), 150)
	}
	nurse := s.Enter(t, "h-nurse")
	s.walk(nurse, 60)
	for k := range hostiles {
		s.chart(nurse, k)
	}
	s.walk(s.Enter(t, "h-admin"), 40)
	s.walk(s.Enter(t, "h-officer"), 20)
	shown := 0
	for i := range corpus {
		if s.seen[i] {
			shown++
		}
	}
	t.Logf("matrix: %d pages of %d routes; %d of %d texts stand on them as text", s.pages, len(s.kinds), shown, len(corpus))
	if shown < len(corpus) {
		t.Errorf("only %d of %d texts were met on a page: the chart does not reach it", shown, len(corpus))
	}
	s.programs()
	s.errors(s.Enter(t, "h0"))
}

// chart opens the chart of one patient as the nurse does, and what it links to.
func (s *siege) chart(nurse *apptest.Browser, k int) {
	id, err := s.Identity.FindPersona(s.t.Context(), fmt.Sprint("h", k))
	must(s.t, err)
	standing, err := s.Identity.Standing(s.t.Context(), id)
	must(s.t, err)
	nurse.Get(s.t, "/clinic")
	got := nurse.Post(s.t, "/clinic/"+standing.Chart.String(), "purpose", "TREAT")
	s.follow(nurse, []string{got.Header.Get("Location")}, 40)
}

// walk follows every link and every form that only looks, from the pages without parameters.
func (s *siege) walk(b *apptest.Browser, most int) {
	var todo []string
	for _, r := range s.rows {
		if r.Method == http.MethodGet && r.Door == "web" && !strings.Contains(r.Path, "{") {
			todo = append(todo, r.Path)
		}
	}
	for _, category := range []string{"laboratory", "vital-signs", "all"} {
		b.Get(s.t, "/security")
		if to := b.Post(s.t, "/results", "category", category).Header.Get("Location"); to != "" {
			todo = append(todo, to)
		}
	}
	s.follow(b, todo, most)
}

func (s *siege) follow(b *apptest.Browser, todo []string, most int) {
	done, of := map[string]bool{}, map[string]int{}
	for i := 0; i < len(todo) && i < 4*most; i++ {
		path := todo[i]
		if done[path] || path == "" {
			continue
		}
		done[path] = true
		bare, _, _ := strings.Cut(path, "?")
		pattern := match(s.rows, http.MethodGet, bare)
		if of[pattern]++; pattern != "" && of[pattern] > most {
			continue
		}
		got := b.Get(s.t, path)
		s.kinds[cmp.Or(pattern, bare)]++
		if of[pattern] <= 12 && !strings.Contains(path, "as=") && got.Status == http.StatusOK {
			for _, twin := range []string{"print", "large", "text", "csv"} { // a page that has none shows itself
				todo = append(todo, path+map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]+"as="+twin)
			}
		}
		todo = append(todo, s.held(path, got.Status, got.Header, got.Body)...)
	}
}

// held holds one answer against the rules of its kind, and returns where it links to.
func (s *siege) held(path string, status int, head http.Header, body []byte) []string {
	s.t.Helper()
	kind := head.Get("Content-Type")
	csp := head.Get("Content-Security-Policy")
	if head.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(csp, "default-src 'none'") {
		s.t.Errorf("%s: without nosniff or a closed policy: %q", path, csp)
	}
	for name, values := range head {
		if strings.Contains(strings.Join(values, "\n"), "hit(") || name == "X" {
			s.t.Errorf("%s: the header %s comes out of data: %q", path, name, values)
		}
	}
	if to := head.Get("Location"); to != "" {
		return []string{to}
	}
	if strings.HasPrefix(head.Get("Content-Disposition"), "attachment") {
		if !strings.Contains(csp, "sandbox") || strings.HasPrefix(kind, "text/html") {
			s.t.Errorf("%s: a download without a sandbox: %s, %q", path, kind, csp)
		}
	}
	switch {
	case strings.HasPrefix(kind, "text/html"):
		s.pages++
		return s.page(path, csp, body)
	case strings.HasPrefix(kind, "text/csv"):
		s.sheet(path, head, body)
	case strings.HasPrefix(kind, "text/plain"), strings.HasPrefix(kind, "text/css"), strings.HasPrefix(kind, "text/javascript"), strings.HasPrefix(kind, "image/"), strings.HasPrefix(kind, "font/"), strings.HasPrefix(kind, "application/"):
	case status == http.StatusSeeOther:
	default:
		s.t.Errorf("%s: %d of type %q", path, status, kind)
	}
	s.met(string(body))
	return nil
}

var number = regexp.MustCompile(`zq\.(\d+)\.z`)

func (s *siege) met(text string) {
	for _, m := range number.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		s.seen[n] = true
	}
}

// page parses as a browser does and knows every element that is there.
func (s *siege) page(path, csp string, body []byte) (links []string) {
	s.t.Helper()
	for _, want := range []string{"require-trusted-types-for 'script'", "trusted-types 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(csp, want) {
			s.t.Errorf("%s: the policy is without %s: %s", path, want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
		s.t.Errorf("%s: %s", path, csp)
	}
	if strings.ContainsFunc(string(body), func(r rune) bool {
		return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200b || r == 0xfeff
	}) {
		s.t.Errorf("%s: a character that turns or hides text", path)
	}
	doc, err := html.Parse(bytes.NewReader(body))
	must(s.t, err)
	for n := range doc.Descendants() {
		switch n.Type {
		case html.TextNode:
			s.met(n.Data)
			if n.Parent.Data == "script" && strings.TrimSpace(n.Data) != "" {
				s.t.Errorf("%s: a script in the page: %.80q", path, n.Data)
			}
		case html.CommentNode:
			s.t.Errorf("%s: a comment: %.80q", path, n.Data)
		case html.ElementNode:
			if !s.tags[n.Data] && !s.tags[strings.ToLower(n.Data)] {
				s.t.Errorf("%s: <%s> is in none of our templates", path, n.Data)
			}
			links = append(links, s.element(path, n)...)
		}
	}
	return links
}

func (s *siege) element(path string, n *html.Node) (links []string) {
	s.t.Helper()
	for _, x := range n.Attr {
		s.met(x.Val)
		name := strings.ToLower(x.Key)
		switch {
		case strings.HasPrefix(name, "on"), name == "srcdoc", name == "style", name == "srcset", !s.attrs[name]:
			s.t.Errorf("%s: <%s %s=%.60q> is in none of our templates", path, n.Data, x.Key, x.Val)
		case slices.Contains([]string{"href", "src", "action", "formaction", "data", "poster", "content"}, name):
			if name == "content" && n.Data == "meta" && attr(n, "http-equiv") == "" {
				continue
			}
			u, err := url.Parse(x.Val)
			if strings.HasPrefix(x.Val, "tel:") || strings.HasPrefix(x.Val, "#") || strings.HasPrefix(x.Val, "?") && (path == "an error" || !number.MatchString(x.Val)) {
				continue
			}
			if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(x.Val, "/") {
				s.t.Errorf("%s: <%s %s=%.80q> leads away", path, n.Data, x.Key, x.Val)
			} else if strings.Contains(x.Val, "zq.") && number.MatchString(x.Val) {
				s.t.Errorf("%s: <%s %s=%.80q> has data in an address", path, n.Data, x.Key, x.Val)
			} else if n.Data == "a" {
				links = append(links, x.Val)
			}
		}
	}
	if n.Data == "script" && (attr(n, "nonce") == "" || !strings.HasPrefix(attr(n, "src"), "/assets/")) {
		s.t.Errorf("%s: a script that is not ours: %v", path, n.Attr)
	}
	return links
}

// sheet reads a CSV as a spreadsheet does: no cell may be a formula (ASVS 1.2.10).
func (s *siege) sheet(path string, head http.Header, body []byte) {
	s.t.Helper()
	if !strings.HasPrefix(head.Get("Content-Disposition"), "attachment") {
		s.t.Errorf("%s: a CSV that is no attachment", path)
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\uFEFF")))).ReadAll()
	if err != nil {
		s.t.Errorf("%s: %v", path, err)
	}
	for _, row := range rows {
		for _, cell := range row {
			s.met(cell)
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				if _, err := strconv.ParseFloat(cell, 64); err != nil {
					s.t.Errorf("%s: the cell %q is a formula", path, cell)
				}
			}
		}
	}
}

// programs reads everything through the API: data comes back as it is, and as nothing but data.
func (s *siege) programs() {
	for k := range hostiles {
		token := s.Token(s.t, fmt.Sprint("h", k))
		for _, typ := range types() {
			got := s.API(s.t, token, "/"+typ)
			if got.Status != http.StatusOK || !json.Valid(got.Body) || !strings.HasPrefix(got.Header.Get("Content-Type"), "application/fhir+json") || got.Header.Get("X-Content-Type-Options") != "nosniff" {
				s.t.Errorf("%s: %d %v", typ, got.Status, got.Header)
			}
		}
	}
}

// errors asks for what is not there in the words of the corpus: no answer repeats them.
func (s *siege) errors(b *apptest.Browser) {
	token := s.Token(s.t, "h0")
	for i := range corpus { // the account itself is called by the third
		e := url.PathEscape(text(i))
		q := url.QueryEscape(text(i))
		for _, path := range []string{"/" + e, "/results/" + e, "/results?q=" + q, "/access-log?before=" + q, "/sign-in?next=" + q + "&why=" + q + "&lang=" + q, "/access-log?show=" + q, "/approve/" + e, "/clinic/" + e, "/admin?after=" + q + "&made=" + q} {
			got := b.Get(s.t, path)
			s.held("an error", got.Status, got.Header, got.Body)
			if i != 3 && bytes.Contains(got.Body, []byte("zq."+strconv.Itoa(i)+".z")) && strings.HasPrefix(path, "/results/") {
				s.t.Errorf("%s repeats what was asked for", path)
			}
		}
		for _, path := range []string{"/" + e, "/Observation/" + e, "/Observation?code=" + q, "/Observation?" + q + "=1", "/Observation?date=" + q, "/Observation?_sort=" + q, "/Observation?_count=" + q} {
			got := s.API(s.t, token, path)
			if !json.Valid(got.Body) || !strings.HasPrefix(got.Header.Get("Content-Type"), "application/fhir+json") {
				s.t.Errorf("%s: %d %s", path, got.Status, got.Header)
			}
			if got.Status != http.StatusOK && bytes.Contains(got.Body, []byte("zq."+strconv.Itoa(i)+".z")) {
				s.t.Errorf("%s: the error repeats what was asked for: %s", path, got.Body)
			}
		}
	}
}
