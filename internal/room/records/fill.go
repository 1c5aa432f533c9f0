package records

import (
	"context"
	"slices"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// answerMost bounds the documents of one answer, in bytes: its matches, and once more
// what they bring along. An answer is whole in memory before it leaves, in two or three copies and
// several of them at once. A thousand usual resources fit.
const answerMost = 2 << 20

// fill opens what hits name until the answer is full: at least one, so that whoever goes
// on with the next page gets on. Of a page that ends before a place the last ones are
// opened, so that nothing lies between the page and the place. Sealed bytes are
// counted, before they are opened: what does not fit is not given to anybody.
func (s *Store) fill(ctx context.Context, g access.Grant, owner person.Owner, typ string, hits []Hit, back bool) ([]Resource, error) {
	out, size := make([]Resource, 0, len(hits)), 0
	for i, h := range hits {
		if back {
			h = hits[len(hits)-1-i]
		}
		row, err := s.row(ctx, owner, h.ID, int64(h.Version))
		if err != nil {
			return nil, err
		}
		if size += len(row.body); size > s.answerMost && i > 0 {
			break
		}
		r, err := s.openRow(ctx, g, owner, typ, h.ID, row)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	if back {
		slices.Reverse(out)
	}
	return out, nil
}

// cut leaves the n hits that had room.
func (r *Result) cut(n int, back bool) {
	switch {
	case n == len(r.Hits):
	case back:
		r.Hits, r.Before = r.Hits[len(r.Hits)-n:], true
	default:
		r.Hits, r.After = r.Hits[:n], true
	}
}

// errCostly refuses what one answer cannot bring along.
func errCostly() error {
	return fault.New(fault.TooCostly, "include resources: too many for one page")
}
