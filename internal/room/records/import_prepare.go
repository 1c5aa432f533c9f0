package records

import (
	"context"
	"errors"

	"postern.example/postern/internal/word/person"
)

// prepared is a small bundle as it will be stored, made before the transaction:
// one change at a time holds the lock, and meanwhile the next bundles are made
// ready. Identifiers are drawn here; what the transaction finds to be named
// already keeps its name there.
type prepared struct {
	ids    map[string]known // by source id
	stored []Stored
}

// prepare makes plan ready. It is nil for a large bundle, whose resources would
// take memory, and for one that will be refused, because the transaction says why.
func (s *Store) prepare(ctx context.Context, plan *Plan, names *sources, patient person.PatientID) (*prepared, error) {
	if plan.kept == nil {
		return nil, nil
	}
	tokens := make([][]byte, len(plan.stored))
	for n, i := range plan.stored {
		tokens[n] = names.token(plan.source(i))
	}
	found, err := names.findAll(ctx, nil, tokens)
	if err != nil {
		return nil, err
	}
	p := &prepared{ids: make(map[string]known, len(tokens)), stored: make([]Stored, 0, len(tokens))}
	for n, i := range plan.stored {
		src := plan.source(i)
		k, ok := found[string(tokens[n])]
		if !ok {
			k = names.draw(plan, i, tokens[n], patient)
		}
		p.ids[src.ID.Reveal()] = k
	}
	err = plan.Each(ctx, func(src Source) (person.ResourceID, error) {
		if k, ok := p.ids[src.ID.Reveal()]; ok {
			return k.id, nil
		}
		k, ok, err := names.lookup(ctx, src)
		if err == nil && (!ok || k.typ != src.Type || k.owner != person.Patient(patient) && k.owner != person.Clinic(s.c.Clinic)) {
			err = errUnprepared
		}
		p.ids[src.ID.Reveal()] = k
		return k.id, err
	}, func(r Stored) error {
		p.stored = append(p.stored, r) // its body has memory of its own
		return nil
	})
	if errors.Is(err, errUnprepared) {
		return nil, nil
	}
	return p, err
}

// errUnprepared leaves a bundle to the transaction.
var errUnprepared = errors.New("records: not prepared")

// draw names a resource that has no name here yet.
func (n *sources) draw(plan *Plan, i int, token []byte, patient person.PatientID) known {
	k := known{owner: person.Patient(patient), typ: plan.o.entries[i].typ}
	if plan.shared(i) {
		k.owner = person.Clinic(n.s.c.Clinic)
	}
	k.id = n.resourceID(token)
	if k.typ == "Patient" {
		k.id = person.PatientResource(patient)
	}
	return k
}

// holds reports whether the names of the transaction are those of p.
func (p *prepared) holds(ids map[string]known) bool {
	for key, k := range ids {
		if had, ok := p.ids[key]; !ok || had != k {
			return false
		}
	}
	return true
}
