package catalog

import (
	"strings"
	"testing"
)

func load(t *testing.T) *Catalog {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Both languages are complete: Load compares ids, placeholders and plural forms.
func TestBothLanguagesAreComplete(t *testing.T) {
	c := load(t)
	if n := len(c.IDs()); n < 300 {
		t.Fatalf("only %d messages: the catalogue lost its pages", n)
	}
}

func TestLoadFindsEveryHole(t *testing.T) {
	decode := func(s string) map[string]Message {
		m, err := Decode([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for name, pair := range map[string][2]string{
		"missing":      {`{"a":"A","b":"B"}`, `{"a":"A"}`},
		"extra":        {`{"a":"A"}`, `{"a":"A","b":"B"}`},
		"placeholder":  {`{"a":"A {x}"}`, `{"a":"A {y}"}`},
		"markup":       {`{"a":"<b>A</b>"}`, `{"a":"A"}`},
		"entity":       {`{"a":"A"}`, `{"a":"A &amp; B"}`},
		"empty":        {`{"a":"A"}`, `{"a":" "}`},
		"plural":       {`{"a":{"one":"1","other":"{n}"}}`, `{"a":{"other":"{n}"}}`},
		"not counting": {`{"a":{"one":"1","other":"{n}"}}`, `{"a":"{n}"}`},
	} {
		c := &Catalog{languages: map[string]*Language{
			"en": {tag: "en", messages: decode(pair[0])}, "es": {tag: "es", messages: decode(pair[1])}}}
		if len(c.problems()) == 0 {
			t.Errorf("%s: nothing found", name)
		}
	}
}

func TestPluralsAndNumbers(t *testing.T) {
	c := load(t)
	for _, k := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 0, "0 kinds of tests"}, {"en", 1, "1 kind of test"}, {"en", 1234, "1,234 kinds of tests"},
		{"es", 0, "0 tipos de análisis"}, {"es", 1, "1 tipo de análisis"}, {"es", 2, "2 tipos de análisis"},
		{"es", 1_000_000, "1,000,000 tipos de análisis"}, // CLDR "many" falls back to "other"
	} {
		got, err := c.Language(k.lang).Text("home.count-results", "n", k.n)
		if err != nil || got != k.want {
			t.Errorf("%s %d: %q, %v; want %q", k.lang, k.n, got, err, k.want)
		}
	}
}

func TestTextRefusesAPageThatAsksWrongly(t *testing.T) {
	l := load(t).Language("en")
	for name, f := range map[string]func() (string, error){
		"no id":       func() (string, error) { return l.Text("no.such.id") },
		"no count":    func() (string, error) { return l.Text("home.count-results") },
		"no argument": func() (string, error) { return l.Text("home.hello") },
		"odd":         func() (string, error) { return l.Text("home.hello", "name") },
		"type":        func() (string, error) { return l.Text("home.hello", "name", 1.5) },
		"name":        func() (string, error) { return l.Text("home.hello", 1, "x") },
	} {
		if s, err := f(); err == nil {
			t.Errorf("%s: %q without an error", name, s)
		}
	}
	if s, err := l.Text("home.hello", "name", "{name}"); err != nil || !strings.Contains(s, "{name}") {
		t.Errorf("a value was read as a placeholder: %q %v", s, err)
	}
}

func TestChoose(t *testing.T) {
	c := load(t)
	for _, k := range []struct {
		header string
		prefs  []string
		want   string
	}{
		{"", nil, "en"}, {"es-MX,es;q=0.9,en;q=0.5", nil, "es"}, {"es", []string{"en"}, "en"},
		{"en", []string{"", "es"}, "es"}, {"fr", nil, "en"}, {";;;", nil, "en"}, {"en", []string{"xx"}, "en"},
		{"pt-BR, es-419;q=0.8", nil, "es"},
	} {
		if got := c.Choose(k.header, k.prefs...); got != k.want {
			t.Errorf("%q %v: %s, want %s", k.header, k.prefs, got, k.want)
		}
	}
	if c.Language("xx").Tag() != "en" {
		t.Error("an unknown language must fall back")
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":"b"}`, `{"a":{"one":"x","other":"{n}"}}`, `{"a":"b","a":"c"}`, `[`, `{"a":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Decode(raw)
		if err == nil && m == nil {
			t.Fatal("neither a catalogue nor an error")
		}
		for _, x := range m {
			_ = x.problems()
			_ = x.placeholders()
		}
	})
}
