package rawjson

import (
	"bytes"
	"unicode/utf8"
)

// scanner checks one complete value. Its methods return the index after what
// they read, or -1 with reason and place in why and at.
type scanner struct {
	b     []byte
	lim   Limits
	names []span // member names of the open objects, innermost last
	why   Reason
	at    int
}

type span struct{ from, to int }

func (s *scanner) fail(at int, why Reason) int {
	if at >= len(s.b) && why == Syntax {
		why = Truncated
	}
	s.at, s.why = min(at, len(s.b)), why
	return -1
}

func (s *scanner) value(i, depth int) int {
	if i >= len(s.b) {
		return s.fail(i, Truncated)
	}
	switch c := s.b[i]; {
	case c == '{':
		return s.object(i, depth+1)
	case c == '[':
		return s.array(i, depth+1)
	case c == '"':
		return s.text(i)
	case c == '-' || '0' <= c && c <= '9':
		return s.number(i)
	case c == 't':
		return s.literal(i, "true")
	case c == 'f':
		return s.literal(i, "false")
	case c == 'n':
		return s.literal(i, "null")
	default:
		return s.fail(i, Syntax)
	}
}

func (s *scanner) object(i, depth int) int {
	if depth > s.lim.Depth {
		return s.fail(i, Depth)
	}
	mark := len(s.names)
	var many map[string]bool
	i = space(s.b, i+1)
	if i < len(s.b) && s.b[i] == '}' {
		return i + 1
	}
	for {
		end := s.name(i)
		if end < 0 {
			return -1
		}
		if s.repeated(mark, &many, span{i + 1, end - 1}) {
			return s.fail(i, Duplicate)
		}
		if i = space(s.b, end); i >= len(s.b) || s.b[i] != ':' {
			return s.fail(i, Syntax)
		}
		if i = s.value(space(s.b, i+1), depth); i < 0 {
			return -1
		}
		next, done := s.more(i, '}')
		if next < 0 || done {
			s.names = s.names[:mark]
			return next
		}
		i = next
	}
}

func (s *scanner) array(i, depth int) int {
	if depth > s.lim.Depth {
		return s.fail(i, Depth)
	}
	i = space(s.b, i+1)
	if i < len(s.b) && s.b[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, depth); i < 0 {
			return -1
		}
		next, done := s.more(i, ']')
		if next < 0 || done {
			return next
		}
		i = next
	}
}

// more reads the comma before a next element or the closing bracket.
func (s *scanner) more(i int, closing byte) (next int, done bool) {
	i = space(s.b, i)
	switch {
	case i < len(s.b) && s.b[i] == closing:
		return i + 1, true
	case i < len(s.b) && s.b[i] == ',':
		return space(s.b, i+1), false
	default:
		return s.fail(i, Syntax), false
	}
}

// name reads a member name. FHIR names are ASCII letters, digits and "_";
// anything else is refused, and with it every escape: a name has one spelling,
// so that nothing downstream can be told apart from what was checked here.
func (s *scanner) name(i int) int {
	if i >= len(s.b) || s.b[i] != '"' {
		return s.fail(i, Syntax)
	}
	j := i + 1
	for j < len(s.b) && nameByte(s.b[j]) {
		j++
	}
	switch {
	case j >= len(s.b):
		return s.fail(j, Truncated)
	case s.b[j] != '"' || j == i+1 || j-i > 128:
		return s.fail(i, Name)
	}
	return j + 1
}

func nameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// repeated records a name and reports whether its object had it before. Small
// objects are searched in place; many holds the names of a large one.
func (s *scanner) repeated(mark int, many *map[string]bool, n span) bool {
	const small = 24
	name := s.b[n.from:n.to]
	if len(s.names)-mark >= small && *many == nil {
		*many = make(map[string]bool, 2*small)
		for _, o := range s.names[mark:] {
			(*many)[string(s.b[o.from:o.to])] = true
		}
	}
	if *many != nil {
		if (*many)[string(name)] {
			return true
		}
		(*many)[string(name)] = true
		return false
	}
	for _, o := range s.names[mark:] {
		if o.to-o.from == len(name) && bytes.Equal(s.b[o.from:o.to], name) {
			return true
		}
	}
	s.names = append(s.names, n)
	return false
}

func (s *scanner) literal(i int, word string) int {
	for k := range len(word) {
		if i+k >= len(s.b) || s.b[i+k] != word[k] {
			return s.fail(i+k, Syntax)
		}
	}
	return i + len(word)
}

func (s *scanner) text(i int) int {
	for j := i + 1; j < len(s.b); {
		switch c := s.b[j]; {
		case c == '"':
			return j + 1
		case c == '\\':
			if j = s.escape(j); j < 0 {
				return -1
			}
		case c < 0x20:
			return s.fail(j, Control)
		case c < 0x7F:
			j++
		case c == 0x7F:
			return s.fail(j, Control)
		default:
			r, n := utf8.DecodeRune(s.b[j:])
			if r == utf8.RuneError && n == 1 {
				return s.fail(j, Encoding)
			}
			j += n
		}
	}
	return s.fail(len(s.b), Truncated)
}

// escape checks one escape sequence. FHIR R4 2.24.0.1 allows no character below
// U+0020 but tab, CR and LF, escaped or not.
func (s *scanner) escape(j int) int {
	if j+1 >= len(s.b) {
		return s.fail(j+1, Truncated)
	}
	switch s.b[j+1] {
	case '"', '\\', '/', 't', 'n', 'r':
		return j + 2
	case 'b', 'f':
		return s.fail(j, Control)
	case 'u':
	default:
		return s.fail(j, Syntax)
	}
	r, ok := hex4(s.b, j+2)
	switch {
	case !ok:
		return s.fail(j, Syntax)
	case r < 0x20 && r != '\t' && r != '\n' && r != '\r', r == 0x7F:
		return s.fail(j, Control)
	case r >= 0xDC00 && r <= 0xDFFF:
		return s.fail(j, Encoding)
	case r < 0xD800 || r > 0xDBFF:
		return j + 6
	}
	if j+7 >= len(s.b) || s.b[j+6] != '\\' || s.b[j+7] != 'u' {
		return s.fail(j, Encoding)
	}
	low, ok := hex4(s.b, j+8)
	if !ok || low < 0xDC00 || low > 0xDFFF {
		return s.fail(j, Encoding)
	}
	return j + 12
}

func (s *scanner) number(i int) int {
	j := i
	if s.b[j] == '-' {
		j++
	}
	whole := j
	switch j = digits(s.b, j); {
	case j == whole:
		return s.fail(j, Syntax)
	case s.b[whole] == '0' && j > whole+1: // 012 is octal to some and 12 to others
		return s.fail(i, Syntax)
	}
	if j < len(s.b) && s.b[j] == '.' {
		k := digits(s.b, j+1)
		if k == j+1 {
			return s.fail(k, Syntax)
		}
		j = k
	}
	if j < len(s.b) && (s.b[j] == 'e' || s.b[j] == 'E') {
		k := j + 1
		if k < len(s.b) && (s.b[k] == '+' || s.b[k] == '-') {
			k++
		}
		end := digits(s.b, k)
		if end == k {
			return s.fail(k, Syntax)
		}
		if exponent(s.b[k:end]) > s.lim.Exponent {
			return s.fail(i, Number)
		}
		j = end
	}
	if j-i > s.lim.Digits {
		return s.fail(i, Number)
	}
	return j
}

func digits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

// exponent reads decimal digits and stops growing before it overflows.
func exponent(b []byte) int {
	n := 0
	for _, c := range b {
		if n = n*10 + int(c-'0'); n > 1<<20 {
			return n
		}
	}
	return n
}

func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}
