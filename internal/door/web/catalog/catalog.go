// Package catalog owns every word that Postern's own pages say, in each
// language: flat JSON files of message ids, with plural forms chosen by the
// CLDR rules of golang.org/x/text.
//
// It guarantees that a catalogue that is loaded is complete: every language has
// the same ids, the same placeholders and every plural form that it needs, and
// no message holds markup. Load refuses anything else, so a page cannot meet a
// hole at run time.
//
// It never escapes (html/template does), never holds data about a person and
// never translates by machine. Names of medicines, conditions and vaccines arrive
// from the chart. For the common ones there are plain words in words/: a name and one
// line, written by hand in both languages, found by code. An entry that no clinician
// has reviewed says so, and the chart's own name is always shown beside ours.
package catalog

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

//go:embed en.json es.json words/*.json
var files embed.FS

// Languages lists the languages by the tags that pages, cookies and accounts
// use. The first one is the language of last resort.
func Languages() []string { return []string{"en", "es"} }

// region gives each language the regional habits of the readers: Spanish as it
// is written in the United States (1,234.5 and not 1.234,5), so that a number
// means the same in both languages of one household.
func region(tag string) language.Tag {
	switch tag {
	case "es":
		return language.MustParse("es-US")
	default:
		return language.AmericanEnglish
	}
}

// Catalog is the set of all languages. It is immutable and safe for concurrent use.
type Catalog struct {
	languages map[string]*Language
	matcher   language.Matcher
	words     *words
}

// Language is one language of a Catalog.
type Language struct {
	tag      string
	region   language.Tag
	messages map[string]Message
	words    *words
}

// Message is one message: one text, or one text for each plural form.
type Message struct {
	Text  string
	Forms map[plural.Form]string // nil unless the message counts
}

// Load reads and checks the embedded catalogues.
func Load() (*Catalog, error) {
	w, err := loadWords()
	if err != nil {
		return nil, err
	}
	c := &Catalog{languages: map[string]*Language{}, words: w}
	var tags []language.Tag
	for _, tag := range Languages() {
		messages, err := read(tag + ".json")
		if err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", tag, err)
		}
		c.languages[tag] = &Language{tag: tag, region: region(tag), messages: messages, words: w}
		tags = append(tags, language.MustParse(tag))
	}
	c.matcher = language.NewMatcher(tags)
	if problems := c.problems(); len(problems) > 0 {
		return nil, fmt.Errorf("check catalogues: %s", strings.Join(problems, "; "))
	}
	return c, nil
}

// read reads the messages of an embedded file.
func read(name string) (map[string]Message, error) {
	raw, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Decode(raw)
}

// Language returns the language with this tag, or the language of last resort.
func (c *Catalog) Language(tag string) *Language {
	if l, ok := c.languages[tag]; ok {
		return l
	}
	return c.languages[Languages()[0]]
}

// Choose returns the tag of the language to answer in: the first preference
// that is one of ours (account, then cookie; empty ones are skipped), else the
// best match of an Accept-Language header, else the language of last resort.
func (c *Catalog) Choose(acceptLanguage string, preferences ...string) string {
	for _, p := range preferences {
		if _, ok := c.languages[p]; ok {
			return p
		}
	}
	// A header that does not parse is no reason to refuse a page.
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 {
		return Languages()[0]
	}
	_, i, _ := c.matcher.Match(wanted...)
	return Languages()[i]
}

// IDs lists the message ids, sorted.
func (c *Catalog) IDs() []string {
	var ids []string
	for id := range c.Language("").messages {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Tag is the language's tag, as in the lang attribute of a page.
func (l *Language) Tag() string { return l.tag }

// Has reports whether there is a message with this id.
func (l *Language) Has(id string) bool { _, ok := l.messages[id]; return ok }

// Text returns message id with its placeholders filled from args, which are
// alternating names and values (string or int). The int argument named "n"
// chooses the plural form. A missing message, a missing or an unused argument is
// an error: it is a defect of the page that asks.
func (l *Language) Text(id string, args ...any) (string, error) {
	m, ok := l.messages[id]
	if !ok {
		return "", fmt.Errorf("message %q: no such id", id)
	}
	values, count, err := l.values(args)
	if err != nil {
		return "", fmt.Errorf("message %q: %w", id, err)
	}
	text := m.Text
	if m.Forms != nil {
		if count < 0 {
			return "", fmt.Errorf("message %q: needs a count named n", id)
		}
		text = l.form(m, count)
	}
	s, err := fill(text, values)
	if err != nil {
		return "", fmt.Errorf("message %q: %w", id, err)
	}
	return s, nil
}

// Number writes n with the grouping of the language.
func (l *Language) Number(n int) string {
	return message.NewPrinter(l.region).Sprint(number.Decimal(n))
}

func (l *Language) form(m Message, n int) string {
	f := plural.Cardinal.MatchPlural(l.region, n%10_000_000, 0, 0, 0, 0)
	if s, ok := m.Forms[f]; ok {
		return s
	}
	return m.Forms[plural.Other]
}

func (l *Language) values(args []any) (map[string]string, int, error) {
	if len(args)%2 != 0 {
		return nil, 0, fmt.Errorf("arguments come in pairs of name and value")
	}
	values, count := map[string]string{}, -1
	for i := 0; i < len(args); i += 2 {
		name, ok := args[i].(string)
		if !ok {
			return nil, 0, fmt.Errorf("argument %d: name is not a string", i)
		}
		switch v := args[i+1].(type) {
		case string:
			values[name] = v
		case int:
			values[name] = l.Number(v)
			if name == "n" && v >= 0 {
				count = v
			}
		default:
			return nil, 0, fmt.Errorf("argument %s: neither string nor int", name)
		}
	}
	return values, count, nil
}

// fill replaces each {name} once. Values are never scanned for placeholders.
func fill(text string, values map[string]string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		value, ok := values[name]
		if !closed || !ok {
			return "", fmt.Errorf("placeholder {%s} has no argument", name)
		}
		b.WriteString(value)
		text = after
	}
}

// Forms lists the texts of message id as they stand, with their placeholders: for tests
// of what they say.
func (l *Language) Forms(id string) []string {
	texts := l.messages[id].texts()
	slices.Sort(texts)
	return texts
}

// Rewritten is the catalogue with every message changed: for tests that look for words
// which came from no catalogue. change keeps the placeholders.
func (c *Catalog) Rewritten(change func(text string) string) *Catalog {
	out := *c
	out.languages = map[string]*Language{}
	for tag, l := range c.languages {
		other := *l
		other.messages = map[string]Message{}
		for id, m := range l.messages {
			n := Message{Text: m.Text}
			if m.Forms == nil {
				n.Text = change(m.Text)
			} else {
				n.Forms = map[plural.Form]string{}
				for f, text := range m.Forms {
					n.Forms[f] = change(text)
				}
			}
			other.messages[id] = n
		}
		out.languages[tag] = &other
	}
	return &out
}
