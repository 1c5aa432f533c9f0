package view_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jba/templatecheck"

	"postern.example/postern/internal/door/web/assets"
	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/door/web/view/viewtest"
	"postern.example/postern/internal/word/fault"
)

var update = flag.Bool("update", false, "rewrite the golden pages")

func newSet(t testing.TB) (*view.Set, *catalog.Catalog, *assets.Set) {
	t.Helper()
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	a, err := assets.New()
	if err != nil {
		t.Fatal(err)
	}
	s, err := view.New(view.Config{Catalog: c, Assets: a})
	if err != nil {
		t.Fatal(err)
	}
	return s, c, a
}

func render(t testing.TB, s *view.Set, m view.Model) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Render(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every template uses only fields and methods that its model has, with the
// types that they have.
func TestTemplatesMatchTheirModels(t *testing.T) {
	s, _, _ := newSet(t)
	for _, lang := range catalog.Languages() {
		for _, m := range view.Models() {
			page, err := s.Template(lang, m)
			if err != nil {
				t.Fatal(err)
			}
			if err := templatecheck.CheckHTML(page, m); err != nil {
				t.Errorf("%s %s: %v", lang, view.Name(m), err)
			}
		}
	}
}

// Every page has a model in the table, and every fixture renders.
func TestEveryPageHasAFixture(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range viewtest.Pages("en") {
		seen[view.Name(p.Model)] = true
	}
	for _, m := range view.Models() {
		if !seen[view.Name(m)] {
			t.Errorf("page %s has no fixture", view.Name(m))
		}
	}
	models := map[string]bool{"frame": true} // of every page
	for _, m := range view.Models() {
		models[view.Name(m)] = true
	}
	dirs, err := os.ReadDir("tmpl")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !models[d.Name()] {
			t.Errorf("template folder %s belongs to no page of view.Models", d.Name())
		}
	}
}

// The asset hash changes with every touch of the style sheet; golden pages are
// about markup, so it is masked.
var hash = regexp.MustCompile(`/assets/[0-9a-f]{16}/`)

func TestGolden(t *testing.T) {
	s, _, _ := newSet(t)
	for _, lang := range catalog.Languages() {
		for _, p := range viewtest.Pages(lang) {
			got := hash.ReplaceAllString(render(t, s, p.Model), "/assets/HASH/")
			file := filepath.Join("testdata", "golden", p.Name+"."+lang+".html")
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || string(want) != got {
				t.Errorf("%s differs (run with -update after looking): %v", file, err)
			}
		}
	}
}

// What every page must have and must not have.
func TestEveryPage(t *testing.T) {
	s, _, _ := newSet(t)
	inline := regexp.MustCompile(`(?i)<[^>]+\s(style|on[a-z]+)\s*=|<style|javascript:|<script(?:[^>]*)>[^<]`)
	forms := regexp.MustCompile(`(?s)<form[^>]*>.*?</form>`)
	ids := regexp.MustCompile(`\sid="([^"]*)"`)
	refs := regexp.MustCompile(`\s(?:aria-labelledby|aria-describedby|for)="([^"]*)"`)
	for _, lang := range catalog.Languages() {
		for _, p := range viewtest.Pages(lang) {
			html := render(t, s, p.Model)
			name := lang + " " + p.Name
			if len(html) > 100_000 {
				t.Errorf("%s: %d bytes", name, len(html))
			}
			for _, must := range []string{`<html lang="` + lang + `">`, `<main id="main"`, `class="skip"`, "tel:5550100142", "(555) 010-0142", `action="/language"`} {
				if !strings.Contains(html, must) {
					t.Errorf("%s: no %s", name, must)
				}
			}
			if m := inline.FindString(html); m != "" {
				t.Errorf("%s: inline code or style: %s", name, m)
			}
			for _, f := range forms.FindAllString(html, -1) {
				if !strings.Contains(f, `method="post"`) || !strings.Contains(f, `name="form_token"`) {
					t.Errorf("%s: form without POST or token: %s", name, f)
				}
			}
			found := map[string]bool{}
			for _, m := range ids.FindAllStringSubmatch(html, -1) {
				if found[m[1]] {
					t.Errorf("%s: id %q twice", name, m[1])
				}
				found[m[1]] = true
			}
			for _, m := range refs.FindAllStringSubmatch(html, -1) {
				for _, ref := range strings.Fields(m[1]) {
					if !found[ref] {
						t.Errorf("%s: reference to %q, which is not there", name, ref)
					}
				}
			}
			checkHeadings(t, name, html)
			checkAddresses(t, name, html)
		}
	}
}

// One h1, and no level is left out on the way down.
func checkHeadings(t *testing.T, name, html string) {
	t.Helper()
	level, h1 := 0, 0
	for _, m := range regexp.MustCompile(`<h([1-6])[ >]`).FindAllStringSubmatch(html, -1) {
		next := int(m[1][0] - '0')
		if next == 1 {
			h1++
		}
		if next > level+1 {
			t.Errorf("%s: h%d after h%d", name, next, level)
		}
		level = next
	}
	if h1 != 1 {
		t.Errorf("%s: %d h1", name, h1)
	}
}

// Links and loads stay on this site; only the shown one-time link is absolute,
// and it is a value, not a link.
func checkAddresses(t *testing.T, name, html string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`\s(?:href|src|action|data-options|data-finish)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !regexp.MustCompile(`^(/[^/]|/$|#|[?]|tel:)`).MatchString(m[1]) {
			t.Errorf("%s: address %q", name, m[1])
		}
		for _, phi := range []string{"Okoro", "A1c", "hemoglobin", "Penicillin", "laboratory"} {
			if strings.Contains(m[1], phi) {
				t.Errorf("%s: address %q carries %q", name, m[1], phi)
			}
		}
	}
	if title := regexp.MustCompile(`<title>[^<]*`).FindString(html); strings.Contains(title, "Okoro") || strings.Contains(title, "A1c") {
		t.Errorf("%s: the window title says too much: %s", name, title)
	}
}

// Every fault kind has its four messages.
func TestEveryFaultHasWords(t *testing.T) {
	_, c, _ := newSet(t)
	for _, k := range fault.Kinds() {
		for _, end := range []string{"", ".title", ".next"} {
			if !c.Language("en").Has(k.Message() + end) {
				t.Errorf("%s: no message %s", k, k.Message()+end)
			}
		}
	}
	s, _, _ := newSet(t)
	for _, said := range []string{"problem.last-passkey", "no.such.id"} {
		html := render(t, s, &view.Error{Base: view.Base{Lang: "es", ClinicName: "C"}, Kind: fault.Conflict, Message: said})
		if !strings.Contains(html, "llave de acceso") && said != "no.such.id" {
			t.Error("the error's own message is not shown")
		}
	}
}

// Every id that a template names exists; every message is used by some template
// or belongs to a family whose last part comes from data.
func TestMessagesAndTemplatesAgree(t *testing.T) {
	_, c, _ := newSet(t)
	families := []string{
		"act.",
		"approve.",
		"bar./",
		"category.",
		"change.",
		"chart.",
		"clinic.months",
		"clinic.open-for.",
		"clinic.years",
		"code.",
		"confirm.",
		"count.",
		"date.",
		"disease.",
		"drift.",
		"doubt.",
		"error.",
		"fact.",
		"flash.",
		"goal-now.",
		"goal-still.",
		"goal.",
		"import.",
		"list.",
		"look.",
		"looked.kind.",
		"looked.period.",
		"medications.nameless",
		"medicine.",
		"modality.",
		"news.",
		"now.",
		"outcome.",
		"own-act.",
		"own-suspension.",
		"panel.",
		"persona.",
		"place./",
		"words.in-",
		"problem.",
		"purpose.",
		"relation.",
		"role.",
		"schedule.",
		"security.device",
		"sense-what.",
		"sense.",
		"severity.",
		"sex.",
		"standing.",
		"state.",
		"status.",
		"still.",
		"suspension.",
		"table.",
		"thing.",
		"tongue.",
		"unit.",
		"use.",
		"usual.",
		"visit.",
	}
	used := map[string]bool{}
	literal := regexp.MustCompile(`[( {]t "([^"]+)"`)
	err := filepath.WalkDir("tmpl", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(raw, view.Visible(raw)) {
			t.Errorf("%s holds an invisible character", path)
		}
		for _, m := range literal.FindAllSubmatch(raw, -1) {
			used[string(m[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range used {
		if !c.Language("en").Has(id) {
			t.Errorf("template asks for %q", id)
		}
	}
	for _, id := range c.IDs() {
		if !used[id] && !slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(id, f) }) {
			t.Errorf("message %q is used nowhere", id)
		}
	}
}

// A stray English word on a Spanish page would come from a template, so
// templates hold no words of their own.
func TestTemplatesHoldNoWords(t *testing.T) {
	words := regexp.MustCompile(`>[^<{]*\p{L}{3,}[^<{]*[<{]`)
	action := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	err := filepath.WalkDir("tmpl", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range words.FindAllString(action.ReplaceAllString(string(raw), ""), -1) {
			if !strings.Contains(m, "postern") { // the command's own name
				t.Errorf("%s: words in the template: %s", path, m)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Conversions that switch escaping off exist once in the web door: in package chart.
func TestConversionsAreCounted(t *testing.T) {
	unsafe := map[string]bool{"HTML": true, "HTMLAttr": true, "JS": true, "JSStr": true, "CSS": true, "URL": true, "Srcset": true}
	found := map[string]int{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && unsafe[sel.Sel.Name] {
				if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "template" {
					found[filepath.ToSlash(path)]++
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]int{"../chart/svg.go": 1}; !reflect.DeepEqual(found, want) {
		t.Errorf("conversions: %v, want %v", found, want)
	}
}

// Hostile text in every string of every model stays text.
func TestHostileTextStaysText(t *testing.T) {
	s, _, _ := newSet(t)
	evil := `"'><script>alert(1)</script><img src=x onerror=alert(1)>` + "\u202e21\u200b"
	for _, p := range viewtest.Pages("en") {
		poison(reflect.ValueOf(p.Model).Elem(), evil)
		var b bytes.Buffer
		if err := s.Render(&b, p.Model); err != nil {
			continue // an id that does not exist: refused, nothing written
		}
		html := b.String()
		if strings.Contains(html, "<script>alert") || strings.Contains(html, "<img") {
			t.Errorf("%s: markup got through", p.Name)
		}
		if strings.ContainsAny(html, "\u202e\u200b") {
			t.Errorf("%s: invisible characters got through", p.Name)
		}
		if !strings.Contains(html, "&lt;script&gt;") && !strings.Contains(html, "&#34;") {
			t.Errorf("%s: nothing of the text was shown: is the test still doing something?", p.Name)
		}
	}
}

// poison overwrites every plain string that is data: message ids and typed
// enumerations keep their values.
func poison(v reflect.Value, evil string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), evil)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			keep := []string{"Lang", "Flash", "Problem", "Message", "NameLang", "Value"}
			if field.PkgPath == "" && !slices.Contains(keep, field.Name) && v.Type().PkgPath() != "time" {
				if v.Type().Name() == "Persona" && field.Name == "ID" {
					continue
				}
				poison(v.Field(i), evil)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i), evil)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && v.CanSet() {
			v.SetString(evil)
		}
	}
}

// A page that cannot be rendered writes nothing and tells no value.
func TestRenderIsAllOrNothing(t *testing.T) {
	s, _, _ := newSet(t)
	var b bytes.Buffer
	err := s.Render(&b, &view.Home{Base: view.Base{Lang: "en", Flash: "Okoro", Menu: view.MenuPatient}})
	if err == nil || b.Len() != 0 || strings.Contains(err.Error(), "Okoro") {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
}

// The words that the modules look up exist on the pages that load them.
func TestModulesFindTheirWords(t *testing.T) {
	s, _, _ := newSet(t)
	js, err := os.ReadFile("../assets/files/passkey.js")
	if err != nil {
		t.Fatal(err)
	}
	html := render(t, s, &view.Enrol{Base: view.Base{Lang: "en"}})
	for _, m := range regexp.MustCompile(`words\(root, '([a-z-]+)'\)|return '([a-z]+)'`).FindAllStringSubmatch(string(js), -1) {
		if id := m[1] + m[2]; !strings.Contains(html, `data-word="`+id+`"`) {
			t.Errorf("the page has no words for %q", id)
		}
	}
}

func BenchmarkResults(b *testing.B) {
	s, _, _ := newSet(b)
	var page view.Model
	for _, p := range viewtest.Pages("en") {
		if p.Name == "results" {
			page = p.Model
		}
	}
	for b.Loop() {
		render(b, s, page)
	}
}

// How long something was is said as people say it, for whole dates and for parts of
// one: Spanish joins its article to a whole date alone.
func TestDurationsAreSaid(t *testing.T) {
	s, _, _ := newSet(t)
	day := view.ParseDay
	for _, c := range []struct {
		since, ended view.Day
		over         bool
		en, es       string
	}{
		{day("2019-05-03"), day("2020-06-01"), true, "May 3, 2019 to June 1, 2020", "del 3 de mayo de 2019 al 1 de junio de 2020"},
		{day("2019"), day("2020-06-01"), true, "2019 to June 1, 2020", "de 2019 a 1 de junio de 2020"},
		{day("2019"), day("2020"), true, "2019 to 2020", "de 2019 a 2020"},
		{view.Day{}, day("2020-06-01"), true, "until June 1, 2020", "hasta el 1 de junio de 2020"},
		{view.Day{}, day("2020-06"), true, "until June 2020", "hasta junio de 2020"},
		{day("2019-05-03"), view.Day{}, true, "started May 3, 2019", "empezó el 3 de mayo de 2019"},
		{day("2019"), view.Day{}, true, "started in 2019", "empezó en 2019"},
		{day("2019-05-03"), view.Day{}, false, "since May 3, 2019", "desde el 3 de mayo de 2019"},
		{day("2019-05"), view.Day{}, false, "since May 2019", "desde mayo de 2019"},
		{view.Day{}, view.Day{}, false, "start date not known", "no se sabe desde cuándo"},
	} {
		for lang, want := range map[string]string{"en": c.en, "es": c.es} {
			m := &view.Conditions{Base: view.Base{Lang: lang, ClinicName: "C"}, Current: []view.Condition{{Name: "X", Since: c.since, Ended: c.ended, Over: c.over}}}
			if html := render(t, s, m); !strings.Contains(html, ">"+want+"</p>") {
				t.Errorf("%s: %v to %v is not said %q", lang, c.since, c.ended, want)
			}
		}
	}
}

// FuzzParseDay: whatever is written there, the date is known or zero.
func FuzzParseDay(f *testing.F) {
	for _, s := range []string{"2026", "2026-05", "2026-05-03", "2026-05-03T10:00:00Z", "9999-99-99", "", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := view.ParseDay(s)
		if d.Day != 0 && d.Month == 0 || d.Month != 0 && d.Year == 0 {
			raw, _ := json.Marshal(d)
			t.Fatalf("%q: %s", s, raw)
		}
	})
}

// A field of a page that is named like one of the base would hide it from the frame.
func TestNoFieldHidesTheBase(t *testing.T) {
	base := reflect.TypeFor[view.Base]()
	for _, m := range view.Models() {
		typ := reflect.TypeOf(m).Elem()
		for i := range typ.NumField() {
			name := typ.Field(i).Name
			_, field := base.FieldByName(name)
			_, method := reflect.PointerTo(base).MethodByName(name)
			if !typ.Field(i).Anonymous && (field || method) {
				t.Errorf("page %s: field %s hides the base's", view.Name(m), name)
			}
		}
	}
}
