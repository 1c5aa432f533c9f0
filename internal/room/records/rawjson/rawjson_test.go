package rawjson

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func reason(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	if err != nil {
		return "other"
	}
	return ""
}

func TestParseRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		in        string
		want      Reason
		line, col int
	}{
		{``, Truncated, 1, 1},
		{`{"a":1,"a":2}`, Duplicate, 1, 8},
		{"{\"a\":1,\n \"b\":{\"c\":1,\"c\":2}}", Duplicate, 2, 13},
		{`{"a":1,}`, Syntax, 1, 8},
		{`[1,]`, Syntax, 1, 4},
		{`{"a" 1}`, Syntax, 1, 6},
		{`{"a":1`, Truncated, 1, 7},
		{`"ab`, Truncated, 1, 4},
		{`[1] 2`, Trailing, 1, 5},
		{deep(65), Depth, 1, 65},
		{deep(10000), Depth, 1, 65},
		{"\"\xff\"", Encoding, 1, 2},
		{"\"\xed\xa0\x80\"", Encoding, 1, 2},
		{"\"\xc0\x80\"", Encoding, 1, 2},
		{"\xef\xbb\xbf{}", Encoding, 1, 1},
		{`"\ud800"`, Encoding, 1, 2},
		{`"\ud800\u0041"`, Encoding, 1, 2},
		{`"\udc00"`, Encoding, 1, 2},
		{`"\u0000"`, Control, 1, 2},
		{`"\u001b"`, Control, 1, 2},
		{`"\b"`, Control, 1, 2},
		{"\"a\nb\"", Control, 1, 3},
		{"\"\x7f\"", Control, 1, 2},
		{`"\x"`, Syntax, 1, 2},
		{`"\u12G4"`, Syntax, 1, 2},
		{`1e400000`, Number, 1, 1},
		{`[1e301]`, Number, 1, 2},
		{`1e-99999999999999999999`, Number, 1, 1},
		{strings.Repeat("9", 65), Number, 1, 1},
		{`01`, Syntax, 1, 1},
		{`[-]`, Syntax, 1, 3},
		{`[1.]`, Syntax, 1, 4},
		{`[1e]`, Syntax, 1, 4},
		{`[+1]`, Syntax, 1, 2},
		{`[.5]`, Syntax, 1, 2},
		{`NaN`, Syntax, 1, 1},
		{`tru`, Truncated, 1, 4},
		{`{"":1}`, Name, 1, 2},
		{`{"\u0069d":1}`, Name, 1, 2},
		{`{"a b":1}`, Name, 1, 2},
		{`{"ä":1}`, Name, 1, 2},
		{`{1:1}`, Syntax, 1, 2},
		{"[\"ä\", x]", Syntax, 1, 7},
	} {
		_, err := Parse([]byte(c.in), Limits{})
		var e *Error
		if !errors.As(err, &e) || e.Reason != c.want || e.At.Line != c.line || e.At.Col != c.col {
			t.Errorf("Parse(%.40q) = %v, want %s at %d:%d", c.in, err, c.want, c.line, c.col)
		}
	}
}

func TestManyMembersDuplicate(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{`)
	for i := range 500 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"m` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + `_` + strings.Repeat("1", i%11) + `_` + itoa(i) + `":{"k":1}`)
	}
	if _, err := Parse([]byte(b.String()+`}`), Limits{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Parse([]byte(b.String()+`,"mxb_1_1":0}`), Limits{}); reason(err) != Duplicate {
		t.Fatalf("a repeated name among 500 was not found: %v", err)
	}
}

func itoa(i int) string { b, _ := json.Marshal(i); return string(b) }

func TestValueKeepsWrittenForm(t *testing.T) {
	v, err := Parse([]byte(` { "a" : [ 1.10 , -0.0, 1E+2 , 12345678901234567890.10 ] , "s":"\u00e4\ud83d\ude00\n\"\/" , "n":null,"t":true,"o":{}} `), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var nums []string
	for item := range v.Get("a").Items() {
		nums = append(nums, item.Number())
	}
	if got := strings.Join(nums, " "); got != "1.10 -0.0 1E+2 12345678901234567890.10" {
		t.Errorf("numbers read back as %q", got)
	}
	if got := v.Get("s").Text(); got != "ä😀\n\"/" {
		t.Errorf("text = %q", got)
	}
	if !v.Get("t").IsTrue() || v.Get("n").Type() != Null || v.Get("x").Type() != Absent || v.Get("o").Type() != Object {
		t.Error("kinds are wrong")
	}
	if v.Get("t").Get("x").Type() != Absent || v.Get("a").Text() != "" || v.Get("s").Number() != "" {
		t.Error("asking a value for another kind must give nothing")
	}
	if w := v.Indexed(); w.Get("s").Text() != v.Get("s").Text() || w.Get("x").Type() != Absent || v.Get("t").Indexed().Type() != Bool {
		t.Error("Indexed changes what Get finds")
	}
	if at := v.Get("s").Offset(); !strings.HasPrefix(` { "a" : [ 1.10 , -0.0, 1E+2 , 12345678901234567890.10 ] , "s":"`[at:], `"`) {
		t.Errorf("offset %d is not the string", at)
	}
}

func TestReaderStreams(t *testing.T) {
	in := `{ "resourceType":"Bundle", "entry" : [ {"a":1} , {"b":[2]} ] , "type":"batch" } `
	for _, src := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
		r := NewReader(src, Config{})
		var got []string
		if err := r.Object(); err != nil {
			t.Fatal(err)
		}
		for {
			name, _, ok, err := r.NextMember()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if name != "entry" {
				v, _, err := r.Value(100)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, name+"="+v.Text())
				continue
			}
			if err := r.Array(); err != nil {
				t.Fatal(err)
			}
			for {
				ok, err := r.NextItem()
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				v, at, err := r.Value(100)
				if err != nil {
					t.Fatal(err)
				}
				if in[at.Offset:at.Offset+int64(len(v.Raw()))] != string(v.Raw()) {
					t.Errorf("value is not at %d", at.Offset)
				}
				got = append(got, string(v.Raw()))
			}
		}
		if err := r.End(); err != nil {
			t.Fatal(err)
		}
		if s := strings.Join(got, " "); s != `resourceType=Bundle {"a":1} {"b":[2]} type=batch` {
			t.Errorf("read %s", s)
		}
	}
}

// walk reads a whole input the way a bundle is read: object, arrays, values.
func walk(r *Reader, limit int) error {
	if err := r.Object(); err != nil {
		return err
	}
	for {
		name, _, ok, err := r.NextMember()
		if err != nil {
			return err
		}
		if !ok {
			return r.End()
		}
		if name != "entry" {
			if _, _, err := r.Value(limit); err != nil {
				return err
			}
			continue
		}
		if err := r.Array(); err != nil {
			return err
		}
		for {
			ok, err := r.NextItem()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if _, _, err := r.Value(limit); err != nil {
				return err
			}
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Reason
	}{
		{``, Truncated}, {`[]`, Kind}, {`x`, Syntax}, {"\xef\xbb\xbf{}", Encoding},
		{`{"a":1,"a":2}`, Duplicate}, {`{"a":1 "b":2}`, Syntax}, {`{"a":1,}`, Syntax},
		{`{"a":1}x`, Trailing}, {`{"entry":[1,]}`, Syntax}, {`{"entry":[1 2]}`, Syntax},
		{`{"entry":{}}`, Kind}, {`{"entry":[{"a":1]}`, Syntax}, {`{"entry":[{"a":1]]}`, Syntax},
		{`{"a":"` + strings.Repeat("x", 200) + `"}`, TooLarge},
		{`{"entry":[` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `]}`, Depth},
		{`{"a":` + strings.Repeat(" ", 600) + `1}`, TooLarge},
		{`{"a":1`, Truncated}, {`{"a"`, Truncated}, {`{"a":tru}`, Syntax}, {`{"a":}`, Syntax},
		{`{x:1}`, Syntax}, {`{"a":"\u0000"}`, Control}, {`{"a":12`, Truncated},
	} {
		err := walk(NewReader(strings.NewReader(c.in), Config{Size: 512}), 150)
		if reason(err) != c.want {
			t.Errorf("reading %.40q: %v, want %s", c.in, err, c.want)
		}
	}
	broken := errors.New("disk")
	if err := walk(NewReader(iotest.ErrReader(broken), Config{}), 10); !errors.Is(err, broken) {
		t.Errorf("a read failure became %v", err)
	}
}

// FuzzParse holds Parse against the standard library: what it accepts is JSON,
// means the same, and can be walked; Reader and Parse agree.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1.10,"\u00e4",{"b":null}]}`, `[]`, `"\ud83d\ude00"`, `1e5`, `{"a":1,"a":2}`, ` true `, `{"entry":[{"a":1}],"b":"c"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		streamErr := walk(NewReader(strings.NewReader(string(in)), Config{}), 1<<20)
		v, err := Parse(in, Limits{})
		if err != nil {
			if streamErr == nil {
				t.Fatalf("Reader takes what Parse refuses: %v", err)
			}
			return
		}
		if !json.Valid(in) {
			t.Fatal("accepted what is not JSON")
		}
		var want any
		dec := json.NewDecoder(strings.NewReader(string(in)))
		dec.UseNumber()
		if err := dec.Decode(&want); err != nil {
			t.Fatal(err)
		}
		compare(t, v, want)
		if e := v.Get("entry"); v.Type() == Object && (e.Type() == Array || e.Type() == Absent) && streamErr != nil {
			t.Fatalf("Parse takes what Reader refuses: %v", streamErr)
		}
	})
}

func compare(t *testing.T, v Value, want any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		n := 0
		for name, m := range v.Members() {
			compare(t, m, w[name])
			n++
		}
		if n != len(w) {
			t.Fatalf("%d members, want %d", n, len(w))
		}
	case []any:
		i := 0
		for item := range v.Items() {
			compare(t, item, w[i])
			i++
		}
		if i != len(w) {
			t.Fatalf("%d items, want %d", i, len(w))
		}
	case string:
		if v.Text() != w {
			t.Fatalf("text %q, want %q", v.Text(), w)
		}
	case json.Number:
		if v.Number() != w.String() {
			t.Fatalf("number %q, want %q", v.Number(), w)
		}
	case bool:
		if v.IsTrue() != w {
			t.Fatal("bool differs")
		}
	}
}
