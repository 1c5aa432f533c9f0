package keys

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/word/person"
)

// Use separates the keys of one owner. Values are stored: never renumber.
type Use uint8

// The uses of design.md section 4.
const (
	UseChart   Use = 1 // a patient's chart, or the clinic's shared resources
	UseAudit   Use = 2 // payloads of the log, owned by the clinic: a per-patient key id would link entries
	UseAccount Use = 3 // sign-in data of an account
)

// Migrations are the tables of this package.
func Migrations() []db.Migration {
	hierarchy := db.Migration{Number: 1, Room: "keys", Name: "key hierarchy", Tables: []db.Table{
		{Name: "key_kek", Purpose: "key-encryption keys, wrapped by the root", Key: []string{"epoch"}, Columns: []db.Column{
			{Name: "epoch", Type: db.Integer, Class: db.KeyID, Purpose: "which key-encryption key", Retention: "installation"},
			{Name: "wrapped", Type: db.Bytes, Class: db.WrappedKey, Purpose: "the key, sealed", Retention: "until no subject key uses the epoch"},
		}},
		{Name: "key_subject", Purpose: "keys of one subject and use, wrapped by a key-encryption key", Key: []string{"owner", "purpose", "id"}, Columns: []db.Column{
			{Name: "owner", Type: db.Bytes, Class: db.RandomID, Purpose: "whose key", Retention: "life of the subject's data"},
			{Name: "purpose", Type: db.Integer, Class: db.SmallKind, Purpose: "chart, audit or account", Retention: "life of the subject's data"},
			{Name: "id", Type: db.Integer, Class: db.KeyID, Purpose: "which of the subject's keys", Retention: "life of the subject's data"},
			{Name: "epoch", Type: db.Integer, Class: db.KeyID, Purpose: "which key-encryption key wraps it", Retention: "life of the subject's data"},
			{Name: "wrapped", Type: db.Bytes, Class: db.WrappedKey, Purpose: "the key, sealed", Retention: "destroyed to erase"},
		}},
		{Name: "key_installation", Purpose: "what init fixed: clinic, origin, relying party", Key: []string{"id"}, Columns: []db.Column{
			{Name: "id", Type: db.Integer, Class: db.SmallKind, Purpose: "always 1", Retention: "installation"},
			{Name: "body", Type: db.Bytes, Class: db.Sealed, Purpose: "the settings, sealed", Retention: "installation"},
		}},
	}}
	return []db.Migration{hierarchy, erasedTable()}
}

// Config is what Open needs.
type Config struct {
	DB     *db.DB
	Root   *Root
	Random io.Reader // crypto/rand.Reader but in tests
	Cache  int       // most subject keys kept unwrapped in memory; 0 means 20,000
}

// Ring unwraps, caches, creates, rotates and destroys subject keys.
type Ring struct {
	db     *db.DB
	env    string
	wrap   Key
	erased Key // MACs of what Destroy leaves
	random io.Reader
	most   int

	mu      sync.Mutex
	keks    map[uint32]Key
	newest  uint32
	cache   map[subject]Key
	forgets uint64 // counts Forget, so that a slow unwrap does not re-cache a destroyed key
}

type subject struct {
	owner person.Owner
	use   Use
}

// Open loads the key-encryption keys and makes the first one on an empty
// database. A root key that does not unwrap them is ErrOpen: a database of
// another installation or environment. One that is missing among them is ErrKey:
// none is ever deleted.
func Open(ctx context.Context, c Config) (*Ring, error) {
	wrap, err := c.Root.Service(ServiceWrap)
	erased, err2 := c.Root.Service(ServiceErased)
	if err = errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	r := &Ring{db: c.DB, env: c.Root.env, wrap: wrap, erased: erased, random: c.Random, most: c.Cache,
		keks: map[uint32]Key{}, cache: map[subject]Key{}}
	if r.most == 0 {
		r.most = 20_000
	}
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	if r.newest == 0 {
		return r, r.addEpoch(ctx)
	}
	return r, nil
}

func (r *Ring) load(ctx context.Context) error {
	return r.db.Read(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT epoch, wrapped FROM key_kek ORDER BY epoch`)
		if err != nil {
			return fmt.Errorf("read key-encryption keys: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var epoch int64
			var wrapped []byte
			if err := rows.Scan(&epoch, &wrapped); err != nil {
				return fmt.Errorf("scan key-encryption key: %w", err)
			}
			raw, err := r.wrap.Open(wrapped, kekAD(uint32(epoch))) //#nosec G115 -- checked against the seal
			if err != nil {
				return fmt.Errorf("unwrap key-encryption key %d: %w", epoch, err)
			}
			k, err := newKey(r.env, uint32(epoch), raw) //#nosec G115 -- bound by the seal above
			if err != nil {
				return fmt.Errorf("load key-encryption key %d: %w", epoch, err)
			}
			if epoch != int64(r.newest)+1 {
				return fmt.Errorf("load key-encryption key %d: the one before is missing: %w", epoch, ErrKey)
			}
			r.keks[k.ID()], r.newest = k, k.ID()
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || r.newest > 0 {
			return err
		}
		return checkEmpty(ctx, tx)
	})
}

func kekAD(epoch uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte("postern kek "), epoch)
}

func subjectAD(s subject, id, epoch uint32) []byte {
	b := appendParts([]byte("postern subject key "), s.owner.Bytes(), []byte{byte(s.use)})
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, id), epoch)
}

// addEpoch draws the next key-encryption key and stores it.
func (r *Ring) addEpoch(ctx context.Context) error {
	raw := make([]byte, KeySize)
	if _, err := io.ReadFull(r.random, raw); err != nil {
		return fmt.Errorf("draw key-encryption key: %w", err)
	}
	r.mu.Lock()
	epoch := r.newest + 1
	r.mu.Unlock()
	wrapped, err := r.wrap.Seal(raw, kekAD(epoch))
	if err != nil {
		return fmt.Errorf("wrap key-encryption key: %w", err)
	}
	k, err := newKey(r.env, epoch, raw)
	if err != nil {
		return fmt.Errorf("make key-encryption key: %w", err)
	}
	err = r.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO key_kek (epoch, wrapped) VALUES (?, ?)`, int64(epoch), wrapped)
		return err
	})
	if err != nil {
		return fmt.Errorf("store key-encryption key: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keks[epoch], r.newest = k, epoch
	return nil
}

// Subject returns the key set of owner and use. It is ErrErased when Destroy has
// destroyed it, and ErrKey when none exists and nobody destroyed it: never created,
// or deleted past us.
func (r *Ring) Subject(ctx context.Context, owner person.Owner, use Use) (Key, error) {
	s := subject{owner, use}
	r.mu.Lock()
	k, ok := r.cache[s]
	before := r.forgets
	r.mu.Unlock()
	if ok {
		return k, nil
	}
	k, err := r.unwrap(ctx, s)
	if err != nil {
		return Key{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forgets == before {
		r.put(s, k)
	}
	return k, nil
}

// put caches k, dropping arbitrary entries over the bound: a dropped key costs
// one read, so a smarter order is not worth its code.
func (r *Ring) put(s subject, k Key) {
	for old := range r.cache {
		if len(r.cache) < r.most {
			break
		}
		delete(r.cache, old)
	}
	r.cache[s] = k
}

func (r *Ring) unwrap(ctx context.Context, s subject) (Key, error) {
	k := Key{env: r.env, set: map[uint32]material{}}
	err := r.db.Read(ctx, func(tx *db.Tx) error {
		// What Destroy leaves stands first, as a key 0 that there never is.
		rows, err := tx.Query(ctx, `SELECT id, epoch, wrapped FROM key_subject WHERE owner = ? AND purpose = ?
			UNION ALL SELECT 0, 0, mac FROM key_erased WHERE owner = ? AND purpose = ? ORDER BY 1`,
			s.owner.Bytes(), int64(s.use), s.owner.Bytes(), int64(s.use))
		if err != nil {
			return fmt.Errorf("read subject key: %w", err)
		}
		defer rows.Close()
		gone := false
		for rows.Next() {
			var id, epoch int64
			var wrapped []byte
			if err := rows.Scan(&id, &epoch, &wrapped); err != nil {
				return fmt.Errorf("scan subject key: %w", err)
			}
			if gone {
				return ErrBack
			}
			if id == 0 {
				if gone = r.isErased(s, wrapped); !gone {
					return fmt.Errorf("read erasure of subject key: %w", ErrOpen)
				}
				continue
			}
			m, err := r.unwrapOne(s, uint32(id), uint32(epoch), wrapped) //#nosec G115 -- bound by the seal
			if err != nil {
				return err
			}
			k.set[uint32(id)], k.current = m, uint32(id) //#nosec G115 -- bound by the seal
		}
		if err := rows.Err(); err != nil {
			return err
		}
		switch {
		case gone:
			return ErrErased
		case k.current == 0:
			return ErrKey
		}
		return nil
	})
	if err != nil {
		return Key{}, err
	}
	return k, nil
}

func (r *Ring) unwrapOne(s subject, id, epoch uint32, wrapped []byte) (material, error) {
	r.mu.Lock()
	kek, ok := r.keks[epoch]
	r.mu.Unlock()
	if !ok {
		return material{}, fmt.Errorf("unwrap subject key of epoch %d: %w", epoch, ErrKey)
	}
	raw, err := kek.Open(wrapped, subjectAD(s, id, epoch))
	if err != nil {
		return material{}, fmt.Errorf("unwrap subject key: %w", err)
	}
	return newMaterial(raw)
}

// Create draws the first key of owner and use inside tx and returns it. The
// Ring does not cache it: tx may still be rolled back, and bytes sealed under a
// key that was never stored would be lost.
func (r *Ring) Create(ctx context.Context, tx *db.Tx, owner person.Owner, use Use) (Key, error) {
	return r.create(ctx, tx, subject{owner, use}, 1)
}

func (r *Ring) create(ctx context.Context, tx *db.Tx, s subject, id uint32) (Key, error) {
	raw := make([]byte, KeySize)
	if _, err := io.ReadFull(r.random, raw); err != nil {
		return Key{}, fmt.Errorf("draw subject key: %w", err)
	}
	r.mu.Lock()
	kek := r.keks[r.newest]
	r.mu.Unlock()
	wrapped, err := kek.Seal(raw, subjectAD(s, id, kek.ID()))
	if err != nil {
		return Key{}, fmt.Errorf("wrap subject key: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO key_subject (owner, purpose, id, epoch, wrapped) VALUES (?, ?, ?, ?, ?)`,
		s.owner.Bytes(), int64(s.use), int64(id), int64(kek.ID()), wrapped); err != nil {
		return Key{}, fmt.Errorf("store subject key: %w", err)
	}
	return newKey(r.env, id, raw)
}

// Renew adds a key to an existing set inside tx: later seals use it, older bytes
// still open. Call Forget after the commit.
func (r *Ring) Renew(ctx context.Context, tx *db.Tx, owner person.Owner, use Use) error {
	k, err := r.unwrap(ctx, subject{owner, use})
	if err != nil {
		return err
	}
	_, err = r.create(ctx, tx, subject{owner, use}, k.current+1)
	return err
}

// Forget drops the cached keys of owner and use.
func (r *Ring) Forget(owner person.Owner, use Use) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.cache, subject{owner, use})
	r.forgets++
}

// Rotate makes a new key-encryption key and wraps every subject key under it.
// No sealed data changes. It can be interrupted and run again.
func (r *Ring) Rotate(ctx context.Context) error {
	if err := r.addEpoch(ctx); err != nil {
		return err
	}
	for {
		done, err := r.rewrapSome(ctx)
		if err != nil {
			return err
		}
		if done {
			return nil
		}
	}
}

type wrappedRow struct {
	s         subject
	id, epoch uint32
	wrapped   []byte
}

// rewrapSome moves a batch of subject keys to the newest epoch.
func (r *Ring) rewrapSome(ctx context.Context) (done bool, err error) {
	r.mu.Lock()
	keks := maps.Clone(r.keks)
	kek := keks[r.newest]
	r.mu.Unlock()
	err = r.db.Write(ctx, func(tx *db.Tx) error {
		batch, err := oldRows(ctx, tx, kek.ID())
		if err != nil {
			return err
		}
		done = len(batch) == 0
		for _, w := range batch {
			old, ok := keks[w.epoch]
			if !ok {
				return fmt.Errorf("rewrap subject key of epoch %d: %w", w.epoch, ErrKey)
			}
			raw, err := old.Open(w.wrapped, subjectAD(w.s, w.id, w.epoch))
			if err != nil {
				return fmt.Errorf("rewrap subject key: %w", err)
			}
			wrapped, err := kek.Seal(raw, subjectAD(w.s, w.id, kek.ID()))
			if err != nil {
				return fmt.Errorf("rewrap subject key anew: %w", err)
			}
			if _, err := tx.Exec(ctx, `UPDATE key_subject SET epoch = ?, wrapped = ? WHERE owner = ? AND purpose = ? AND id = ?`,
				int64(kek.ID()), wrapped, w.s.owner.Bytes(), int64(w.s.use), int64(w.id)); err != nil {
				return fmt.Errorf("rewrap subject key: %w", err)
			}
		}
		return nil
	})
	return done, err
}

func oldRows(ctx context.Context, tx *db.Tx, newest uint32) ([]wrappedRow, error) {
	rows, err := tx.Query(ctx, `SELECT owner, purpose, id, epoch, wrapped FROM key_subject WHERE epoch < ? LIMIT 500`, int64(newest))
	if err != nil {
		return nil, fmt.Errorf("read subject keys: %w", err)
	}
	defer rows.Close()
	var batch []wrappedRow
	for rows.Next() {
		var owner []byte
		var use, id, epoch int64
		var w wrappedRow
		if err := rows.Scan(&owner, &use, &id, &epoch, &w.wrapped); err != nil {
			return nil, fmt.Errorf("scan subject key: %w", err)
		}
		if len(owner) != 17 {
			return nil, errors.New("scan subject key: owner is not 17 bytes")
		}
		w.s.owner.Kind = person.OwnerKind(owner[0])
		copy(w.s.owner.ID[:], owner[1:])
		w.s.use, w.id, w.epoch = Use(use), uint32(id), uint32(epoch) //#nosec G115 -- bound by the seal
		batch = append(batch, w)
	}
	return batch, rows.Err()
}

// installationAD binds the settings row.
const installationAD = "postern installation v1"

// SetInstallation stores what init fixed. It is db.ErrConflict when settings
// are stored already: they are fixed once.
func (r *Ring) SetInstallation(ctx context.Context, settings []byte) error {
	sealed, err := r.wrap.Seal(settings, []byte(installationAD))
	if err != nil {
		return fmt.Errorf("seal installation: %w", err)
	}
	return r.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO key_installation (id, body) VALUES (1, ?)`, sealed)
		return err
	})
}

// Installation returns what init fixed, or db.ErrNoRows before that.
func (r *Ring) Installation(ctx context.Context) ([]byte, error) {
	var sealed []byte
	err := r.db.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT body FROM key_installation WHERE id = 1`).Scan(&sealed)
	})
	if err != nil {
		return nil, fmt.Errorf("read installation: %w", err)
	}
	return r.wrap.Open(sealed, []byte(installationAD))
}
