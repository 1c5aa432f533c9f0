package phi

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"log"
	"log/slog"
	"strings"
	"testing"

	"postern.example/postern/test/covers"
)

// secret is what must not appear: long enough that a part of it is no accident.
const secret = "Rosalind Quimby-Hawthorne, metformin 850 mg"

// holder hides PHI the ways a struct of ours might.
type holder struct {
	Name   Text
	hidden Text
	body   Doc
	Nested inner
	Ptr    *Text
	deep   *inner
	list   []Text
	byName map[string]Doc
	any    any
	Body   Doc
}

type inner struct {
	text Text
	Doc  Doc
}

func filled() holder {
	t, d := NewText(secret), NewDoc([]byte(secret))
	in := inner{text: t, Doc: d}
	return holder{Name: t, hidden: t, body: d, Nested: in, Ptr: &t, deep: &in,
		list: []Text{t}, byName: map[string]Doc{"chart": d}, any: t, Body: d}
}

// stories are the values that a careless line might print.
func stories() map[string]any {
	h, t, d := filled(), NewText(secret), NewDoc([]byte(secret))
	return map[string]any{
		"text":              t,
		"doc":               d,
		"pointer to text":   &t,
		"pointer to doc":    &d,
		"struct":            h,
		"pointer to struct": &h,
		"slice":             []any{t, d, h},
		"map":               map[string]any{"a": t, "b": d, "c": h},
		"array":             [1]Text{t},
		"error":             fmt.Errorf("read %v: %w", t, errors.New("no")),
		"func":              t.Reveal, // a method value prints an address
	}
}

// leaks reports whether out carries a recognisable part of the secret, plain
// or in an encoding that a formatter might choose.
func leaks(out string) bool {
	for _, part := range []string{"Rosalind", "Hawthorne", "metformin"} {
		for _, form := range []string{part, hex.EncodeToString([]byte(part)), fmt.Sprintf("% x", part),
			strings.Trim(fmt.Sprint([]byte(part)), "[]"), strings.Trim(fmt.Sprintf("%#v", []byte(part)), "[]byte{}")} {
			if strings.Contains(strings.ToLower(out), strings.ToLower(form)) {
				return true
			}
		}
		if strings.Contains(out, base64.StdEncoding.EncodeToString([]byte(secret))[:12]) {
			return true
		}
	}
	return false
}

func TestLeaksFindsTheSecret(t *testing.T) {
	for _, out := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("% x", secret),
		fmt.Sprint([]byte(secret)), fmt.Sprintf("%#v", []byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))} {
		if !leaks(out) {
			t.Errorf("the detector misses %q", out)
		}
	}
}

// No verb of package fmt prints the content, wherever the value sits.
func TestNoVerbPrints(t *testing.T) {
	covers.Covers(t, "ED-15", "SD-13c")
	flags := []string{"", "+", "#", "-", " ", "0", "+#", "20", ".3", "#20.3"}
	for name, v := range stories() {
		for _, verb := range "vTtbcdoOqxXUeEfFgGspw" {
			for _, f := range flags {
				format := "%" + f + string(verb)
				if out := fmt.Sprintf(format, v); leaks(out) {
					t.Errorf("%s with %s prints %q", name, format, out)
				}
			}
		}
		if out := fmt.Sprint(v) + fmt.Sprintln(v); leaks(out) {
			t.Errorf("%s printed: %q", name, out)
		}
	}
}

// Encoders that look through exported fields or ask for text get nothing.
func TestNoEncoderPrints(t *testing.T) {
	covers.Covers(t, "ED-15")
	for name, v := range stories() {
		if name == "func" {
			continue // not encodable
		}
		if out, err := json.Marshal(v); err == nil && leaks(string(out)) {
			t.Errorf("json of %s: %s", name, out)
		}
		if out, err := xml.Marshal(v); err == nil && leaks(string(out)) {
			t.Errorf("xml of %s: %s", name, out)
		}
		var buf bytes.Buffer
		if err := gob.NewEncoder(&buf).Encode(v); err == nil && leaks(buf.String()) {
			t.Errorf("gob of %s: %q", name, buf.String())
		}
	}
	if out, err := json.Marshal(map[string]any{"t": NewText(secret), "d": NewDoc([]byte(secret))}); err != nil ||
		string(out) != `{"d":"[redacted]","t":"[redacted]"}` {
		t.Errorf("json: %s, %v", out, err)
	}
	text, err := NewText(secret).MarshalText()
	if err != nil || string(text) != redacted {
		t.Errorf("text: %q, %v", text, err)
	}
	if text, err = NewDoc([]byte(secret)).MarshalText(); err != nil || string(text) != redacted {
		t.Errorf("doc: %q, %v", text, err)
	}
}

// Neither logger prints the content, as message, attribute or group.
func TestNoLoggerPrints(t *testing.T) {
	covers.Covers(t, "ED-15", "SD-13c")
	for name, v := range stories() {
		var buf bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&buf, nil), slog.NewJSONHandler(&buf, nil)} {
			l := slog.New(h)
			l.Info("read", "value", v)
			l.With("value", v).WithGroup("g").LogAttrs(context.Background(), slog.LevelError, "read", slog.Any("value", v))
		}
		l := log.New(&buf, "", 0)
		l.Print(v)
		l.Printf("%v %+v %#v", v, v, v)
		if leaks(buf.String()) {
			t.Errorf("log of %s: %q", name, buf.String())
		}
	}
}

// A template that is handed the value itself, not Reveal, shows the placeholder.
func TestNoTemplatePrints(t *testing.T) {
	tpl := template.Must(template.New("").Parse(`{{.Name}} {{printf "%s %v" .Body .Name}} <a title="{{.Name}}" href="/?q={{.Name}}"><script>{{.Body}}</script>`))
	var out strings.Builder
	if err := tpl.Execute(&out, filled()); err != nil {
		t.Fatal(err)
	}
	if leaks(out.String()) || !strings.Contains(out.String(), redacted) {
		t.Errorf("template: %s", out.String())
	}
}

func TestRevealIsTheOnlyWayOut(t *testing.T) {
	if got := NewText(secret).Reveal(); got != secret {
		t.Errorf("text reveals %q", got)
	}
	d := NewDoc([]byte(secret))
	if string(d.Reveal()) != secret || d.Len() != len(secret) {
		t.Errorf("doc reveals %q, %d", d.Reveal(), d.Len())
	}
	if s := NewText(secret).String() + NewText(secret).GoString() + d.String() + d.GoString(); s != strings.Repeat(redacted, 4) {
		t.Errorf("stringers: %q", s)
	}
	if a, b := NewText(secret).LogValue().String(), d.LogValue().String(); a != redacted || b != redacted {
		t.Errorf("log values: %q, %q", a, b)
	}
}

func TestZeroHoldsNothing(t *testing.T) {
	if !(Text{}).IsZero() || !NewText("").IsZero() || NewText("x").IsZero() || (Text{}).Reveal() != "" {
		t.Error("zero text")
	}
	if (Doc{}).Len() != 0 || (Doc{}).Reveal() != nil {
		t.Error("zero doc")
	}
}

// A lent document and its copies are empty once it has been given back.
func TestALentDocEnds(t *testing.T) {
	d, end := LendDoc([]byte("lent"))
	copied := d
	if string(copied.Reveal()) != "lent" || d.Len() != 4 {
		t.Errorf("lent %q", copied.Reveal())
	}
	end()
	if d.Len() != 0 || copied.Reveal() != nil {
		t.Errorf("still there: %q", copied.Reveal())
	}
}
