package rawjson

import (
	"bytes"
	"iter"
	"unicode/utf8"
)

// Type is the kind of a Value.
type Type uint8

// The kinds. Absent is the zero Value: what Get returns for a missing member.
const (
	Absent Type = iota
	Null
	Bool
	Num
	String
	Array
	Object
)

// Value is a checked piece of JSON, still as its bytes. The zero Value is absent.
type Value struct {
	b     []byte
	off   int
	index *[]indexed // of an object that Indexed prepared
}

type indexed struct {
	name []byte
	val  Value
}

// Indexed returns v with its members noted, for an object that will be asked
// for many of them: Get then need not step over the members before.
func (v Value) Indexed() Value {
	if v.Type() != Object {
		return v
	}
	ms := make([]indexed, 0, 20)
	for i := space(v.b, 1); v.b[i] != '}'; {
		name, val, next := v.member(i)
		ms = append(ms, indexed{name, val})
		i = next
	}
	v.index = &ms
	return v
}

// Parse checks all of b, which must be exactly one value with nothing but
// white space around it. The Value shares b's memory. The error is an *Error
// whose place counts from the start of b.
func Parse(b []byte, lim Limits) (Value, error) {
	s := scanner{b: b, lim: lim.withDefaults()}
	if bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")) {
		return Value{}, &Error{Encoding, Start()}
	}
	from := space(b, 0)
	end := s.value(from, 0)
	if end >= 0 && space(b, end) < len(b) {
		end = s.fail(space(b, end), Trailing)
	}
	if end < 0 {
		return Value{}, &Error{s.why, Start().After(b[:s.at])}
	}
	return Value{b: b[from:end], off: from}, nil
}

// Type returns the kind.
func (v Value) Type() Type {
	if len(v.b) == 0 {
		return Absent
	}
	switch v.b[0] {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	default:
		return Num
	}
}

// Raw is the value as it was written. The caller must not change it.
func (v Value) Raw() []byte { return v.b }

// Offset is the place of the first byte in the input of Parse.
func (v Value) Offset() int { return v.off }

// IsTrue reports whether the value is the literal true.
func (v Value) IsTrue() bool { return v.Type() == Bool && v.b[0] == 't' }

// Members ranges over an object's members in the order in which they were
// written, and over nothing for another kind.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Type() != Object {
			return
		}
		for i := space(v.b, 1); v.b[i] != '}'; {
			name, val, next := v.member(i)
			if !yield(string(name), val) {
				return
			}
			i = next
		}
	}
}

// Get returns the member with this name, or the absent Value.
func (v Value) Get(name string) Value {
	if v.index != nil {
		for _, m := range *v.index {
			if string(m.name) == name {
				return m.val
			}
		}
		return Value{}
	}
	if v.Type() != Object {
		return Value{}
	}
	for i := space(v.b, 1); v.b[i] != '}'; {
		n, val, next := v.member(i)
		if string(n) == name {
			return val
		}
		i = next
	}
	return Value{}
}

// member reads the member that starts at i and returns where the next one or
// the closing brace stands.
func (v Value) member(i int) (name []byte, val Value, next int) {
	end := skip(v.b, i)
	name = v.b[i+1 : end-1]
	i = space(v.b, end)
	i = space(v.b, i+1)
	end = skip(v.b, i)
	return name, Value{b: v.b[i:end], off: v.off + i}, v.comma(end)
}

// comma steps over white space and one comma.
func (v Value) comma(i int) int {
	i = space(v.b, i)
	if v.b[i] == ',' {
		i = space(v.b, i+1)
	}
	return i
}

// Items ranges over an array's elements. Another kind that is present is its
// own single element: FHIR paths do not tell a list of one from the one.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		switch v.Type() {
		case Absent, Null:
			return
		case Array:
		default:
			yield(v)
			return
		}
		for i := space(v.b, 1); v.b[i] != ']'; {
			end := skip(v.b, i)
			if !yield(Value{b: v.b[i:end], off: v.off + i}) {
				return
			}
			i = v.comma(end)
		}
	}
}

// Text returns the content of a string, and "" for another kind.
func (v Value) Text() string {
	if v.Type() != String {
		return ""
	}
	in := v.b[1 : len(v.b)-1]
	if bytes.IndexByte(in, '\\') < 0 {
		return string(in)
	}
	return string(unescape(in))
}

// Number returns a number as it was written, and "" for another kind.
func (v Value) Number() string {
	if v.Type() != Num {
		return ""
	}
	return string(v.b)
}

func unescape(in []byte) []byte {
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); i++ {
		if in[i] != '\\' {
			out = append(out, in[i])
			continue
		}
		i++
		switch in[i] {
		case 't':
			out = append(out, '\t')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 'u':
			r, _ := hex4(in, i+1)
			i += 4
			if r >= 0xD800 && r <= 0xDBFF {
				low, _ := hex4(in, i+3)
				r = (r-0xD800)<<10 + (low - 0xDC00) + 0x10000
				i += 6
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, in[i])
		}
	}
	return out
}

// skip returns the index after the checked value that starts at i.
func skip(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipText(b, i)
	case '{', '[':
	default:
		for i < len(b) && !delimiter(b[i]) {
			i++
		}
		return i
	}
	for depth := 0; ; {
		if c := b[i]; c <= ' ' || c == ',' || c == ':' { // most of a pretty-printed file
			i++
			continue
		}
		switch b[i] {
		case '"':
			i = skipText(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

func skipText(b []byte, i int) int {
	for i++; ; {
		i += bytes.IndexByte(b[i:], '"') + 1
		back := i - 2
		for b[back] == '\\' {
			back--
		}
		if (i-back)%2 == 0 { // an even number of backslashes before the quote
			return i
		}
	}
}

func delimiter(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t'
}
