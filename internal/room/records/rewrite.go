package records

import (
	"fmt"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/person"
)

// rewriter makes the stored form of resources: white space dropped, everything
// else as received but for the id, the references and the metadata that only
// Postern states. The form starts
//
//	{"resourceType":"T","id":"...","meta":{
//
// in this order, always, so that a reader can add version and labels by one
// insertion (Present).
type rewriter struct {
	plan *Plan
	ids  IDs
	memo map[int]string // texts of references to entries of the bundle
	e    entry
	dst  []byte
	err  error
}

// resource returns the stored form of v, in memory of its own.
func (w *rewriter) resource(v rawjson.Value, e entry, id person.ResourceID) ([]byte, error) {
	w.e, w.dst, w.err = e, make([]byte, 0, len(v.Raw())), nil
	w.dst = append(w.dst, head(e.typ, id)...)
	w.meta(v.Get("meta"))
	w.dst = append(w.dst, '}')
	for name, m := range v.Members() {
		switch name {
		case "resourceType", "id", "_id", "meta", "_meta":
			continue
		}
		w.dst = append(w.dst, ',')
		w.member(name, m)
	}
	w.dst = append(w.dst, '}')
	return w.dst, w.err
}

func head(typ string, id person.ResourceID) string {
	return `{"resourceType":"` + typ + `","id":"` + id.String() + `","meta":{`
}

// meta writes the members of a resource's meta that may stay. Version, time and
// security labels are Postern's to state (Present adds them).
func (w *rewriter) meta(v rawjson.Value) {
	comma := false
	for name, m := range v.Members() {
		switch name {
		case "profile", "source", "tag", "extension":
		default:
			continue
		}
		if comma {
			w.dst = append(w.dst, ',')
		}
		comma = true
		w.member(name, m)
	}
}

func (w *rewriter) member(name string, v rawjson.Value) {
	w.dst = append(w.dst, '"')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '"', ':')
	switch {
	case name == "reference" && v.Type() == rawjson.String:
		w.reference(v)
	case name == "meta" && v.Type() == rawjson.Object: // of a contained resource
		w.dst = append(w.dst, '{')
		w.meta(v)
		w.dst = append(w.dst, '}')
	default:
		w.value(v)
	}
}

func (w *rewriter) value(v rawjson.Value) {
	switch v.Type() {
	case rawjson.Object:
		w.dst = append(w.dst, '{')
		comma := false
		for name, m := range v.Members() {
			if comma {
				w.dst = append(w.dst, ',')
			}
			comma = true
			w.member(name, m)
		}
		w.dst = append(w.dst, '}')
	case rawjson.Array:
		w.dst = append(w.dst, '[')
		comma := false
		for item := range v.Items() {
			if comma {
				w.dst = append(w.dst, ',')
			}
			comma = true
			w.value(item)
		}
		w.dst = append(w.dst, ']')
	default:
		w.dst = append(w.dst, v.Raw()...)
	}
}

// reference writes a reference with Postern's identifier. What leads outside or
// to something that is not stored stays as written: inert text.
func (w *rewriter) reference(v rawjson.Value) {
	lit := parseRef(v.Text())
	if lit.form != relativeRef && lit.form != uuidRef && lit.form != absoluteRef {
		w.dst = append(w.dst, v.Raw()...)
		return
	}
	p := w.plan
	if i, ok := p.o.find(lit, w.e.base); ok {
		if p.o.entries[i].listed {
			w.dst = append(w.dst, v.Raw()...)
			return
		}
		if _, ok := w.memo[i]; !ok {
			w.memo[i] = w.newText(p.source(i))
		}
		w.dst = append(w.dst, w.memo[i]...)
		return
	}
	src := refSource(lit, w.e.base)
	typ := p.known[src.Type+" "+src.ID.Reveal()]
	if lit.form == absoluteRef || typ == "" {
		w.dst = append(w.dst, v.Raw()...)
		return
	}
	src.Type = typ
	w.dst = append(w.dst, w.newText(src)...)
}

func (w *rewriter) newText(s Source) string {
	id, err := w.ids(s)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("assign identifier: %w", err)
	}
	return `"` + s.Type + "/" + id.String() + `"`
}
