package records

import (
	"context"
	"slices"
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// namedAtOnce is how many shared resources one search asks for, and namedRounds how far
// references are followed: a role leads to its doctor and its place, and that to its clinic.
const (
	namedAtOnce = 50
	namedRounds = 4
)

// Named opens what resources of a chart refer to of what the clinic shares: who treated, where,
// with which medicine. It asks as an _include of shared types does, and so opens nothing that a
// read of each would not. A reference that leads to nothing there is left as it is.
func (s *Store) Named(ctx context.Context, c person.Caller, list []Resource) ([]Resource, error) {
	var out []Resource
	seen := map[string]bool{}
	for range namedRounds {
		refs, err := s.sharedRefs(list, seen)
		if err != nil {
			return nil, err
		}
		list = nil
		for _, typ := range s.c.Catalogue.Types() {
			for some := range slices.Chunk(refs[typ], namedAtOnce) {
				found, err := s.Search(ctx, c, typ, "_id="+strings.Join(some, ","))
				if err != nil {
					return nil, err
				}
				list = append(list, found.Resources...)
			}
		}
		if len(list) == 0 {
			break
		}
		out = append(out, list...)
	}
	return out, nil
}

// sharedRefs collects where references lead to what is shared, by type, each once.
func (s *Store) sharedRefs(list []Resource, seen map[string]bool) (map[string][]string, error) {
	refs := map[string][]string{}
	for _, r := range list {
		v, err := rawjson.Parse(r.Doc.Reveal(), rawjson.Limits{})
		if err != nil {
			return nil, fault.Wrap(fault.Tampered, "follow references", err)
		}
		references(v, func(ref rawjson.Value) *problem {
			typ, text, _ := strings.Cut(ref.Text(), "/")
			id, err := parseResourceID(text)
			if def := s.c.Catalogue.def(typ); err == nil && def != nil && def.Shared && !seen[typ+"/"+id.String()] {
				seen[typ+"/"+id.String()] = true
				refs[typ] = append(refs[typ], id.String())
			}
			return nil
		})
	}
	return refs, nil
}
