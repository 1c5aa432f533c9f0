package records

import (
	"bytes"
	"context"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// ReadNow is Read for tests, which look at the resource afterwards.
func (s *Store) ReadNow(ctx context.Context, c person.Caller, typ, id string) (r Resource, err error) {
	err = s.Read(ctx, c, typ, id, func(lent Resource) error {
		r = lent
		r.Doc = phi.NewDoc(bytes.Clone(lent.Doc.Reveal()))
		return nil
	})
	return r, err
}
