package records

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// lookupsMost bounds whom one look-up finds: a telephone can be a whole house's.
const lookupsMost = 64

// LookUp finds patients of the caller by w and says of them what a list does, one decision
// and one entry for each; more says that there are others beside those. among are those that
// the caller's list shows; the gate decides all the same. Somebody whom the caller does not
// treat and nobody at all take the same path and give the same answer: one durable refusal,
// fault.NotFound.
func (s *Store) LookUp(ctx context.Context, c person.Caller, w Wanted, among []person.PatientID) (out []Glance, more bool, err error) {
	if len(w.any) == 0 {
		return nil, false, fault.New(fault.Invalid, "look up patient: nothing to look for")
	}
	owners, more, err := s.whom(ctx, w, among)
	if err != nil {
		return nil, false, err
	}
	types := glanceTypes()
	for _, owner := range owners {
		// Refusals are counted by what was asked: two questions that lead to one patient of
		// others are two, as they are when they lead to nobody.
		chart, err := s.viewChecked(ctx, access.Ask{Caller: c, Action: access.SearchChart, Owner: owner,
			Object: LookUpPage, Query: w.asked, Apart: " " + w.asked, Kinds: kinds(types...)}, types)
		if err != nil {
			return nil, false, err
		}
		same, err := w.matches(chart)
		if err != nil {
			return nil, false, err
		}
		if !same {
			_ = s.c.Vault.Tampered(ctx, "a row for looking a patient up leads to another chart", owner)
			continue
		}
		g, err := glanceAt(chart, glanceFields(c.Role()))
		if err != nil {
			return nil, false, err
		}
		out = append(out, g)
	}
	if len(out) == 0 {
		return nil, false, fault.New(fault.NotFound, "look up patient")
	}
	return out, more, nil
}

// whom says which charts a look-up asks the gate for: those that are on the caller's list,
// or the one that is not, or one that nobody has. The last two are refused alike, after the
// same statements. What several others share tells of none of them: then, too, nobody's is
// asked for, and the refusal stands at the question and not at one of them by chance.
func (s *Store) whom(ctx context.Context, w Wanted, among []person.PatientID) (owners []person.Owner, more bool, err error) {
	mine, err := s.lookedUpAmong(ctx, w, among)
	if err != nil {
		return nil, false, err
	}
	if len(mine) > 0 {
		n := min(len(mine), lookupsMost)
		return mine[:n], n < len(mine), nil
	}
	// Another one for each question: a refusal of its own, as of a patient who is there.
	nobody := person.Patient(person.PatientOf(resourceIDFromBytes(s.lookupToken(w.any[0][0])[:16])))
	other, err := s.lookedUp(ctx, w, nobody)
	return []person.Owner{other}, false, err
}

// A chart has a token of the last group, which says most of one person, and one of the
// first. Where there is one group, both are it.
const (
	lookupBoth  = `FROM chart_lookup a WHERE a.token IN (` + eight + `) AND EXISTS (SELECT 1 FROM chart_lookup b WHERE b.owner = a.owner AND b.token IN (` + eight + `))`
	lookupAmong = `SELECT a.owner ` + lookupBoth + ` AND a.owner IN ` + in32
	// Each gives one row, found or not, and both are always asked.
	lookupFirst  = `SELECT (SELECT a.owner ` + lookupBoth + ` LIMIT 1)`
	lookupSecond = `SELECT (SELECT a.owner ` + lookupBoth + ` AND a.owner <> ? LIMIT 1)`
)

// lookupArgs are the arguments of lookupBoth.
func (s *Store) lookupArgs(w Wanted) []any {
	var args []any
	for _, group := range [][]lookupKey{w.any[len(w.any)-1], w.any[0]} {
		for i := range lookupKeysMost {
			args = append(args, s.lookupToken(group[min(i, len(group)-1)]))
		}
	}
	return args
}

// lookedUpAmong lists those of among who have a token of every group of w, however many
// others have one. How long it takes hangs on the caller's own list alone.
func (s *Store) lookedUpAmong(ctx context.Context, w Wanted, among []person.PatientID) ([]person.Owner, error) {
	both := s.lookupArgs(w)
	found := map[person.Owner]bool{}
	for some := range slices.Chunk(among, lookups) {
		owners := padded32(len(some), func(i int) any { return person.Patient(some[i]).Bytes() })
		list, err := scanOwners(s.c.DB.Query(ctx, lookupAmong, slices.Concat(both, owners)...))
		if err != nil {
			return nil, err
		}
		for _, o := range list {
			found[o] = true
		}
	}
	var out []person.Owner // in the order of the list: which are the first does not change from look to look
	for _, p := range among {
		if o := person.Patient(p); found[o] {
			out = append(out, o)
			delete(found, o)
		}
	}
	return out, nil
}

// lookedUp is whose chart alone has a token of every group of w, and nobody when none has or more
// than one. It does the same whichever it is, as far as the database does: a look-up must
// not tell by its time whether somebody is a patient here.
func (s *Store) lookedUp(ctx context.Context, w Wanted, nobody person.Owner) (person.Owner, error) {
	args := s.lookupArgs(w)
	var first, second []byte
	if err := s.c.DB.QueryRow(ctx, lookupFirst, args...).Scan(&first); err != nil {
		return person.Owner{}, fmt.Errorf("look up patient: %w", err)
	}
	at := nobody.Bytes()
	if first != nil {
		at = first
	}
	if err := s.c.DB.QueryRow(ctx, lookupSecond, append(args, at)...).Scan(&second); err != nil {
		return person.Owner{}, fmt.Errorf("look up patient: %w", err)
	}
	// A row of something that is no patient is nobody's of ours.
	o, err := person.OwnerFromBytes(at)
	if err != nil || o.Kind != person.OwnerPatient || second != nil {
		return nobody, nil
	}
	return o, nil
}

// scanOwners reads patients, each once.
func scanOwners(rows *db.Rows, err error) ([]person.Owner, error) {
	if err != nil {
		return nil, fmt.Errorf("look up patient: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []person.Owner
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, fmt.Errorf("look up patient: %w", err)
		}
		// A row of something that is no patient is nobody's of ours; the chart's own look finds it.
		if o, err := person.OwnerFromBytes(b); err == nil && o.Kind == person.OwnerPatient && !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	return out, errors.Join(rows.Err(), rows.Close())
}
