package records

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"postern.example/postern/internal/room/records/rawjson"
)

// lookupKey is one detail by which a patient is found, in the one form that all its
// spellings have in common. It holds PHI, and lives as long as a look-up or an import.
type lookupKey struct{ kind, value string }

// The kinds of key. They stand in tokens: never rename one without lookupForm.
const (
	keyNumber = "number"
	keyPhone  = "phone"
	keyMail   = "mail"
	keyBorn   = "born" // family name and birth date
)

// lookupKeysMost is the most keys that one typed text can mean; one statement asks for them.
const lookupKeysMost = 8

// phoneLeast is the fewest digits of a telephone number.
const phoneLeast = 7

// lookupKeys lists by what a stored Patient is found, each once. Old names count, because
// people say them. Old numbers do not: they may be somebody else's by now.
func lookupKeys(v rawjson.Value) []lookupKey {
	var out []lookupKey
	for x := range at(v, "identifier") {
		if ownNumber(x) {
			out = append(out, numberKeys(x.Get("value").Text())...)
		}
	}
	for x := range at(v, "telecom") {
		switch use := x.Get("use").Text(); {
		case use == "old":
		case x.Get("system").Text() == "email":
			out = append(out, mailKeys(x.Get("value").Text())...)
		case x.Get("system").Text() == "phone", x.Get("system").Text() == "sms":
			out = append(out, phoneKeys(x.Get("value").Text())...)
		}
	}
	if born := v.Get("birthDate").Text(); wholeDay(born) {
		for x := range at(v, "name") {
			for _, family := range families(x) {
				out = append(out, bornKey(family, born))
			}
		}
	}
	seen := map[lookupKey]bool{}
	out = slices.DeleteFunc(out, func(k lookupKey) bool {
		twice := seen[k]
		seen[k] = true
		return twice
	})
	return out[:min(len(out), tokensMost)]
}

// ownNumber reports whether an identifier is a number under which a clinic knows one
// person: a record number, or one that does not say what it is. A policy number is a
// family's, and those of other offices are not asked for at a desk.
func ownNumber(v rawjson.Value) bool {
	switch v.Get("use").Text() {
	case "old", "temp":
		return false
	}
	typed := false
	for c := range at(v, "type.coding") {
		switch c.Get("code").Text() {
		case "MR", "PI", "PT": // of the v2-0203 table
			return true
		}
		typed = true
	}
	return !typed
}

// families are the forms of one name's family part: whole, and each word of it, because
// people with two family names are looked up by either.
func families(name rawjson.Value) []string {
	switch name.Get("use").Text() {
	case "temp", "anonymous": // of a newborn, or of somebody nobody knows yet
		return nil
	}
	text := name.Get("family").Text()
	if text == "" {
		text = name.Get("text").Text()
	}
	words := folded(text)
	if len(words) == 0 {
		return nil
	}
	out := []string{strings.Join(words, "")}
	for _, w := range words {
		if len(words) > 1 && len([]rune(w)) > 2 { // no "de", no initial
			out = append(out, w)
		}
	}
	return out
}

// joined is a name without accents, case, spaces and hyphens.
func joined(name string) string { return strings.Join(folded(name), "") }

func bornKey(family, born string) lookupKey { return lookupKey{keyBorn, born + " " + family} }

// wholeDay reports whether s is a date with its day: a year alone finds too many.
func wholeDay(s string) bool {
	_, precision, err := parseDate(s, false)
	return err == nil && precision == Day && len(s) == len("2006-01-02")
}

// numberKeys: letters and digits count, and what is written between them does not.
func numberKeys(s string) []lookupKey {
	v := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKC.String(s))
	if v == "" {
		return nil
	}
	return []lookupKey{{keyNumber, v}}
}

// phoneKeys are the digits as they stand and, of a number with its country's code, the
// lengths that remain without one: ten digits in North America, nine in Spain.
func phoneKeys(s string) []lookupKey {
	s = norm.NFKC.String(s)
	if i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsLetter(r) || r == ';' || r == '#' }); i >= 0 {
		s = s[:i] // an extension
	}
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	abroad := strings.HasPrefix(strings.TrimSpace(s), "+") || len(digits) == 11 && digits[0] == '1'
	if rest, ok := strings.CutPrefix(digits, "00"); ok {
		digits, abroad = rest, true
	}
	if len(digits) < phoneLeast || len(digits) > 15 {
		return nil
	}
	out := []lookupKey{{keyPhone, digits}}
	for _, n := range []int{10, 9} {
		if abroad && len(digits) > n {
			out = append(out, lookupKey{keyPhone, digits[len(digits)-n:]})
		}
	}
	return out
}

func mailKeys(s string) []lookupKey {
	s = strings.ToLower(strings.TrimSpace(norm.NFKC.String(s)))
	s = strings.TrimPrefix(s, "mailto:")
	if i := strings.IndexByte(s, '@'); i < 1 || i == len(s)-1 {
		return nil
	}
	return []lookupKey{{keyMail, s}}
}

// typedKeys are what one typed text can mean.
func typedKeys(s string) []lookupKey {
	if strings.Contains(s, "@") {
		return mailKeys(s)
	}
	return append(numberKeys(s), phoneKeys(s)...)
}
