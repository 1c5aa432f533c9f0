package records

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
)

// Flags are what a page or an officer should know of a resource before trusting
// how it looks. Values are stored: never renumber.
type Flags uint16

// The flags.
const (
	FlagOddDate     Flags = 1 << iota // a date outside 1850 to 2150; listed after the dated ones
	FlagModified                      // has a modifierExtension or implicitRules: the plain reading may be wrong
	FlagHiddenText                    // free text holds invisible or direction-changing characters, shown by Visible
	FlagExternalRef                   // refers to another server; kept as text, never followed
	FlagUnstoredRef                   // refers to a resource of this bundle whose type is not stored
	FlagLabelClaim                    // the source claimed a security label, which is not believed
	FlagSourceClaim                   // the whole resource is a claim of its source (Provenance)
	FlagNarrative                     // carries narrative, which is kept and never rendered
)

// inspect checks one resource against its definition and the rules of charts.
func (p *Plan) inspect(ctx context.Context, i int, v rawjson.Value) error {
	e := p.o.entries[i]
	fail := func(q *problem) error {
		return p.o.fail(e.at.After(v.Raw()[:q.off]), e.index, q.message, q.detail)
	}
	def := p.o.cat.def(e.typ)
	if !plain(v.Raw()) { // most resources are, and need no walk through their strings
		if off, kept := hiddenIn(v, ""); off >= 0 {
			return fail(&problem{off, MsgHidden, ""})
		} else if kept {
			p.flags[i] |= FlagHiddenText
		}
	}
	if q := def.checkShape(v); q != nil {
		return fail(q)
	}
	if q := p.checkContained(def, v); q != nil {
		return fail(q)
	}
	var lookup error
	q := references(v, func(ref rawjson.Value) *problem {
		q, err := p.checkReference(ctx, i, v, ref)
		if err != nil {
			lookup = err
			return &problem{}
		}
		return q
	})
	if lookup != nil {
		return fmt.Errorf("find referenced resource: %w", lookup)
	}
	if q == nil {
		q, lookup = p.checkOwner(ctx, i, v)
	}
	if lookup != nil {
		return fmt.Errorf("find referenced resource: %w", lookup)
	}
	if q != nil {
		return fail(q)
	}
	p.flags[i] |= claims(v)
	return nil
}

// claims finds what a resource says about itself that is not believed, or that
// changes how the rest must be read.
func claims(v rawjson.Value) (f Flags) {
	for range at(v, "meta.security") {
		f |= FlagLabelClaim
	}
	if v.Get("implicitRules").Type() != rawjson.Absent || bytes.Contains(v.Raw(), []byte("modifierExtension")) && modified(v) {
		f |= FlagModified
	}
	if v.Get("text").Get("div").Type() != rawjson.Absent {
		f |= FlagNarrative
	}
	if v.Get("resourceType").Text() == "Provenance" {
		f |= FlagSourceClaim
	}
	return f
}

func modified(v rawjson.Value) bool {
	switch v.Type() {
	case rawjson.Object:
		for name, m := range v.Members() {
			if name == "modifierExtension" || modified(m) {
				return true
			}
		}
	case rawjson.Array:
		for item := range v.Items() {
			if modified(item) {
				return true
			}
		}
	}
	return false
}

// checkContained allows what FHIR R4 2.3.1.1 allows, and no second person: a
// contained resource has an id of its own, contains nothing itself, and is no
// Patient and no bag of other resources.
func (p *Plan) checkContained(def *Definition, v rawjson.Value) *problem {
	c := v.Get("contained")
	if c.Type() == rawjson.Absent {
		return nil
	}
	bad := func(x rawjson.Value, what string) *problem {
		return &problem{x.Offset(), MsgContained, what}
	}
	if c.Type() != rawjson.Array {
		return bad(c, "contained")
	}
	seen := map[string]bool{}
	for r := range c.Items() {
		typ, id := r.Get("resourceType").Text(), r.Get("id").Text()
		inner := p.o.cat.def(typ)
		switch {
		case !typeName(typ), r.Get("contained").Type() != rawjson.Absent:
			return bad(r, "contained")
		case slices.Contains([]string{"Patient", "Bundle", "Parameters", "Binary"}, typ):
			return bad(r, "contained type")
		case def.Shared && (inner == nil || !inner.Shared):
			return &problem{r.Offset(), MsgSharedRef, "contained"}
		case !fhirID(id) || seen[id]:
			return bad(r, "contained.id")
		}
		seen[id] = true
		if inner != nil {
			if q := inner.checkShape(r); q != nil {
				return q
			}
		}
	}
	return nil
}

// checkReference says whether one reference may stay.
func (p *Plan) checkReference(ctx context.Context, i int, v, ref rawjson.Value) (*problem, error) {
	bad := func(message string) (*problem, error) { return &problem{ref.Offset(), message, ""}, nil }
	lit := parseRef(ref.Text())
	switch lit.form {
	case badRef:
		return bad(MsgRefForm)
	case conditionalRef:
		return bad(MsgConditional)
	case fragmentRef:
		if lit.id != "" && !contains(v, lit.id) {
			return bad(MsgDangling)
		}
		return nil, nil
	}
	typ, where, err := p.resolve(ctx, i, lit)
	if err != nil {
		return nil, err
	}
	shared := p.o.cat.def(p.o.entries[i].typ).Shared
	switch {
	case where == outside && lit.form == absoluteRef:
		p.flags[i] |= FlagExternalRef
		return nil, nil
	case where == outside && lit.form == relativeRef && lit.typ == "Patient":
		return bad(MsgOtherOwner)
	case where == outside:
		return bad(MsgDangling)
	case where == unstored:
		p.flags[i] |= FlagUnstoredRef
		return nil, nil
	case lit.form == relativeRef && lit.typ != typ:
		return bad(MsgRefType)
	case shared && !p.o.cat.def(typ).Shared:
		return bad(MsgSharedRef)
	}
	return nil, nil
}

// place says where a reference leads.
type place uint8

const (
	outside  place = iota // nowhere that Postern knows
	inBundle              // to a resource of this bundle
	unstored              // to one of this bundle that is not stored
	inStore               // to an earlier import of this chart or a shared resource
)

func (p *Plan) resolve(ctx context.Context, i int, lit literalRef) (typ string, where place, err error) {
	e := p.o.entries[i]
	if j, ok := p.o.find(lit, e.base); ok {
		if t := p.o.entries[j]; t.listed {
			return t.typ, unstored, nil
		}
		return p.o.entries[j].typ, inBundle, nil
	}
	if lit.form == absoluteRef { // another server's: never looked up, never fetched
		return "", outside, nil
	}
	typ, ok, err := p.lookUp(ctx, refSource(lit, e.base))
	if err != nil || !ok {
		return "", outside, err
	}
	return typ, inStore, nil
}

// refSource is the source that a reference to something outside the bundle names.
func refSource(lit literalRef, base string) Source {
	if lit.form == relativeRef {
		return newSource(lit.typ, sourceID(lit.typ, base, lit.id))
	}
	return newSource("", sourceID("", "", lit.id))
}

// lookUp asks the Resolver once for each name.
func (p *Plan) lookUp(ctx context.Context, ref Source) (string, bool, error) {
	name := ref.Type + " " + ref.ID.Reveal()
	if typ, ok := p.known[name]; ok {
		return typ, typ != "", nil
	}
	typ, ok, err := p.cfg.Resolver.Find(ctx, p.Owner(), ref)
	if err != nil {
		return "", false, err
	}
	if !ok || p.o.cat.def(typ) == nil {
		typ = ""
	}
	p.known[name] = typ
	return typ, typ != "", nil
}

func contains(v rawjson.Value, id string) bool {
	for r := range v.Get("contained").Items() {
		if r.Get("id").Text() == id {
			return true
		}
	}
	return false
}

// checkOwner holds the compartment rule: a chart resource names the bundle's
// Patient by one of its compartment paths.
func (p *Plan) checkOwner(ctx context.Context, i int, v rawjson.Value) (*problem, error) {
	def := p.o.cat.def(p.o.entries[i].typ)
	if def.Shared || def.Compartment.Self {
		return nil, nil
	}
	for _, path := range def.Compartment.Paths {
		for ref := range at(v, path+".reference") {
			lit := parseRef(ref.Text())
			if j, ok := p.o.find(lit, p.o.entries[i].base); ok {
				if j == p.o.owner || def.Compartment.Through && !p.o.entries[j].listed && !p.shared(j) {
					return nil, nil
				}
				continue
			}
			if !def.Compartment.Through || lit.form == fragmentRef || lit.form == badRef {
				continue
			}
			typ, where, err := p.resolve(ctx, i, lit)
			if err != nil {
				return nil, err
			}
			if where == inStore && !p.o.cat.def(typ).Shared {
				return nil, nil
			}
		}
	}
	return &problem{v.Offset(), MsgNoOwner, def.Type + "." + strings.Join(def.Compartment.Paths, ", ")}, nil
}
