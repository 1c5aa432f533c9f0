package records

import (
	"slices"
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
)

// anyTarget stands for every type among the targets of a reference.
const anyTarget = "*"

// PatientParam is the search parameter of every chart type: whose chart.
const PatientParam = "patient"

// Subject is what the type itself calls the reference to its patient, when that is
// something else than "patient": the search parameter of that name means the same.
func (d Definition) Subject() string { return d.subject() }

func (d *Definition) subject() string {
	c := d.Compartment
	if c.Through || len(c.Paths) != 1 || c.Paths[0] == PatientParam || strings.Contains(c.Paths[0], ".") {
		return ""
	}
	return c.Paths[0]
}

// param finds a search parameter of the type.
func (d *Definition) param(name string) (Param, bool) {
	i := slices.IndexFunc(d.Search, func(p Param) bool { return p.Name == name })
	if i < 0 {
		return Param{}, false
	}
	return d.Search[i], true
}

// isIdentifier reports whether a token parameter holds what nearly every resource has
// for itself alone.
func (p Param) isIdentifier() bool { return strings.HasSuffix(strings.ToLower(p.Path), "identifier") }

// TargetTypes are the types that a reference may lead to: those that are defined.
func (c *Catalogue) TargetTypes(p Param) []string {
	if slices.Contains(p.Targets, anyTarget) {
		return c.Types()
	}
	return slices.DeleteFunc(slices.Clone(p.Targets), func(t string) bool { return c.def(t) == nil })
}

// What takes the place of a token's system in the other kinds of parameter.
const (
	byReference = "\x00reference"
	byStart     = "\x00start"
	byWhole     = "\x00whole"
)

// referenceTokens are the literal references at the parameter's path. The stored form
// of one that leads to something stored is Type/id. An element that is itself text is
// a canonical URI.
func referenceTokens(dst []uint64, v rawjson.Value, p Param) []uint64 {
	for x := range at(v, p.Path) {
		if x.Type() != rawjson.String {
			x = x.Get("reference")
		}
		if s := x.Text(); s != "" {
			dst = append(dst, token(p.Name, byReference, s))
		}
	}
	return dst
}

// startMost is the length in bytes up to which the start of a string is found. What is
// longer is asked for with :exact.
const startMost = 48

// stringsMost bounds the strings of one resource that one parameter finds.
const stringsMost = 64

// stringTokens index the strings at the parameter's path: whole, and each of their
// starts folded, so that looking one up is looking for one token (FHIR R4 3.1.1.4.8).
func stringTokens(dst []uint64, v rawjson.Value, p Param) []uint64 {
	n := 0
	for s := range stringsAt(v, p.Path) {
		if n++; n > stringsMost {
			break
		}
		dst = append(dst, token(p.Name, byWhole, s))
		plain := foldedText(s)
		for i := range plain {
			if i > startMost {
				break
			}
			if i > 0 {
				dst = append(dst, token(p.Name, byStart, plain[:i]))
			}
		}
		if 0 < len(plain) && len(plain) <= startMost {
			dst = append(dst, token(p.Name, byStart, plain))
		}
	}
	return dst
}

// foldedText is a string as its start is compared: without case, accents, punctuation
// and the length of white space.
func foldedText(s string) string { return strings.Join(folded(s), " ") }

// stringsAt ranges over the strings at path: those of a HumanName or Address are its
// parts.
func stringsAt(v rawjson.Value, path string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for x := range at(v, path) {
			if x.Type() == rawjson.String {
				if !yield(x.Text()) {
					return
				}
				continue
			}
			for _, part := range []string{"text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode", "country"} {
				for s := range x.Get(part).Items() {
					if s.Type() == rawjson.String && !yield(s.Text()) {
						return
					}
				}
			}
		}
	}
}
