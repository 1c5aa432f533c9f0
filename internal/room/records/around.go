package records

import (
	"context"
	"slices"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// ViewAround opens what a page about one resource shows: the resource typ/id and
// the types of its chart that stand beside it. It is one decision and one entry,
// which names the resource. As with Read, a resource of a foreign chart and one
// that does not exist take the same path and give the same answer: one durable
// refusal, fault.NotFound.
func (s *Store) ViewAround(ctx context.Context, c person.Caller, typ, id string, types ...string) (Chart, Resource, error) {
	def, ok := s.c.Catalogue.Definition(typ)
	if !ok || def.Shared {
		return Chart{}, Resource{}, fault.New(fault.Internal, "view resource: the type lies in no chart")
	}
	rid, err := person.ParseResourceID(id)
	if err != nil {
		rid = person.ResourceID{} // names nothing, and is decided like one that does
	}
	owner, _, err := s.locate(ctx, def, rid)
	if err != nil {
		return Chart{}, Resource{}, err
	}
	types = append([]string{typ}, slices.DeleteFunc(slices.Clone(types), func(t string) bool { return t == typ })...)
	g, err := s.c.Gate.Decide(ctx, access.Ask{Caller: c, Action: access.ReadChart, Owner: owner,
		Object: typ + "/" + rid.String(), Kinds: kinds(types...)})
	if err != nil {
		return Chart{}, Resource{}, err
	}
	patient, _ := owner.AsPatient()
	chart := Chart{Patient: patient}
	err = s.steady(ctx, owner, func(head vault.Head) error {
		chart.byType = map[string][]Resource{}
		m, err := s.manifest(ctx, g, owner, head)
		if err != nil {
			return err
		}
		for _, t := range types {
			if err := s.viewType(ctx, g, owner, m, t, &chart); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Chart{}, Resource{}, err
	}
	i := slices.IndexFunc(chart.byType[typ], func(r Resource) bool { return r.ID == rid })
	if i < 0 {
		return Chart{}, Resource{}, fault.New(fault.NotFound, "view resource: none of this type")
	}
	return chart, chart.byType[typ][i], nil
}
