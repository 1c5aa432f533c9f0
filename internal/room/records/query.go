package records

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Limits of one search.
const (
	// The query stands in the log entry, where a byte can take six after escaping:
	// one that made the entry too long would be an attempt without a trace.
	maxQueryBytes  = 2 << 10
	maxQueryParams = 32
	maxQueryValues = 64
	// MaxCount is the most resources that one answer holds, and what a search
	// without _count gets. Bundle.total always tells how many there are.
	MaxCount = 1000
)

// Query is a parsed search of one type in one chart.
type Query struct {
	Type    string
	Patient person.PatientID // zero when the text names no possible patient: nobody's chart
	ByChart bool             // the patient parameter was given
	Count   int
	Oldest  bool     // _sort=date; the default is newest first
	Names   []string // the parameters used, sorted; no PHI

	ids    [][]person.ResourceID
	tokens [][]uint64
	dates  [][]dateTest
}

func badQuery(what string) error { return fault.New(fault.Invalid, "parse search: "+what) }

// ParseSearch reads the query string of a GET or the form of a POST _search.
// An unknown parameter, modifier, prefix or value form is fault.Invalid: a
// filter that is silently dropped would answer more than was asked.
func (c *Catalogue) ParseSearch(typ, text string) (Query, error) {
	def := c.def(typ)
	if def == nil {
		return Query{}, fault.New(fault.NotFound, "parse search: type without definition")
	}
	if len(text) > maxQueryBytes {
		return Query{}, badQuery("too long")
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return Query{}, badQuery("not a query string")
	}
	q := Query{Type: typ, Count: MaxCount, Names: slices.Sorted(maps.Keys(values))}
	n := 0
	for _, name := range q.Names {
		if n += len(values[name]); n > maxQueryParams {
			return Query{}, badQuery("too many parameters")
		}
		for _, v := range values[name] {
			if !utf8.ValidString(v) || v == "" {
				return Query{}, badQuery("empty or malformed value")
			}
			if err := q.add(def, name, v, len(values[name])); err != nil {
				return Query{}, err
			}
		}
	}
	return q, nil
}

func (q *Query) add(def *Definition, name, value string, times int) error {
	switch name {
	case "_count", "_sort", "patient":
		if times > 1 {
			return badQuery(name + " stands twice")
		}
	}
	switch {
	case name == "_count":
		return q.addCount(value)
	case name == "_sort":
		if value != "date" && value != "-date" || def.Order == "" {
			return badQuery("_sort takes date or -date")
		}
		q.Oldest = value == "date"
		return nil
	case name == "_id":
		return q.addIDs(value)
	case name == "patient" && !def.Shared:
		q.ByChart = true
		if id, err := parseResourceID(strings.TrimPrefix(value, "Patient/")); err == nil {
			q.Patient = person.PatientOf(id)
		}
		return nil
	}
	for _, p := range def.Search {
		if p.Name != name {
			continue
		}
		if p.Kind == DateParam {
			return q.addDates(def, p, value)
		}
		return q.addTokens(p, value)
	}
	return badQuery("unknown parameter")
}

func (q *Query) addCount(value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || len(value) > 9 {
		return badQuery("_count takes a number")
	}
	q.Count = min(n, MaxCount)
	return nil
}

// addIDs reads _id. A text that is no identifier of Postern's names nothing; it
// is not an error, because then a foreign and an absent id would differ.
func (q *Query) addIDs(value string) error {
	anyOf := []person.ResourceID{}
	parts, err := splitValues(value)
	if err != nil {
		return err
	}
	for _, s := range parts {
		if id, err := parseResourceID(s); err == nil {
			anyOf = append(anyOf, id)
		}
	}
	q.ids = append(q.ids, anyOf)
	return nil
}

func (q *Query) addTokens(p Param, value string) error {
	parts, err := splitValues(value)
	if err != nil {
		return err
	}
	var anyOf []uint64
	for _, s := range parts {
		fields := splitEscaped(s, '|')
		switch {
		case len(fields) == 1:
			anyOf = append(anyOf, token(p.Name, anySystem, fields[0]))
		case len(fields) != 2 || fields[0] == "" && fields[1] == "":
			return badQuery("a token is code, system|code, system| or |code")
		case fields[1] == "":
			anyOf = append(anyOf, token(p.Name, fields[0], anyCode))
		default:
			anyOf = append(anyOf, token(p.Name, fields[0], fields[1]))
		}
	}
	q.tokens = append(q.tokens, anyOf)
	return nil
}

func (q *Query) addDates(def *Definition, p Param, value string) error {
	parts, err := splitValues(value)
	if err != nil {
		return err
	}
	column := slices.Index(def.dateColumns(), p.Path)
	var anyOf []dateTest
	for _, s := range parts {
		t, err := parseDateTest(s)
		if err != nil {
			return err
		}
		t.column = column
		anyOf = append(anyOf, t)
	}
	q.dates = append(q.dates, anyOf)
	return nil
}

// splitValues takes the alternatives apart: "a,b" is a or b, "\," is a comma.
func splitValues(s string) ([]string, error) {
	parts := splitRaw(s, ',')
	if len(parts) > maxQueryValues || slices.Contains(parts, "") {
		return nil, badQuery("empty or too many alternatives")
	}
	return parts, nil
}

// splitRaw splits at sep unless a backslash stands before it, and leaves the
// backslashes for splitEscaped to take.
func splitRaw(s string, sep byte) []string {
	var out []string
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			out = append(out, s[from:i])
			from = i + 1
		}
	}
	return append(out, s[min(from, len(s)):])
}

// splitEscaped splits at sep and takes the backslashes away (FHIR R4 3.1.1.4.1).
func splitEscaped(s string, sep byte) []string {
	out := splitRaw(s, sep)
	unescape := strings.NewReplacer(`\\`, `\`, `\,`, `,`, `\|`, `|`, `\$`, `$`)
	for i := range out {
		out[i] = unescape.Replace(out[i])
	}
	return out
}

// dateOp is the prefix of a date value.
type dateOp uint8

const (
	opEqual dateOp = iota
	opNotEqual
	opGreater
	opLess
	opGreaterEqual
	opLessEqual
	opAfter
	opBefore
)

// dateOps lists the prefixes in the order of the constants.
func dateOps() []string { return []string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"} }

// dateTest is one comparison of a date parameter.
type dateTest struct {
	op     dateOp
	want   span
	column int
}

func parseDateTest(s string) (dateTest, error) {
	t := dateTest{op: opEqual}
	if len(s) > 2 && asciiLetter(rune(s[0])) {
		i := slices.Index(dateOps(), s[:2])
		if i < 0 {
			return t, badQuery("unknown date prefix")
		}
		t.op, s = dateOp(i), s[2:]
	}
	var err error
	// A "+" before a time zone that was not escaped arrives as a space.
	if t.want, _, err = parseDate(strings.Replace(s, " ", "+", 1), true); err != nil {
		return t, badQuery("not a date")
	}
	return t, nil
}

// holds compares as FHIR R4 3.1.1.4.7 says, on [low, high) on both sides. A
// resource without the date matches nothing.
func (t *dateTest) holds(d Dates) bool {
	if d == (Dates{}) {
		return false
	}
	within := t.want.low <= d.Low && d.High <= t.want.high
	switch t.op {
	case opEqual:
		return within
	case opNotEqual:
		return !within
	case opGreater:
		return d.High > t.want.high
	case opLess:
		return d.Low < t.want.low
	case opGreaterEqual:
		return within || d.High > t.want.high
	case opLessEqual:
		return within || d.Low < t.want.low
	case opAfter:
		return d.Low >= t.want.high
	default: // opBefore
		return d.High <= t.want.low
	}
}
