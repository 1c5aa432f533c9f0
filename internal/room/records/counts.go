package records

import (
	"context"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/person"
)

// ChartTypes lists the definitions of the types that charts hold, sorted by name;
// shared ones, which belong to the clinic, are left out.
func (s *Store) ChartTypes() []Definition {
	var out []Definition
	for _, d := range s.c.Catalogue.list {
		if !d.Shared {
			out = append(out, d)
		}
	}
	return out
}

// Counts says how many resources of each type a chart holds, without opening one of
// them. What a page tells so it tells of all types, so all of them are asked for: one
// decision, one entry. what names the page in the log.
func (s *Store) Counts(ctx context.Context, c person.Caller, patient person.PatientID, what string) (map[string]int, error) {
	owner := person.Patient(patient)
	var types []string
	for _, d := range s.ChartTypes() {
		types = append(types, d.Type)
	}
	g, err := s.c.Gate.Decide(ctx, access.Ask{Caller: c, Action: access.ReadChart, Owner: owner, Object: what, Kinds: kinds(types...)})
	if err != nil {
		return nil, err
	}
	var out map[string]int
	err = s.steady(ctx, owner, func(head vault.Head) error {
		out = map[string]int{}
		m, err := s.manifest(ctx, g, owner, head)
		if err != nil {
			return err
		}
		for _, t := range types {
			part, ok, err := s.part(ctx, g, owner, m, t)
			if err != nil {
				return err
			}
			if ok {
				out[t] = part.Len()
			}
		}
		return nil
	})
	return out, err
}
