package catalog

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Medicines have a code for each strength, form and maker, far more than anybody can
// write words for. So an entry is an ingredient, and the chart's own name ("24 HR
// metFORMIN hydrochloride 500 MG Extended Release Oral Tablet") says the rest. What
// this cannot read for certain gets no words: a wrong medicine is worse than none.

// medicine is the words for a medicine, found by its code (e) or by its written name.
func (l *Language) medicine(e *Entry, written string) (Word, bool) {
	if e == nil {
		if e = l.words.byMatch[l.words.names.ingredient(written)]; e == nil {
			return Word{}, false
		}
	}
	p := e.plain(l.tag)
	w := Word{Name: p.Name, Line: p.Line, Reviewed: e.Reviewed}
	strength, form := l.words.names.strengthOf(written), l.words.names.formOf(written)
	if strength == "" {
		return w, true
	}
	id := "medicine.strength"
	if form != "" {
		id = "medicine." + form
	}
	// Both placeholders are in the message: a test looks.
	if name, err := l.Text(id, "name", p.Name, "strength", strength); err == nil {
		w.Name = name
	}
	return w, true
}

// medicineNames reads the names of medicines. It is made once, with the catalogue.
type medicineNames struct {
	pack     *regexp.Regexp // before a name: how long it works, how much is in the pack, a licence number
	strength *regexp.Regexp // where the name ends and its strength begins
	one      *regexp.Regexp // one strength of a solid: a number and a mass, not "per" anything
	brand    *regexp.Regexp
	slow     *regexp.Regexp
	behind   map[string]bool // words that may stand behind a strength
}

func newMedicineNames() *medicineNames {
	return &medicineNames{
		pack: regexp.MustCompile(`^(?:nda\d+|\d+(?:\.\d+)?\s*(?:hr|hour|ml|actuat|mg|unt))\s+`),
		// A number without a unit belongs to the name: polyethylene glycol 3350 is a laxative, 400 is in eye drops.
		strength: regexp.MustCompile(`\s\.?\d[\d.,]*\s*(?:(?:mg|mcg|micrograms?|µg|g|ml|meq|mmol|unt|units?|iu|actuat)\b|%)`),
		one:      regexp.MustCompile(`(?i)\b(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?\s*(mg|mcg|micrograms?|µg|g)\b`),
		brand:    regexp.MustCompile(`\s*\[[^\]]*\]`),
		slow:     regexp.MustCompile(`(?i)extended release|long[- ]acting|\b(?:er|xr|xl|sr|cr|la)\b`),
		behind:   behindStrength(),
	}
}

// behindStrength lists units, forms, routes and how often: what a name says behind a
// strength when it names no other ingredient. "Acetaminophen 300 MG/codeine 30 MG" does.
func behindStrength() map[string]bool {
	behind := map[string]bool{}
	for word := range strings.FieldsSeq(`mg mcg microgram micrograms µg g ml meq mmol unt unit units iu actuat hr hour hours day dose
		extended long acting long-acting delayed immediate release er xr xl sr cr la dr ec ir odt enteric coated film
		tablet tablets tab tabs capsule capsules cap caps chewable disintegrating effervescent lozenge gum
		oral sublingual buccal vaginal rectal topical ophthalmic otic nasal mucosal transdermal intrauterine
		injectable injection subcutaneous intravenous intramuscular prefilled syringe pen auto injector cartridge
		inhalation inhalant inhaler metered dry powder hfa spray drops solution suspension syrup elixir liquid
		cream ointment gel lotion foam shampoo soap suppository ring drug implant insert patch system granules
		for per once twice daily weekly at bedtime`) {
		behind[word] = true
	}
	return behind
}

// ingredient is the part of a medicine's name that says what is in it, in lower
// case, without salt; several ingredients in the order of the alphabet with " / "
// between them. Empty when there is none.
func (r *medicineNames) ingredient(written string) string {
	name := strings.ToLower(r.brand.ReplaceAllString(written, ""))
	for {
		rest := r.pack.ReplaceAllString(name, "")
		if rest == name {
			break
		}
		name = rest
	}
	var parts []string
	for part := range strings.SplitSeq(name, " / ") {
		part = strings.Join(strings.Fields(part), " ")
		if at := r.strength.FindStringIndex(part); at != nil {
			if !r.endsWithin(part[at[0]:]) {
				return ""
			}
			part = part[:at[0]]
		}
		part = withoutSalt(withoutForm(part))
		if part == "" || part[0] >= '0' && part[0] <= '9' {
			return ""
		}
		parts = append(parts, part)
	}
	slices.Sort(parts)
	return strings.Join(parts, " / ")
}

// endsWithin reports whether what stands from a strength on names nothing else that
// could be in the medicine.
func (r *medicineNames) endsWithin(rest string) bool {
	for word := range strings.FieldsFuncSeq(rest, func(c rune) bool { return !unicode.IsLetter(c) }) {
		if !r.behind[word] {
			return false
		}
	}
	return true
}

// withoutSalt drops the salt at the end of an ingredient's name: the same medicine.
func withoutSalt(s string) string {
	for _, salt := range []string{" hydrochloride", " dihydrochloride", " hcl", " sodium", " potassium", " calcium", " succinate", " tartrate", " besylate", " maleate",
		" mesylate", " phosphate", " sulfate", " bitartrate", " hydrobromide", " fumarate", " acetate", " propionate", " citrate", " magnesium",
		" medoxomil", " disoproxil", " furoate", " hyclate", " monohydrate", " trihydrate", " bromide", " xinafoate", " dipropionate", " pamoate", " etexilate"} {
		if whole := strings.TrimSuffix(s, salt); whole != s && !strings.Contains(" potassium sodium calcium magnesium ferrous lithium zinc ", " "+whole+" ") {
			return withoutSalt(whole)
		}
	}
	return s
}

// withoutForm drops the form from a name that has no strength before it.
func withoutForm(s string) string {
	for _, form := range []string{" oral tablet", " oral capsule", " tablet", " tablets", " capsule", " capsules"} {
		s = strings.TrimSuffix(s, form)
	}
	return s
}

// strengthOf is the strength in a medicine's name, as "20 mg"; empty unless there is
// exactly one, of a solid: "0.12/0.015 MG per 24HR" is none. A number that something
// cuts in two is not read: ".5 MG" and "0,5 MG" are not 5 mg.
func (r *medicineNames) strengthOf(written string) string {
	all := r.one.FindAllStringSubmatchIndex(written, -1)
	if len(all) != 1 || strings.ContainsAny(written, "/%+") || strings.Contains(strings.ToLower(written), " per ") {
		return ""
	}
	at := all[0]
	if before := strings.TrimRight(written[:at[0]], " ("); before != "" && strings.ContainsAny(before[len(before)-1:], "0123456789.,-") {
		return ""
	}
	text := r.one.FindStringSubmatch(written)
	unit := strings.ToLower(text[3])
	if strings.HasPrefix(unit, "micro") || unit == "µg" {
		unit = "mcg"
	}
	return text[1] + text[2] + " " + unit
}

// formOf is the message that says the form of a medicine, empty for a form without one:
// who reads "tablet" swallows it.
func (r *medicineNames) formOf(written string) string {
	name := strings.ToLower(written)
	for _, other := range []string{"vaginal", "rectal", "sublingual", "buccal", "inhal", "for suspension", "for oral suspension", "for solution", "for oral solution", "effervescent"} {
		if strings.Contains(name, other) {
			return ""
		}
	}
	// A tablet that works all day and one that works at once are two medicines to who takes them.
	slow := r.slow.MatchString(name)
	switch {
	case strings.Contains(name, "chewable tablet"):
		return "chewable"
	case strings.Contains(name, "tablet") && slow:
		return "long-tablet"
	case strings.Contains(name, "capsule") && slow:
		return "long-capsule"
	case strings.Contains(name, "tablet"):
		return "tablet"
	case strings.Contains(name, "capsule"):
		return "capsule"
	default:
		return ""
	}
}
