package records

import (
	"context"
	"crypto/sha256"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// What was answered once is kept sealed, under the chart's own key, and given out
// again to the holder of a new Grant for as long as nothing at all was committed to
// the database: then a fresh look could not give another answer. The next commit,
// whosever, makes all of it stale, and the next read goes the long way again.

// mostKept bounds how many places and answers are remembered; their sealed bytes
// are bounded by the cache.
const mostKept = 20_000

// placeKey is a resource as one account asked for it. The account is in it, so that
// only who was given the resource before is spared the look into the database: to
// everybody else an identifier of a foreign chart and one that does not exist
// cost the same.
type placeKey struct {
	account person.AccountID
	typ     string
	id      person.ResourceID
}

// spot is whose a resource is, and its newest version.
type spot struct {
	owner   person.Owner
	version int64 // 0: there is none
	known   bool  // from memory
	mark    db.Mark
}

// place finds whose typ/id is: as remembered of this account, else by locate.
func (s *Store) place(ctx context.Context, c person.Caller, def Definition, id person.ResourceID) (spot, error) {
	at, m, ok := s.places.Get(placeKey{c.Account(), def.Type, id})
	if !ok {
		owner, version, err := s.locate(ctx, def, id)
		return spot{owner: owner, version: version, mark: m}, err
	}
	at.known = true
	return at, nil
}

// keepPlace remembers where c was given a resource. One that was remembered has no
// mark and is not put again: the state of the database that it belongs to is known.
func (s *Store) keepPlace(c person.Caller, def Definition, id person.ResourceID, at spot) {
	s.places.Put(at.mark, placeKey{c.Account(), def.Type, id}, spot{owner: at.owner, version: at.version})
}

// answerKey names an answer by what it depends on beside the state of the database.
type answerKey struct {
	owner person.Owner
	typ   string
	id    [16]byte // of the resource, or the start of the digest of the question
	field vault.Field
}

// keptAnswer is the version of what an answer was made of, and how many resources were
// opened for it: whoever is given it again is given as many.
type keptAnswer struct {
	version int64
	holds   int
}

func (k answerKey) row(version int64) vault.Row {
	return vault.Row{Owner: k.owner, Kind: k.typ, ID: k.id, Version: version, Field: k.field}
}

func (k answerKey) cached(version int64) cacheKey {
	id := resourceIDFromBytes(k.id[:])
	return cacheKey{owner: k.owner, typ: k.typ, id: id, version: version, field: k.field}
}

// answered shows the holder of g the resource as it was given out before, or
// reads it and keeps the answer.
func (s *Store) answered(ctx context.Context, g access.Grant, owner person.Owner, typ string, id person.ResourceID, read func() (Resource, error), use func(Resource) error) error {
	k := answerKey{owner: owner, typ: typ, id: [16]byte(id.Bytes()), field: vault.FieldAnswer}
	kept, m, ok := s.answers.Get(k)
	if ok {
		if sealed, ok := s.cache.get(k.cached(kept.version)); ok {
			return s.c.Vault.Lend(ctx, g, k.row(kept.version), sealed, kept.holds, func(doc phi.Doc) error {
				return use(Resource{Type: typ, ID: id, Version: kept.version, Doc: doc})
			})
		}
	}
	r, err := read()
	if err != nil {
		return err
	}
	s.keep(ctx, m, k, keptAnswer{r.Version, 1}, r.Doc)
	return use(r)
}

// listed shows the holder of g the answer to a question as it was given before, or
// finds it and keeps it. question is everything that the answer depends on beside
// the chart, whose state find returns with it.
func (s *Store) listed(ctx context.Context, g access.Grant, owner person.Owner, typ, question string, find func() (phi.Doc, vault.Head, error), use func(phi.Doc) error) error {
	digest := sha256.Sum256([]byte(question))
	k := answerKey{owner: owner, typ: typ, id: [16]byte(digest[:16]), field: vault.FieldList}
	kept, m, ok := s.answers.Get(k)
	if ok {
		if sealed, ok := s.cache.get(k.cached(kept.version)); ok {
			return s.c.Vault.Lend(ctx, g, k.row(kept.version), sealed, kept.holds, use)
		}
	}
	doc, head, err := find()
	if err != nil {
		return err
	}
	s.keep(ctx, m, k, keptAnswer{head.Version, g.Given()}, doc)
	return use(doc)
}

// keep seals an answer and remembers it. One that cannot be sealed is not kept, and one
// that the cache would refuse is not sealed: that would copy it for nothing.
func (s *Store) keep(ctx context.Context, m db.Mark, k answerKey, a keptAnswer, doc phi.Doc) {
	if !s.cache.takes(doc.Len()) {
		return
	}
	sealed, err := s.c.Vault.Seal(ctx, k.row(a.version), doc.Reveal())
	if err != nil {
		return
	}
	s.cache.put(k.cached(a.version), sealed)
	s.answers.Put(m, k, a)
}
