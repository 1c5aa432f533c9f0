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

// sharedAtOnce is how many shared resources one decision is about, and namedRounds how far
// references are followed: a role leads to its doctor and its place, and that to its clinic.
// namedMost and namedBytes bound what a file takes along: a record names as many as people
// treated, a hostile one as many as fit into it.
const (
	sharedAtOnce = 50
	namedRounds  = 4
	namedMost    = 1000
	namedBytes   = 32 << 20
)

// Shared opens the current versions of resources that the clinic shares, by id, under one decision
// and one entry for each fifty. It ends when use is content (false), and gives what there is of
// ids: the others are not there.
func (s *Store) Shared(ctx context.Context, c person.Caller, typ string, ids []person.ResourceID, use func(Resource) bool) error {
	for some := range slices.Chunk(ids, sharedAtOnce) {
		more, err := s.shared(ctx, c, typ, some, use)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

func (s *Store) shared(ctx context.Context, c person.Caller, typ string, ids []person.ResourceID, use func(Resource) bool) (more bool, err error) {
	owner := person.Clinic(s.c.Clinic)
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = id.String()
	}
	g, err := s.c.Gate.Decide(ctx, access.Ask{Caller: c, Action: access.ReadShared, Owner: owner, Object: typ, Kinds: kinds(typ), Query: "_id=" + strings.Join(words, ",")})
	if err != nil {
		return false, err
	}
	var hits []Hit
	err = s.steady(ctx, owner, func(head vault.Head) error {
		hits = hits[:0]
		m, err := s.manifest(ctx, g, owner, head)
		if err != nil {
			return err
		}
		part, ok, err := s.part(ctx, g, owner, m, typ)
		if err != nil || !ok {
			return err
		}
		for _, id := range ids {
			if rec, ok := part.Find(id); ok {
				hits = append(hits, Hit{ID: id, Version: rec.Version})
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for _, h := range hits {
		row, err := s.row(ctx, owner, h.ID, int64(h.Version))
		if err != nil {
			return false, err
		}
		r, err := s.openRow(ctx, g, owner, typ, h.ID, row)
		if err != nil || !use(r) {
			return false, err
		}
	}
	if len(hits) == 0 {
		err = g.Give(ctx, 1) // that none of them is there tells something too
	}
	return true, err
}

// Named opens what resources of a chart refer to of what the clinic shares: who treated, where,
// with which medicine. It asks as an _include of shared types does, and so opens nothing that a
// read of each would not. A reference that leads to nothing there is left as it is, and so
// is what is beyond namedMost and namedBytes.
func (s *Store) Named(ctx context.Context, c person.Caller, list []Resource) ([]Resource, error) {
	var out []Resource
	seen, size := map[string]bool{}, 0
	for range namedRounds {
		refs, err := s.sharedRefs(list, seen)
		if err != nil {
			return nil, err
		}
		list = nil
		for _, typ := range s.c.Catalogue.Types() {
			err := s.Shared(ctx, c, typ, refs[typ], func(r Resource) bool {
				if size += r.Doc.Len(); size > namedBytes {
					return false
				}
				list = append(list, r)
				return true
			})
			if err != nil {
				return nil, err
			}
		}
		if out = append(out, list...); len(list) == 0 || size > namedBytes {
			break
		}
	}
	return out, nil
}

// sharedRefs collects where references lead to what is shared, by type, each once.
func (s *Store) sharedRefs(list []Resource, seen map[string]bool) (map[string][]person.ResourceID, error) {
	refs := map[string][]person.ResourceID{}
	for _, r := range list {
		v, err := rawjson.Parse(r.Doc.Reveal(), rawjson.Limits{})
		if err != nil {
			return nil, fault.Wrap(fault.Tampered, "follow references", err)
		}
		references(v, func(ref rawjson.Value) *problem {
			typ, text, _ := strings.Cut(ref.Text(), "/")
			id, err := parseResourceID(text)
			if def := s.c.Catalogue.def(typ); err == nil && def != nil && def.Shared && len(seen) < namedMost && !seen[typ+"/"+id.String()] {
				seen[typ+"/"+id.String()] = true
				refs[typ] = append(refs[typ], id)
			}
			return nil
		})
	}
	return refs, nil
}
