package records

import (
	"slices"
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
)

// problem is what is wrong inside one resource; off counts from its first byte.
type problem struct {
	off     int
	message string
	detail  string // from the definitions, never from the input
}

// checkShape holds a resource against its definition: required elements, JSON
// kinds, required codes and dates of the declared elements, nulls anywhere.
// Elements that no definition names are kept unchecked.
func (d *Definition) checkShape(v rawjson.Value) *problem {
	if p := d.checkStatus(v); p != nil {
		return p
	}
	for _, e := range d.Shape {
		found := false
		for x := range whole(v, e.Path) {
			found = true
			if p := e.check(x); p != nil {
				p.detail = d.Type + "." + e.Path
				return p
			}
		}
		if e.Required && !found {
			return &problem{v.Offset(), MsgMissing, d.Type + "." + e.Path}
		}
	}
	for _, s := range d.Search {
		if p := d.checkDates(v, s); p != nil {
			return p
		}
	}
	if off := nullIn(v); off >= 0 {
		return &problem{off, MsgKind, "null"}
	}
	return nil
}

func (d *Definition) checkStatus(v rawjson.Value) *problem {
	if d.Status.Path == "" {
		return nil
	}
	e := Element{Path: d.Status.Path, Kind: KindCode, Codes: d.Status.Codes}
	for x := range whole(v, e.Path) {
		if p := e.check(x); p != nil {
			p.detail = d.Type + "." + e.Path
			return p
		}
	}
	return nil
}

func (d *Definition) checkDates(v rawjson.Value, s Param) *problem {
	if s.Kind != DateParam {
		return nil
	}
	for x := range at(v, s.Path) {
		if _, _, err := valueSpan(x); err != nil {
			return &problem{x.Offset(), MsgDate, d.Type + "." + s.Path}
		}
	}
	return nil
}

func (e Element) check(v rawjson.Value) *problem {
	if !e.List {
		return e.one(v)
	}
	if v.Type() != rawjson.Array {
		return &problem{off: v.Offset(), message: MsgKind}
	}
	n := 0
	for item := range v.Items() {
		if n++; e.Most > 0 && n > e.Most {
			return &problem{off: item.Offset(), message: MsgTooOften}
		}
		if item.Type() == rawjson.Null {
			continue // FHIR marks a missing primitive with an extension so
		}
		if p := e.one(item); p != nil {
			return p
		}
	}
	return nil
}

func (e Element) one(v rawjson.Value) *problem {
	if !e.Kind.fits(v) {
		return &problem{off: v.Offset(), message: MsgKind}
	}
	switch e.Kind {
	case KindCode:
		s := v.Text()
		if s == "" || strings.ContainsAny(s, " \t\r\n") || len(e.Codes) > 0 && !slices.Contains(e.Codes, s) {
			return &problem{off: v.Offset(), message: MsgCode}
		}
	case KindDate, KindPeriod:
		if _, _, err := valueSpan(v); err != nil {
			return &problem{off: v.Offset(), message: MsgDate}
		}
	}
	return nil
}

// fits checks the JSON kind of a value and of the members that views and search
// read.
func (k Kind) fits(v rawjson.Value) bool {
	switch k {
	case KindString, KindCode, KindDate:
		return v.Type() == rawjson.String
	case KindBool:
		return v.Type() == rawjson.Bool
	case KindNumber:
		return v.Type() == rawjson.Num
	case KindReference:
		return hold(v, rawjson.String, "reference", "display") && hold(v, rawjson.Object, "identifier")
	case KindCoding:
		return hold(v, rawjson.String, "system", "code", "display")
	case KindConcept:
		if !hold(v, rawjson.Array, "coding") || !hold(v, rawjson.String, "text") {
			return false
		}
		for c := range v.Get("coding").Items() {
			if !KindCoding.fits(c) {
				return false
			}
		}
		return true
	case KindQuantity:
		return hold(v, rawjson.Num, "value") && hold(v, rawjson.String, "unit", "system", "code", "comparator")
	case KindPeriod:
		return hold(v, rawjson.String, "start", "end")
	case KindIdentifier:
		return hold(v, rawjson.String, "system", "value")
	case KindName:
		return hold(v, rawjson.String, "family", "text") && hold(v, rawjson.Array, "given")
	default:
		return v.Type() == rawjson.Object
	}
}

// hold reports whether v is an object whose named members, where present, are
// of kind want.
func hold(v rawjson.Value, want rawjson.Type, names ...string) bool {
	if v.Type() != rawjson.Object {
		return false
	}
	for _, n := range names {
		if t := v.Get(n).Type(); t != rawjson.Absent && t != want {
			return false
		}
	}
	return true
}

// nullIn returns the place of the first null that is a member's value, which
// FHIR forbids (R4 2.6.2), or -1.
func nullIn(v rawjson.Value) int {
	switch v.Type() {
	case rawjson.Object:
		for _, m := range v.Members() {
			if m.Type() == rawjson.Null {
				return m.Offset()
			}
			if off := nullIn(m); off >= 0 {
				return off
			}
		}
	case rawjson.Array:
		for item := range v.Items() {
			if off := nullIn(item); off >= 0 {
				return off
			}
		}
	}
	return -1
}
