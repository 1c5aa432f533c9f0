package records

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/fault"
)

// A source's identifier says which chart a bundle belongs to, and it can be
// wrong: two systems that both count their patients from 1, a number given out
// again, a registration typed over another. So a bundle for a chart that is
// there already is believed only when its Patient could be the same person
// (docs/decisions/0017).

// agreement is what comparing one detail of two Patients says.
type agreement uint8

const (
	unknown agreement = iota // one of them does not state it
	agrees
	nearly // a typing mistake, an initial, a shorter form, a date without its day
	differs
)

// demographics are the details of a Patient that are compared, folded. They hold
// PHI: they live inside samePerson and are neither kept nor printed.
type demographics struct {
	names  []personName
	born   string
	gender string
}

// personName is one name in folded words. One that stands as one text has all of
// them in both places, because the order is anybody's.
type personName struct {
	family, given []string
	text          bool
}

func demographicsOf(v rawjson.Value) demographics {
	d := demographics{born: v.Get("birthDate").Text(), gender: v.Get("gender").Text()}
	if d.gender != "male" && d.gender != "female" {
		d.gender = ""
	}
	for n := range at(v, "name") {
		switch n.Get("use").Text() {
		case "temp", "anonymous": // of a newborn or of somebody nobody knows yet: says nothing
			continue
		}
		name := personName{family: folded(n.Get("family").Text())}
		for g := range n.Get("given").Items() {
			name.given = append(name.given, folded(g.Text())...)
			if len(name.given) > wordsMost {
				break
			}
		}
		if len(name.family)+len(name.given) == 0 {
			words := folded(n.Get("text").Text())
			name = personName{words, words, true}
		}
		d.names = append(d.names, name)
	}
	return d
}

// Bounds of what a Patient can make a comparison cost, which runs while nothing else
// can change: every name is compared with every name, word by word. And of how many
// record numbers one file claims: a sender must not take those of everybody.
const (
	namesMost   = 64
	wordsMost   = 32 // of one name; what stands behind is not compared
	numbersMost = 256
)

// folded splits a name into words of small letters without accents: spellings
// of one name that registrations mix.
func folded(s string) []string {
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(s))
	for _, same := range [][2]string{{"ø", "o"}, {"đ", "d"}, {"ł", "l"}, {"ı", "i"}, {"ß", "ss"}, {"æ", "ae"}, {"œ", "oe"}, {"'", ""}, {"’", ""}} {
		plain = strings.ReplaceAll(plain, same[0], same[1])
	}
	words := strings.FieldsFunc(plain, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return words[:min(len(words), wordsMost)]
}

// samePerson reports whether two Patients under one source identifier could be
// one person. The birth date and the given name stay with a person; the family
// name changes with marriage and is let go when both others hold. A gender
// decides only where the given name is in doubt: Mario is not a typing mistake
// for Maria. Former names in the list of names count, so that a sender can say
// that a person changed the given name.
func samePerson(stored, sent demographics) bool {
	born, given, family := bornAgree(stored.born, sent.born), namesAgree(stored, sent, givenAgree), namesAgree(stored, sent, familyAgree)
	gender := agrees
	if stored.gender != "" && sent.gender != "" && stored.gender != sent.gender {
		gender = differs
	}
	switch {
	case born == differs, given == differs:
		return false
	case given == nearly && gender == differs:
		return false
	case family == differs:
		return born == agrees && given == agrees
	case born == unknown && given == unknown:
		// Nothing that stays with a person can be compared. Whoever has a name or
		// a birth date here is not matched by somebody without either.
		return stored.born == "" && !slices.ContainsFunc(stored.names, func(n personName) bool { return len(n.given) > 0 })
	default:
		return true
	}
}

func bornAgree(a, b string) agreement {
	switch {
	case a == "" || b == "":
		return unknown
	case a == b:
		return agrees
	case strings.HasPrefix(a, b+"-"), strings.HasPrefix(b, a+"-"):
		return nearly
	default:
		return differs
	}
}

// namesAgree is the best agreement of any name of one with any of the other.
func namesAgree(a, b demographics, compare func(a, b personName) agreement) agreement {
	best := unknown
	for _, x := range a.names {
		for _, y := range b.names {
			switch got := compare(x, y); {
			case got == unknown:
			case best == unknown, got < best:
				best = got
			}
		}
	}
	return best
}

// givenAgree looks for the first given name of one among the given names of the
// other: some are called by their second. A second name alone in common is no
// agreement, because sisters share it.
func givenAgree(a, b personName) agreement {
	switch {
	case len(a.given) == 0 || len(b.given) == 0:
		return unknown
	case a.text && b.text:
		return textsAgree(a.given, b.given)
	case a.text:
		return givenAgree(b, a)
	case b.text:
		// The text's first word may be the family name, so it is not looked for.
		if slices.ContainsFunc(b.given, func(w string) bool { return w == a.given[0] || alike(w, a.given[0]) }) {
			return agrees
		}
		return differs
	case slices.Contains(b.given, a.given[0]), slices.Contains(a.given, b.given[0]):
		return agrees
	case alike(a.given[0], b.given[0]):
		return nearly
	default:
		return differs
	}
}

// textsAgree wants every word of the shorter name in the longer one.
func textsAgree(a, b []string) agreement {
	if len(a) > len(b) {
		a, b = b, a
	}
	for _, w := range a {
		if !slices.Contains(b, w) {
			return differs
		}
	}
	return agrees
}

// familyAgree lets one part of a double name stand for the whole.
func familyAgree(a, b personName) agreement {
	const particle = 4 // letters; "de", "van" and the like say nothing
	x, y := strings.Join(a.family, ""), strings.Join(b.family, "")
	switch {
	case x == "" || y == "":
		return unknown
	case x == y:
		return agrees
	case slices.ContainsFunc(a.family, func(w string) bool { return len(w) >= particle && slices.Contains(b.family, w) }):
		return agrees
	case alike(x, y):
		return nearly
	default:
		return differs
	}
}

// alike reports whether one word is the start of the other (an initial, a short
// form), or is one typing mistake away from it: a letter too many, too few,
// another, or two in the wrong order. Short words are too close to each other
// for mistakes.
func alike(x, y string) bool {
	a, b := []rune(x), []rune(y)
	if len(a) > len(b) {
		a, b = b, a
	}
	if slices.Equal(a, b[:len(a)]) {
		return true
	}
	if len(a) < 4 || len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for a[i] == b[i] { // ends before a does: a is no start of b
		i++
	}
	switch {
	case len(a) < len(b):
		return slices.Equal(a[i:], b[i+1:])
	case slices.Equal(a[i+1:], b[i+1:]):
		return true
	default:
		return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && slices.Equal(a[i+2:], b[i+2:])
	}
}

// checkPerson refuses a bundle whose Patient is another person than the chart's.
func (w *writer) checkPerson(ctx context.Context, plan *Plan) error {
	c := w.charts[w.patient]
	part, err := w.part(ctx, c, "Patient")
	if err != nil {
		return err
	}
	id := w.patientResource()
	rec, ok := part[id]
	if !ok {
		return w.s.c.Vault.Tampered(ctx, "chart without its Patient", w.patient)
	}
	row, err := w.s.fetch(ctx, w.patient, id, int64(rec.Version))
	if err != nil {
		return err
	}
	doc, err := w.s.c.Vault.Open(ctx, c.grant, bodyRow(w.patient, "Patient", id, int64(rec.Version)), row.body)
	if err != nil {
		return err
	}
	stored, err := rawjson.Parse(unpadded(doc.Reveal()), rawjson.Limits{})
	if err != nil {
		return fault.Wrap(fault.Tampered, "read stored Patient", err)
	}
	e, sent, err := plan.patient()
	if err != nil {
		return err
	}
	if !samePerson(demographicsOf(stored), demographicsOf(sent)) {
		return plan.o.fail(e.at, e.index, MsgOtherPerson, "")
	}
	return nil
}

// patient loads the bundle's Patient.
func (p *Plan) patient() (entry, rawjson.Value, error) {
	e := p.o.entries[p.o.owner]
	v, _, err := p.load(p.o.owner, nil)
	return e, v, err
}

// claimNumbers notes which record numbers the bundle's Patient has, and refuses
// one that another chart has: whether two charts are one person's is for people
// to find out. Nothing is merged and no second chart is begun.
func (w *writer) claimNumbers(ctx context.Context, plan *Plan) error {
	e, v, err := plan.patient()
	if err != nil {
		return err
	}
	var tokens [][]byte
	var places []int
	for number := range at(v, "identifier") {
		if recordNumber(number) {
			tokens = append(tokens, w.s.c.Vault.Blind("number", number.Get("system").Text(), number.Get("value").Text()))
			places = append(places, number.Offset())
		}
	}
	sealed, err := w.names.findSealed(ctx, w.tx.Tx, tokens)
	if err != nil {
		return err
	}
	for _, token := range tokens {
		if err := w.register.check(ctx, token, sealed[string(token)], "a record number"); err != nil {
			return err
		}
	}
	found, err := w.names.openAll(ctx, sealed)
	if err != nil {
		return err
	}
	id := w.patientResource()
	for i, token := range tokens {
		k, ok := found[string(token)]
		if ok && k.owner != w.patient {
			return plan.o.fail(e.at.After(v.Raw()[:places[i]]), e.index, MsgSameNumber, "Patient.identifier")
		}
		if ok {
			continue
		}
		found[string(token)] = known{owner: w.patient}
		if err := w.storeName(ctx, token, known{owner: w.patient, typ: "Patient", id: id}); err != nil {
			return err
		}
	}
	return nil
}

// recordNumber reports whether an identifier names one person within its system:
// a record number or one that does not say what it is. A policy number covers a
// family, and a number of another office (a licence, a passport, social security)
// is copied wrongly too often to hold up a chart.
func recordNumber(v rawjson.Value) bool {
	if v.Get("system").Text() == "" || v.Get("value").Text() == "" {
		return false
	}
	switch v.Get("use").Text() {
	case "old", "temp":
		return false
	}
	typed := false
	for c := range at(v, "type.coding") {
		switch c.Get("code").Text() {
		case "MR", "PI", "PT", "NI", "NH": // of the v2-0203 table
			return true
		}
		typed = true
	}
	return !typed
}
