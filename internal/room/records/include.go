package records

import (
	"context"
	"slices"
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// What a search brings along with its matches (FHIR R4 3.1.1.5.4) comes from two
// places and no third: the chart that the search is about, under its own Grant, whose
// kinds name the included types, and what the clinic shares, under a decision of its
// own. So a reference leads nowhere that a read of its target would not.

// include is one _include or _revinclude.
type include struct {
	source  string   // the type that holds the reference
	param   Param    // which reference
	targets []string // types that are brought along: for the reverse, that are matched
	reverse bool     // bring along what refers to a match
	subject bool     // the reference to the patient, which every resource of the chart has
}

// addInclude reads [source]:[parameter](:[target]).
func (q *Query) addInclude(c *Catalogue, def *Definition, value string, reverse bool) error {
	parts := strings.Split(value, ":")
	if len(parts) < 2 || len(parts) > 3 || len(q.includes) == maxIncludes {
		return badQuery("an include is type:parameter or type:parameter:target")
	}
	in := include{source: parts[0], reverse: reverse}
	source := c.def(in.source)
	if source == nil || !reverse && source != def {
		return badQuery("an include begins with the type that holds the reference")
	}
	if !in.refer(c, source, parts[1]) {
		return badQuery("an include names a reference of the type")
	}
	if len(parts) == 3 {
		in.targets = slices.DeleteFunc(in.targets, func(t string) bool { return t != parts[2] })
	}
	// From what is shared no way leads into a chart: the search has no Grant for one.
	in.targets = slices.DeleteFunc(in.targets, func(t string) bool { return def.Shared && !c.def(t).Shared })
	if len(in.targets) == 0 || reverse && (!slices.Contains(in.targets, def.Type) || def.Shared && !source.Shared) {
		return badQuery("the reference does not lead there")
	}
	q.includes = append(q.includes, in)
	return nil
}

// refer finds the reference parameter of source with this name.
func (in *include) refer(c *Catalogue, source *Definition, name string) bool {
	if p, ok := source.param(name); ok && p.Kind == ReferenceParam {
		in.param, in.targets = p, c.TargetTypes(p)
		return true
	}
	own := source.Compartment
	if source.Shared || own.Self || own.Through || name != PatientParam && name != source.subject() {
		return false
	}
	in.param = Param{Name: name, Kind: ReferenceParam, Path: own.Paths[0], Targets: []string{"Patient"}}
	in.targets, in.subject = []string{"Patient"}, true
	return true
}

// included are the types that a query brings along: of the chart that it is about,
// and shared ones.
func (q *Query) included(c *Catalogue) (chart, shared []string) {
	for _, in := range q.includes {
		types := in.targets
		if in.reverse {
			types = []string{in.source}
		}
		for _, t := range types {
			if c.def(t).Shared {
				shared = append(shared, t)
			} else {
				chart = append(chart, t)
			}
		}
	}
	slices.Sort(chart)
	slices.Sort(shared)
	return slices.Compact(chart), slices.Compact(shared)
}

// includedMost bounds what one answer brings along.
const includedMost = 1000

// gatherer collects what a search brings along. Each resource comes once.
type gatherer struct {
	s     *Store
	asked *asked
	seen  map[string]bool // Type/id of everything in the answer
	out   []Resource
	size  int // bytes of out, as they were sealed
}

// include adds to found what its query brings along. own reads from the chart that
// the search is about.
func (s *Store) include(ctx context.Context, a *asked, own *opened, found *Found) error {
	g := gatherer{s: s, asked: a, seen: map[string]bool{}}
	for _, r := range found.Resources {
		g.seen[r.Type+"/"+r.ID.String()] = true
	}
	refs, err := g.references(found.Resources)
	if err != nil {
		return err
	}
	if err := g.follow(ctx, own, refs); err != nil {
		return err
	}
	for _, in := range a.q.includes {
		if in.reverse {
			if err := g.referring(ctx, own, in, found.Resources); err != nil {
				return err
			}
		}
	}
	found.Included = g.out
	return nil
}

// references collects where the matches' references lead, by type, in the order in
// which they stand.
func (g *gatherer) references(matches []Resource) (map[string][]person.ResourceID, error) {
	refs := map[string][]person.ResourceID{}
	for _, r := range matches {
		v, err := rawjson.Parse(r.Doc.Reveal(), rawjson.Limits{})
		if err != nil {
			return nil, fault.Wrap(fault.Tampered, "include resources", err)
		}
		v = v.Indexed()
		for _, in := range g.asked.q.includes {
			if in.reverse {
				continue
			}
			for x := range at(v, in.param.Path) {
				typ, text, ok := strings.Cut(x.Get("reference").Text(), "/")
				id, err := parseResourceID(text)
				if !ok || err != nil || !slices.Contains(in.targets, typ) || g.seen[typ+"/"+id.String()] {
					continue
				}
				g.seen[typ+"/"+id.String()] = true
				refs[typ] = append(refs[typ], id)
			}
		}
	}
	return refs, nil
}

// follow opens what the references lead to.
func (g *gatherer) follow(ctx context.Context, own *opened, refs map[string][]person.ResourceID) error {
	shared := map[string][]person.ResourceID{}
	for _, typ := range g.s.c.Catalogue.Types() {
		if len(refs[typ]) == 0 {
			continue
		}
		if own.owner.Kind != person.OwnerClinic && g.s.c.Catalogue.def(typ).Shared {
			shared[typ] = refs[typ]
			continue
		}
		if err := g.open(ctx, own, typ, refs[typ]); err != nil {
			return err
		}
	}
	if len(shared) == 0 {
		return nil
	}
	clinic, before, size := person.Clinic(g.s.c.Clinic), len(g.out), g.size
	return g.s.steady(ctx, clinic, func(head vault.Head) error {
		g.out, g.size = g.out[:before], size
		m, err := g.s.manifest(ctx, g.asked.shared, clinic, head)
		if err != nil {
			return err
		}
		o := &opened{grant: g.asked.shared, owner: clinic, manifest: m}
		for _, typ := range g.s.c.Catalogue.Types() {
			if err := g.open(ctx, o, typ, shared[typ]); err != nil {
				return err
			}
		}
		return nil
	})
}

// open adds resources of one type of one chart. A reference that leads to nothing
// there is left as it is.
func (g *gatherer) open(ctx context.Context, o *opened, typ string, ids []person.ResourceID) error {
	if len(ids) == 0 {
		return nil
	}
	part, ok, err := g.s.part(ctx, o.grant, o.owner, o.manifest, typ)
	if err != nil || !ok {
		return err
	}
	for _, id := range ids {
		rec, ok := part.Find(id)
		if !ok {
			continue
		}
		if err := g.add(ctx, o, typ, id, rec.Version); err != nil {
			return err
		}
	}
	return nil
}

func (g *gatherer) add(ctx context.Context, o *opened, typ string, id person.ResourceID, version uint32) error {
	if len(g.out) == includedMost {
		return errCostly()
	}
	row, err := g.s.row(ctx, o.owner, id, int64(version))
	if err != nil {
		return err
	}
	if g.size += len(row.body); g.size > g.s.answerMost {
		return errCostly()
	}
	r, err := g.s.openRow(ctx, o.grant, o.owner, typ, id, row)
	if err != nil {
		return err
	}
	g.out = append(g.out, r)
	return nil
}

// referring adds what refers to a match: the same search by the reference, in the
// same chart.
func (g *gatherer) referring(ctx context.Context, o *opened, in include, matches []Resource) error {
	part, ok, err := g.s.part(ctx, o.grant, o.owner, o.manifest, in.source)
	if err != nil || !ok || len(matches) == 0 {
		return err
	}
	q := Query{Type: in.source, Count: includedMost + len(g.seen) + 1}
	if !in.subject {
		var anyOf []uint64
		for _, r := range matches {
			anyOf = append(anyOf, token(in.param.Name, byReference, r.Type+"/"+r.ID.String()))
		}
		q.links = [][]uint64{anyOf}
	}
	for _, h := range part.Search(q).Hits {
		key := in.source + "/" + h.ID.String()
		if g.seen[key] {
			continue
		}
		g.seen[key] = true
		if err := g.add(ctx, o, in.source, h.ID, h.Version); err != nil {
			return err
		}
	}
	return nil
}

// decideShared asks for what the clinic shares, when a search of a chart brings along
// some of it.
func (s *Store) decideShared(ctx context.Context, a *asked, types []string) (err error) {
	if len(types) == 0 {
		return nil
	}
	a.shared, err = s.c.Gate.Decide(ctx, access.Ask{Caller: a.caller, Action: access.ReadShared, Owner: person.Clinic(s.c.Clinic),
		Kinds: kinds(types...), Query: a.text})
	return err
}

// Includes lists what a search of a type may bring along, and what may be brought
// along that refers to it: exactly what ParseSearch takes.
func (c *Catalogue) Includes(typ string) (forward, reverse []string) {
	def := c.def(typ)
	if def == nil {
		return nil, nil
	}
	try := func(source *Definition, name string, back bool) (string, bool) {
		text := source.Type + ":" + name
		return text, new(Query).addInclude(c, def, text, back) == nil
	}
	for i := range c.list {
		source := &c.list[i]
		names := []string{PatientParam, source.subject()}
		for _, p := range source.Search {
			names = append(names, p.Name)
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if text, ok := try(source, name, false); ok && source == def {
				forward = append(forward, text)
			}
			if text, ok := try(source, name, true); ok {
				reverse = append(reverse, text)
			}
		}
	}
	return forward, reverse
}
