package catalog

import (
	"regexp"
	"slices"
	"strings"
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
	strength, form := l.words.names.strengthOf(written), formOf(written)
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
}

func newMedicineNames() *medicineNames {
	return &medicineNames{
		pack:     regexp.MustCompile(`^(?:nda\d+|\d+(?:\.\d+)?\s*(?:hr|hour|ml|actuat|mg|unt))\s+`),
		strength: regexp.MustCompile(`\s\d`),
		one:      regexp.MustCompile(`(?i)\b(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?\s*(mg|mcg|micrograms?|µg|g)\b`),
		brand:    regexp.MustCompile(`\s*\[[^\]]*\]`),
	}
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
		if at := r.strength.FindStringIndex(part); at != nil {
			part = part[:at[0]]
		}
		part = withoutSalt(withoutForm(strings.Join(strings.Fields(part), " ")))
		if part == "" || part[0] >= '0' && part[0] <= '9' {
			return ""
		}
		parts = append(parts, part)
	}
	slices.Sort(parts)
	return strings.Join(parts, " / ")
}

// withoutSalt drops the salt at the end of an ingredient's name: the same medicine.
func withoutSalt(s string) string {
	for _, salt := range []string{" hydrochloride", " hcl", " sodium", " potassium", " calcium", " succinate", " tartrate", " besylate", " maleate",
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
// exactly one, of a solid: "0.12/0.015 MG per 24HR" is none.
func (r *medicineNames) strengthOf(written string) string {
	all := r.one.FindAllStringSubmatch(written, -1)
	if len(all) != 1 || strings.ContainsAny(written, "/%") || strings.Contains(strings.ToLower(written), " per ") {
		return ""
	}
	unit := strings.ToLower(all[0][3])
	if strings.HasPrefix(unit, "micro") || unit == "µg" {
		unit = "mcg"
	}
	return all[0][1] + all[0][2] + " " + unit
}

// formOf is the message that says the form of a medicine, empty for a form without one.
func formOf(written string) string {
	name := strings.ToLower(written)
	// A tablet that works all day and one that works at once are two medicines to who takes them.
	slow := strings.Contains(name, "extended release") || strings.Contains(name, "long-acting") || strings.Contains(name, "long acting") ||
		slices.ContainsFunc(strings.Fields(name), func(w string) bool { return w == "er" || w == "xr" || w == "xl" || w == "sr" })
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
