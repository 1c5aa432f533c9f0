package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
)

// forms names the plural forms as CLDR does.
func forms() map[string]plural.Form {
	return map[string]plural.Form{"zero": plural.Zero, "one": plural.One, "two": plural.Two,
		"few": plural.Few, "many": plural.Many, "other": plural.Other}
}

// Decode reads one catalogue: an object of message ids, each a text or an object
// of plural forms. Unlike encoding/json it refuses an id that appears twice,
// because the second would silently win.
func Decode(raw []byte) (map[string]Message, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("decode catalogue: not an object")
	}
	out := map[string]Message{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("decode catalogue: %w", err)
		}
		id, ok := t.(string)
		if !ok {
			return nil, errors.New("decode catalogue: id is not a string")
		}
		if _, twice := out[id]; twice {
			return nil, fmt.Errorf("decode catalogue: %q appears twice", id)
		}
		if out[id], err = decodeMessage(d); err != nil {
			return nil, fmt.Errorf("decode message %q: %w", id, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("decode catalogue: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode catalogue: text after the object")
	}
	return out, nil
}

func decodeMessage(d *json.Decoder) (Message, error) {
	var v any
	if err := d.Decode(&v); err != nil {
		return Message{}, err
	}
	switch v := v.(type) {
	case string:
		return Message{Text: v}, nil
	case map[string]any:
		m := Message{Forms: map[plural.Form]string{}}
		for name, text := range v {
			f, ok := forms()[name]
			s, isText := text.(string)
			if !ok || !isText {
				return Message{}, fmt.Errorf("plural form %q is not one", name)
			}
			m.Forms[f] = s
		}
		return m, nil
	default:
		return Message{}, errors.New("neither a text nor plural forms")
	}
}

// problems compares every language with the first and lists what is wrong.
func (c *Catalog) problems() []string {
	var found []string
	first := c.Language("")
	for _, tag := range Languages() {
		l := c.languages[tag]
		for id, m := range l.messages {
			for _, p := range m.problems() {
				found = append(found, fmt.Sprintf("%s %s: %s", tag, id, p))
			}
			if _, ok := first.messages[id]; !ok {
				found = append(found, fmt.Sprintf("%s %s: not in %s", tag, id, first.tag))
			}
		}
		for id, want := range first.messages {
			have, ok := l.messages[id]
			switch {
			case !ok:
				found = append(found, fmt.Sprintf("%s %s: missing", tag, id))
			case (have.Forms == nil) != (want.Forms == nil):
				found = append(found, fmt.Sprintf("%s %s: counts in one language only", tag, id))
			case !slices.Equal(have.placeholders(), want.placeholders()):
				found = append(found, fmt.Sprintf("%s %s: other placeholders", tag, id))
			}
		}
	}
	slices.Sort(found)
	return found
}

func (m Message) texts() []string {
	if m.Forms == nil {
		return []string{m.Text}
	}
	var ts []string
	for _, t := range m.Forms {
		ts = append(ts, t)
	}
	return ts
}

// problems lists what is wrong with one message by itself.
func (m Message) problems() []string {
	var found []string
	if m.Forms != nil && (m.Forms[plural.One] == "" || m.Forms[plural.Other] == "") {
		found = append(found, `needs the forms "one" and "other"`)
	}
	for _, t := range m.texts() {
		if strings.TrimSpace(t) == "" {
			found = append(found, "empty")
		}
		if strings.ContainsAny(t, "<>&`") {
			found = append(found, "markup")
		}
		if t != strings.TrimSpace(t) {
			found = append(found, "space at an end")
		}
	}
	return found
}

// placeholders lists the names in braces, sorted, each once. "n" may be left out
// of one form ("one new result"), so it counts as present in a counted message.
func (m Message) placeholders() []string {
	names := map[string]bool{}
	if m.Forms != nil {
		names["n"] = true
	}
	for _, t := range m.texts() {
		for {
			_, rest, found := strings.Cut(t, "{")
			if !found {
				break
			}
			name, after, _ := strings.Cut(rest, "}")
			names[name] = true
			t = after
		}
	}
	var out []string
	for n := range names {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
