package records

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Gate is what the store needs of package access.
type Gate interface {
	Decide(ctx context.Context, a access.Ask) (access.Grant, error)
	Begin(ctx context.Context, a access.Ask) (*access.Pending, error)
	// Refused logs that what a Grant allowed was refused all the same, by id of the message.
	Refused(ctx context.Context, g access.Grant, kind fault.Kind, message string) error
}

// Standings tells which chart is a person's own.
type Standings interface {
	Standing(ctx context.Context, account person.AccountID) (access.Standing, error)
}

// StoreConfig is what NewStore needs; every field is required but those that
// state a default.
type StoreConfig struct {
	DB        *db.DB
	Vault     *vault.Vault
	Gate      Gate
	Standings Standings
	Catalogue *Catalogue
	Clinic    person.ClinicID
	// Ready returns an error while production data may take no patient yet. Nil
	// means always ready.
	Ready  func(ctx context.Context) error
	Clock  func() time.Time
	Random io.Reader
	// Job returns the Caller of the job that makes stale indexes anew, a new one
	// for each batch. Nil means that a stale chart stays refused.
	Job func() person.Caller
	// LookUpKeys is the version of the keys by which staff look patients up. Another one
	// makes every token another, and the job that makes indexes anew writes them. 0 means 1.
	LookUpKeys int
	// Links seals what leads from one page of an answer to the next. Nil means that
	// answers have no links, and only their first page.
	Links Links
	// CacheBytes bounds the sealed bytes kept in memory. 0 means 48 MiB.
	CacheBytes int64
}

// Store keeps charts. Every method that returns content takes a Caller and asks
// the gate itself.
type Store struct {
	c        StoreConfig
	cache    *cache
	places   *db.Fresh[placeKey, spot]
	answers  *db.Fresh[answerKey, keptAnswer]
	register register
	// answerMost is the constant of that name; tests have smaller answers.
	answerMost int
}

// NewStore makes a Store.
func NewStore(c StoreConfig) (*Store, error) {
	if c.DB == nil || c.Vault == nil || c.Gate == nil || c.Standings == nil || c.Catalogue == nil || c.Clinic.IsZero() || c.Clock == nil || c.Random == nil {
		return nil, errors.New("open charts: the configuration is incomplete")
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 48 << 20
	}
	c.LookUpKeys = max(c.LookUpKeys, 1)
	return &Store{c: c, cache: newCache(c.CacheBytes), places: db.NewFresh[placeKey, spot](c.DB, mostKept),
		answers: db.NewFresh[answerKey, keptAnswer](c.DB, mostKept), answerMost: answerMost}, nil
}

// kindChart is the kind of a chart's manifest; every Grant for a chart covers it.
const kindChart = "chart"

// kindResource is the kind of a row's header, which policy reads before the type
// is known to be the one asked for.
const kindResource = "resource"

func kinds(types ...string) []string {
	return append(append(make([]string, 0, 1+len(types)), kindChart), types...)
}

func headOf(owner person.Owner) vault.HeadRef {
	return vault.HeadRef{Owner: owner, Kind: vault.HeadChart}
}

// errMoved means that the chart changed between two reads; the caller reads again.
var errMoved = errors.New("records: the chart changed meanwhile")

// tries bounds how often a read starts over because the chart changed.
const tries = 4

// steady runs read until no change of the chart came in between. A chart that
// does not match its head although its head stands still has been tampered with.
func (s *Store) steady(ctx context.Context, owner person.Owner, read func(head vault.Head) error) error {
	var last vault.Head
	for i := range tries {
		head, err := s.c.Vault.Head(ctx, headOf(owner))
		if err != nil {
			return err
		}
		err = read(head)
		if errors.Is(err, ErrStale) && i+1 < tries {
			if err := s.renew(ctx, owner); err != nil {
				return err
			}
			continue
		}
		if !errors.Is(err, errMoved) {
			return err
		}
		if i > 0 && head == last {
			return s.c.Vault.Tampered(ctx, "chart does not match its head: "+err.Error(), owner)
		}
		last = head
	}
	return fault.New(fault.Unavailable, "read chart: it keeps changing")
}

// manifest opens the chart's manifest for the holder of g and compares it with
// the head. A chart without a head has no rows that anybody may trust.
func (s *Store) manifest(ctx context.Context, g access.Grant, owner person.Owner, head vault.Head) (Manifest, error) {
	if head.Version == 0 {
		return Manifest{}, fault.New(fault.NotFound, "read chart")
	}
	key := cacheKey{owner: owner, version: head.Version}
	sealed, cached := s.cache.get(key)
	if !cached {
		err := s.c.DB.QueryRow(ctx, `SELECT body FROM chart_manifest WHERE owner = ?`, owner.Bytes()).Scan(&sealed)
		if errors.Is(err, db.ErrNoRows) {
			return Manifest{}, fmt.Errorf("%w: manifest is missing", errMoved)
		}
		if err != nil {
			return Manifest{}, fmt.Errorf("read manifest: %w", err)
		}
	}
	doc, err := s.c.Vault.OpenIfCurrent(ctx, g, manifestRow(owner, head.Version), sealed)
	if err != nil {
		return Manifest{}, moved(err, "manifest is older than its head")
	}
	plain, err := unframed(doc.Reveal())
	if err != nil {
		return Manifest{}, err
	}
	if sha256.Sum256(plain) != head.Digest {
		return Manifest{}, fmt.Errorf("%w: manifest is not the head's", errMoved)
	}
	m, err := decodeManifest(plain)
	if err != nil {
		return Manifest{}, err
	}
	if !cached {
		s.cache.put(key, sealed)
	}
	return m, nil
}

// moved turns "these bytes are another version" into errMoved and leaves every
// other error alone.
func moved(err error, what string) error {
	if errors.Is(err, vault.ErrNotCurrent) {
		return fmt.Errorf("%w: %s", errMoved, what)
	}
	return err
}

func manifestRow(owner person.Owner, version int64) vault.Row {
	return vault.Row{Owner: owner, Kind: kindChart, Version: version, Field: vault.FieldManifest}
}

func partRow(owner person.Owner, typ string, version int64) vault.Row {
	return vault.Row{Owner: owner, Kind: typ, Version: version, Field: vault.FieldIndex}
}

func bodyRow(owner person.Owner, typ string, id person.ResourceID, version int64) vault.Row {
	return vault.Row{Owner: owner, Kind: typ, ID: [16]byte(id.Bytes()), Version: version, Field: vault.FieldBody}
}

func headerRow(owner person.Owner, id person.ResourceID, version int64) vault.Row {
	return vault.Row{Owner: owner, Kind: kindResource, ID: [16]byte(id.Bytes()), Version: version, Field: vault.FieldHeader}
}

// partToken hides which types a chart holds.
func (s *Store) partToken(owner person.Owner, typ string) []byte {
	return s.c.Vault.Blind("part", string(owner.Bytes()), typ)
}

// part opens the index of typ; ok is false when the chart has none of the type.
func (s *Store) part(ctx context.Context, g access.Grant, owner person.Owner, m Manifest, typ string) (p Part, ok bool, err error) {
	ref, ok := m.Part(typ)
	if !ok {
		return Part{}, false, nil
	}
	key := cacheKey{owner: owner, typ: typ, version: ref.Version}
	sealed, cached := s.cache.get(key)
	if !cached {
		err := s.c.DB.QueryRow(ctx, `SELECT body FROM chart_part WHERE owner = ? AND part = ?`, owner.Bytes(), s.partToken(owner, typ)).Scan(&sealed)
		if errors.Is(err, db.ErrNoRows) {
			return Part{}, false, fmt.Errorf("%w: index is missing", errMoved)
		}
		if err != nil {
			return Part{}, false, fmt.Errorf("read index: %w", err)
		}
	}
	doc, err := s.c.Vault.OpenIfCurrent(ctx, g, partRow(owner, typ, ref.Version), sealed)
	if err != nil {
		return Part{}, false, moved(err, "index is not the manifest's")
	}
	plain, err := unframed(doc.Reveal())
	if err != nil {
		return Part{}, false, err
	}
	p, err = s.c.Catalogue.openPart(typ, plain, cached) // what is kept was checked before
	if err != nil {
		return Part{}, false, err
	}
	if !cached {
		s.cache.put(key, sealed)
	}
	return p, true, nil
}

// rowBytes is one sealed version of a resource.
type rowBytes struct {
	version      int64
	header, body []byte
}

// row returns the sealed bytes of one version, from memory when they are there.
func (s *Store) row(ctx context.Context, owner person.Owner, id person.ResourceID, version int64) (rowBytes, error) {
	key := cacheKey{owner: owner, id: id, version: version}
	if r, ok := s.cache.getRow(key); ok {
		return r, nil
	}
	r, err := s.fetch(ctx, owner, id, version)
	if err == nil {
		s.cache.putRow(key, r)
	}
	return r, err
}

// selectRow is one version of a resource.
const selectRow = `SELECT header, body FROM chart_row WHERE owner = ? AND id = ? AND version = ?`

// fetch reads the sealed bytes of one version that the index names.
func (s *Store) fetch(ctx context.Context, owner person.Owner, id person.ResourceID, version int64) (rowBytes, error) {
	r := rowBytes{version: version}
	err := s.c.DB.QueryRow(ctx, selectRow, owner.Bytes(), id.Bytes(), version).Scan(&r.header, &r.body)
	if errors.Is(err, db.ErrNoRows) {
		return rowBytes{}, s.c.Vault.Tampered(ctx, "chart row is missing although the index names it", owner)
	}
	if err != nil {
		return rowBytes{}, fmt.Errorf("read resource: %w", err)
	}
	return r, nil
}

// padding hides the length of resources: bodies are padded with spaces, which
// JSON ignores at the end, to the next of few sizes.
func padding(n int) int {
	step := 256
	for n > 8*step {
		step *= 2
	}
	return (n + step - 1) / step * step
}

func padded(body []byte) []byte {
	out := make([]byte, padding(len(body)))
	n := copy(out, body)
	for i := range out[n:] {
		out[n+i] = ' '
	}
	return out
}

func unpadded(body []byte) []byte { return bytes.TrimRight(body, " ") }

// framed pads an index or manifest: its length, its bytes, zeros.
func framed(b []byte) []byte {
	out := make([]byte, padding(4+len(b)))
	binary.BigEndian.PutUint32(out, uint32(len(b))) //#nosec G115 -- parts are bounded by maxRecords
	copy(out[4:], b)
	return out
}

// unframed takes the padding away. The seal has vouched for the bytes.
func unframed(b []byte) ([]byte, error) {
	if len(b) < 4 || int64(binary.BigEndian.Uint32(b)) > int64(len(b)-4) {
		return nil, errPart
	}
	return b[4 : 4+binary.BigEndian.Uint32(b)], nil
}
