package records

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/person"
)

// The register says which patients and record numbers sources have named, so that a
// name that somebody deleted from chart_source is missed and does not begin a second
// chart. It is cut into buckets by token; the digests of all buckets are in memory
// once they were compared with the register's head, and a look-up reads one bucket.
// Names of other resources need no register: their identifiers follow from their
// tokens, see resourceID.
const (
	buckets      = 1 << 14
	perNode      = 128 // buckets to a node of the digest
	registerSize = 32  // an entry: half a token, half a digest of its sealed name
	halfEntry    = registerSize / 2
)

// errRegister means that the stored register is not its head's.
var errRegister = errors.New("records: the register does not match its head")

func registerHead(clinic person.Owner) vault.HeadRef {
	return vault.HeadRef{Owner: clinic, Kind: vault.HeadRegister}
}

func bucketOf(token []byte) int { return int(binary.BigEndian.Uint16(token)) % buckets }

// leaf is the digest of a bucket, zero for one that holds nothing.
func leaf(bucket int, body []byte) [32]byte {
	if len(body) == 0 {
		return [32]byte{}
	}
	b := append([]byte("postern register v1"), byte(bucket>>8), byte(bucket)) //#nosec G115 -- below 1<<14
	return sha256.Sum256(append(b, body...))
}

// leaves are the digests of all buckets, in nodes.
type leaves struct {
	leaf [buckets][32]byte
	node [buckets / perNode][32]byte
	root [32]byte
}

func newLeaves() *leaves {
	l := &leaves{}
	for n := range l.node {
		l.node[n] = l.sum(n, nil)
	}
	l.root = l.rootWith(nil)
	return l
}

// sum is the digest of node n with the leaves that changed.
func (l *leaves) sum(n int, changed map[int][32]byte) [32]byte {
	h := sha256.New()
	for i := n * perNode; i < (n+1)*perNode; i++ {
		d, ok := changed[i]
		if !ok {
			d = l.leaf[i]
		}
		h.Write(d[:])
	}
	return [32]byte(h.Sum(nil))
}

// rootWith is the register's digest with the leaves that changed.
func (l *leaves) rootWith(changed map[int][32]byte) [32]byte {
	nodes := map[int][32]byte{}
	for i := range changed {
		nodes[i/perNode] = [32]byte{}
	}
	h := sha256.New()
	h.Write([]byte("postern register root v1"))
	for n := range l.node {
		d := l.node[n]
		if _, ok := nodes[n]; ok {
			d = l.sum(n, changed)
		}
		h.Write(d[:])
	}
	return [32]byte(h.Sum(nil))
}

func (l *leaves) set(changed map[int][32]byte) {
	for i, d := range changed {
		l.leaf[i] = d
	}
	for i := range changed {
		l.node[i/perNode] = l.sum(i/perNode, nil)
	}
	l.root = l.rootWith(nil)
}

// register remembers the digests that were verified. Changes come one at a time, so
// what a change made is the next one's beginning, if it committed: its head says so.
type register struct {
	mu   sync.Mutex
	now  *leaves          // nil before the first look
	next map[int][32]byte // the leaves of the change made last, which may not have committed
	root [32]byte         // of now with next
}

// at returns the leaves under head, read anew when memory has others.
func (r *register) at(ctx context.Context, tx *db.Tx, head vault.Head) (*leaves, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil && r.next != nil && r.root == head.Digest {
		r.now.set(r.next)
	}
	r.next = nil
	if r.now != nil && r.now.root == head.Digest {
		return r.now, nil
	}
	l, err := readLeaves(ctx, tx)
	if err != nil {
		return nil, err
	}
	if l.root != head.Digest {
		return nil, errRegister
	}
	r.now = l
	return l, nil
}

func (r *register) changed(next map[int][32]byte, root [32]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next, r.root = next, root
}

func readLeaves(ctx context.Context, tx *db.Tx) (*leaves, error) {
	rows, err := tx.Query(ctx, `SELECT bucket, body FROM chart_register`)
	if err != nil {
		return nil, fmt.Errorf("read register: %w", err)
	}
	defer func() { _ = rows.Close() }()
	l, all := newLeaves(), map[int][32]byte{}
	for rows.Next() {
		var bucket int64
		var body []byte
		if err := rows.Scan(&bucket, &body); err != nil {
			return nil, fmt.Errorf("read register: %w", err)
		}
		if bucket < 0 || bucket >= buckets || len(body) == 0 {
			return nil, errRegister
		}
		all[int(bucket)] = leaf(int(bucket), body)
	}
	l.set(all)
	return l, errors.Join(rows.Err(), rows.Close())
}

// namedPatient is what an alarm calls a Patient that a source has named.
const namedPatient = "a patient"

// registry is the register inside one change.
type registry struct {
	s     *Store
	tx    *vault.ChangeTx
	owner person.Owner
	known *leaves
	body  map[int][]byte // of the buckets that were looked at, and verified
	dirty map[int][32]byte
}

func (s *Store) registry(tx *vault.ChangeTx) *registry {
	return &registry{s: s, tx: tx, owner: person.Clinic(s.c.Clinic), body: map[int][]byte{}, dirty: map[int][32]byte{}}
}

func (r *registry) tampered(ctx context.Context, what string) error {
	return r.s.c.Vault.Tampered(ctx, what, r.owner)
}

// bucket returns the verified bucket of token.
func (r *registry) bucket(ctx context.Context, token []byte) ([]byte, error) {
	n := bucketOf(token)
	if b, ok := r.body[n]; ok {
		return b, nil
	}
	if r.known == nil {
		head, err := r.tx.Head(ctx, registerHead(r.owner))
		if err != nil {
			return nil, err
		}
		if head.Version == 0 {
			return nil, r.tampered(ctx, "register of sources has no head")
		}
		if r.known, err = r.s.register.at(ctx, r.tx.Tx, head); errors.Is(err, errRegister) {
			return nil, r.tampered(ctx, "register of sources does not match its head")
		}
		if err != nil {
			return nil, err
		}
	}
	var body []byte
	err := r.tx.QueryRow(ctx, `SELECT body FROM chart_register WHERE bucket = ?`, int64(n)).Scan(&body)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return nil, fmt.Errorf("read register: %w", err)
	}
	if leaf(n, body) != r.known.leaf[n] || len(body)%registerSize != 0 {
		return nil, r.tampered(ctx, "register of sources does not match its head")
	}
	r.body[n] = body
	return body, nil
}

func registerEntry(token, sealed []byte) []byte {
	sum := sha256.Sum256(sealed)
	return slices.Concat(token[:halfEntry], sum[:halfEntry])
}

// check compares the stored name of token with the register; sealed is nil when there
// is none. what says what is named, for the alarm.
func (r *registry) check(ctx context.Context, token, sealed []byte, what string) error {
	body, err := r.bucket(ctx, token)
	if err != nil {
		return err
	}
	var entry []byte
	for e := range slices.Chunk(body, registerSize) {
		if bytes.Equal(e[:halfEntry], token[:halfEntry]) {
			entry = e
		}
	}
	switch {
	case entry == nil && sealed == nil, entry != nil && sealed != nil && bytes.Equal(entry, registerEntry(token, sealed)):
		return nil
	case sealed == nil:
		return r.tampered(ctx, "the name of "+what+" in chart_source was deleted")
	case entry == nil:
		return r.tampered(ctx, "the name of "+what+" in chart_source was put in")
	}
	return r.tampered(ctx, "the name of "+what+" in chart_source was exchanged")
}

// add enters a name that check has found to be new.
func (r *registry) add(ctx context.Context, token, sealed []byte) error {
	body, err := r.bucket(ctx, token)
	if err != nil {
		return err
	}
	n := bucketOf(token)
	r.body[n] = slices.Concat(body, registerEntry(token, sealed))
	r.dirty[n] = leaf(n, r.body[n])
	return nil
}

// flush stores what was added and the register's head.
func (r *registry) flush(ctx context.Context) error {
	if len(r.dirty) == 0 {
		return nil
	}
	for _, n := range slices.Sorted(maps.Keys(r.dirty)) {
		if _, err := r.tx.Exec(ctx, `INSERT INTO chart_register (bucket, body) VALUES (?, ?)
			ON CONFLICT (bucket) DO UPDATE SET body = excluded.body`, int64(n), r.body[n]); err != nil {
			return fmt.Errorf("store register: %w", err)
		}
	}
	root := r.known.rootWith(r.dirty)
	if err := r.tx.SetHead(ctx, registerHead(r.owner), root); err != nil {
		return err
	}
	r.s.register.changed(r.dirty, root)
	return nil
}
