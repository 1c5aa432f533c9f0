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
	// MaxCount is the most resources that one answer holds, and UsualCount what a
	// search without _count gets: Bundle.total always tells how many there are, and a
	// link leads to the next ones.
	MaxCount   = 1000
	UsualCount = 100
	// maxIncludes bounds what one search asks for beside its own matches.
	maxIncludes = 8
)

// Query is a parsed search of one type in one chart.
type Query struct {
	Type    string
	Patient person.PatientID // zero when the text names no possible patient: nobody's chart
	ByChart bool             // the patient parameter was given
	Count   int
	Oldest  bool     // the sort is ascending; the default is newest first
	Names   []string // the parameters used, sorted; no PHI

	self     person.PatientID // of a Patient asked for by one _id
	byID     bool
	sort     int       // the date column that orders, plus one; 0 for the type's own order
	from     *position // where the page begins; nil for the first one
	includes []include
	ids      [][]person.ResourceID
	tokens   [][]uint64
	links    [][]uint64
	dates    [][]dateTest
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
	values, err := parseValues(text)
	if err != nil {
		return Query{}, err
	}
	q := Query{Type: typ, Count: UsualCount, Names: slices.Sorted(maps.Keys(values))}
	for _, name := range q.Names {
		if len(values[name]) > 1 && slices.Contains(onceOnly(), name) {
			return Query{}, badQuery("a parameter of which there is one stands twice")
		}
		for _, v := range values[name] {
			if err := q.add(c, def, name, v); err != nil {
				return Query{}, err
			}
		}
	}
	return q, nil
}

// parseValues takes a query string apart, within its limits.
func parseValues(text string) (url.Values, error) {
	if len(text) > maxQueryBytes {
		return nil, badQuery("too long")
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, badQuery("not a query string")
	}
	n := 0
	for name, vs := range values {
		// A type whose subject has no name of its own must not lend it to a parameter without one.
		if name == "" {
			return nil, badQuery("a parameter without a name")
		}
		if n += len(vs); n > maxQueryParams {
			return nil, badQuery("too many parameters")
		}
		for _, v := range vs {
			if !utf8.ValidString(v) || v == "" {
				return nil, badQuery("empty or malformed value")
			}
		}
	}
	return values, nil
}

// CommonParams lists the search parameters of every type that compare something.
func CommonParams() []Param {
	return []Param{{Name: "_id", Kind: TokenParam}, {Name: updatedColumn, Kind: DateParam}}
}

// onceOnly lists the parameters that may not stand twice.
func onceOnly() []string {
	return []string{"_count", "_sort", "_total", "_summary", "_format"}
}

func (q *Query) add(c *Catalogue, def *Definition, name, value string) error {
	switch name {
	case "_count":
		return q.addCount(value)
	case "_sort":
		return q.addSort(def, value)
	case "_id":
		return q.addIDs(def, value)
	case updatedColumn:
		return q.addDates(0, value)
	case "_include", "_revinclude":
		return q.addInclude(c, def, value, name == "_revinclude")
	case "_total", "_summary", "_format":
		return q.addForm(name, value)
	case PatientParam, def.subject():
		if !def.Shared {
			return q.addPatient(value)
		}
	}
	base, modifier, modified := strings.Cut(name, ":")
	p, ok := def.param(base)
	switch {
	case !ok || modified && (p.Kind != StringParam || modifier != "exact"):
		return badQuery("unknown parameter or modifier")
	case p.Kind == DateParam:
		return q.addDates(slices.Index(def.dateColumns(), p.Path), value)
	case p.Kind == StringParam:
		return q.addStrings(p, value, modified)
	case p.Kind == ReferenceParam:
		return q.addReferences(c, p, value)
	}
	return q.addTokens(p, value)
}

// addPatient reads whose chart: id or Patient/id. Any other text names nobody, which is
// decided and logged as a foreign chart is.
func (q *Query) addPatient(value string) error {
	if q.ByChart {
		return badQuery("the patient is named twice")
	}
	q.ByChart = true
	if id, err := parseResourceID(strings.TrimPrefix(value, "Patient/")); err == nil {
		q.Patient = person.PatientOf(id)
	}
	return nil
}

// addForm reads how the answer is wanted. Every total is exact, and an answer is JSON.
func (q *Query) addForm(name, value string) error {
	switch {
	case name == "_total" && slices.Contains([]string{"none", "estimate", "accurate"}, value), name == "_summary" && value == "false":
		return nil
	case name == "_summary" && value == "count":
		q.Count = 0
		return nil
	case name == "_format":
		if !JSONFormat(value) {
			return fault.New(fault.NotAcceptable, "parse search: _format")
		}
		return nil
	}
	return badQuery("unknown form of answer")
}

// JSONFormat reports whether a _format asks for what Postern answers.
func JSONFormat(value string) bool {
	// A "+" that was not escaped arrives as a space.
	return slices.Contains([]string{"json", "application/json", "text/json", "application/fhir+json", "application/fhir json"}, value)
}

// addSort reads _sort: one of the type's dates or _lastUpdated, "-" for the newest first.
func (q *Query) addSort(def *Definition, value string) error {
	name, newest := strings.CutPrefix(value, "-")
	q.Oldest = !newest
	if name == updatedColumn {
		q.sort = 1
		return nil
	}
	p, ok := def.param(name)
	if !ok || p.Kind != DateParam {
		return badQuery("_sort takes a date of the type, or _lastUpdated")
	}
	if name != "date" || def.Order == "" {
		q.sort = slices.Index(def.dateColumns(), p.Path) + 1
	}
	return nil
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
func (q *Query) addIDs(def *Definition, value string) error {
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
	if def.Compartment.Self && len(parts) == 1 {
		q.byID = true
		if len(anyOf) == 1 {
			q.self = person.PatientOf(anyOf[0])
		}
	}
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
	if p.isIdentifier() {
		q.links = append(q.links, anyOf)
		return nil
	}
	q.tokens = append(q.tokens, anyOf)
	return nil
}

func (q *Query) addStrings(p Param, value string, whole bool) error {
	parts, err := splitValues(value)
	if err != nil {
		return err
	}
	var anyOf []uint64
	for _, s := range parts {
		s = splitEscaped(s, 0)[0]
		if whole {
			anyOf = append(anyOf, token(p.Name, byWhole, s))
			continue
		}
		plain := foldedText(s)
		if plain == "" || len(plain) > startMost {
			return badQuery("the start of a string has a letter, and is not that long")
		}
		anyOf = append(anyOf, token(p.Name, byStart, plain))
	}
	q.links = append(q.links, anyOf)
	return nil
}

// addReferences reads Type/id or id; without targets, a URI.
func (q *Query) addReferences(c *Catalogue, p Param, value string) error {
	parts, err := splitValues(value)
	if err != nil {
		return err
	}
	targets := c.TargetTypes(p)
	var anyOf []uint64
	for _, s := range parts {
		s = splitEscaped(s, 0)[0]
		typ, id, typed := strings.Cut(s, "/")
		switch {
		case len(p.Targets) == 0:
			anyOf = append(anyOf, token(p.Name, byReference, s))
		case !typed && fhirID(s):
			for _, t := range targets {
				anyOf = append(anyOf, token(p.Name, byReference, t+"/"+s))
			}
		case typed && fhirID(id) && slices.Contains(targets, typ):
			anyOf = append(anyOf, token(p.Name, byReference, s))
		default:
			return badQuery("a reference is Type/id or id, of a type that may stand there")
		}
	}
	q.links = append(q.links, anyOf)
	return nil
}

func (q *Query) addDates(column int, value string) error {
	parts, err := splitValues(value)
	if err != nil {
		return err
	}
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
