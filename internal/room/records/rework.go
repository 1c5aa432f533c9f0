package records

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// An index depends on the definitions of its type: a new search parameter makes
// those that are stored stale, and a stale one is refused. This file makes them
// anew from the resources, as one of Postern's own jobs: one chart is one batch,
// with one decision and one entry, which its patient sees. Nothing that the job
// opens leaves it but sealed.

// Reworked counts what ReindexAll did.
type Reworked struct {
	Charts  int // looked at
	Parts   int // indexes made anew
	Refused int // charts that cannot be opened: tampered with (an alarm is raised) or erased
}

// renew makes the stale indexes of one chart anew because somebody needs it now.
func (s *Store) renew(ctx context.Context, owner person.Owner) error {
	if s.c.Job == nil {
		return ErrStale
	}
	_, err := s.reindex(ctx, owner, nil)
	return err
}

// ReindexAll makes every stale index anew, chart by chart, unless that has been
// done for these definitions. It may end at any moment, and the next call goes
// on where it was. tell is called after each chart.
func (s *Store) ReindexAll(ctx context.Context, tell func(Reworked)) (Reworked, error) {
	var sum Reworked
	if s.c.Job == nil {
		return sum, errors.New("index charts anew: no job is plugged in")
	}
	at, err := s.begin(ctx)
	if err != nil {
		return sum, err
	}
	for !at.Done {
		err := s.c.DB.QueryRow(ctx, `SELECT owner FROM chart_manifest WHERE owner > ? ORDER BY owner LIMIT 1`, at.Owner).Scan(&at.Owner)
		if errors.Is(err, db.ErrNoRows) {
			at.Done = true
			return sum, s.c.DB.Write(ctx, func(tx *db.Tx) error { return s.reworked(ctx, tx, at) })
		}
		if err != nil {
			return sum, fmt.Errorf("find next chart: %w", err)
		}
		n, err := s.next(ctx, at)
		if err != nil {
			return sum, err
		}
		sum.Charts, sum.Parts = sum.Charts+1, sum.Parts+max(n, 0)
		if n < 0 {
			sum.Refused++
		}
		tell(sum)
	}
	return sum, nil
}

// next does the chart that at names, and returns how many indexes were made, or
// -1 for a chart that cannot be opened: it stays refused, and the others go on.
func (s *Store) next(ctx context.Context, at progress) (int, error) {
	owner, err := person.OwnerFromBytes(at.Owner)
	if err == nil {
		var n int
		if n, err = s.reindex(ctx, owner, &at); err == nil {
			return n, nil
		}
	} else {
		err = s.c.Vault.Tampered(ctx, "chart of no owner", person.Owner{})
	}
	if fault.Is(err, fault.Tampered) || fault.Is(err, fault.Gone) {
		return -1, s.c.DB.Write(ctx, func(tx *db.Tx) error { return s.reworked(ctx, tx, at) })
	}
	return 0, err
}

// progress is how far the rework is.
type progress struct {
	Target [32]byte // fingerprint of the definitions, and of the look-up
	Done   bool
	Owner  []byte // the last chart done
}

// begin returns where the rework for these definitions is.
func (s *Store) begin(ctx context.Context) (progress, error) {
	p := progress{Target: s.fingerprint(), Owner: []byte{}}
	var target, owner []byte
	var done int64
	err := s.c.DB.QueryRow(ctx, `SELECT target, done, owner FROM chart_rework WHERE id = 1`).Scan(&target, &done, &owner)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return p, fmt.Errorf("read progress of indexes: %w", err)
	}
	if err == nil && string(target) == string(p.Target[:]) {
		p.Done, p.Owner = done == 1, owner
	}
	return p, nil
}

func (s *Store) reworked(ctx context.Context, tx *db.Tx, p progress) error {
	done := int64(0)
	if p.Done {
		done = 1
	}
	if p.Owner == nil {
		p.Owner = []byte{}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO chart_rework (id, target, done, owner) VALUES (1, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET target = excluded.target, done = excluded.done, owner = excluded.owner`, p.Target[:], done, p.Owner); err != nil {
		return fmt.Errorf("store progress of indexes: %w", err)
	}
	return nil
}

// reindex is one batch: it makes the stale indexes of one chart anew, in one
// transaction that also says how far the rework is.
func (s *Store) reindex(ctx context.Context, owner person.Owner, at *progress) (n int, err error) {
	action := access.ReindexChart
	if owner.Kind == person.OwnerClinic {
		action = access.ReindexShared
	}
	g, err := s.c.Gate.Decide(ctx, access.Ask{Caller: s.c.Job(), Action: action, Owner: owner,
		Kinds: kinds(s.c.Catalogue.Types()...), Reason: "the index is made anew for changed definitions"})
	if err != nil {
		return 0, err
	}
	err = s.c.Vault.Change(ctx, g, func(tx *vault.ChangeTx) error {
		r := &reworker{s: s, tx: tx, chart: &chartWriter{owner: owner, grant: g, parts: map[string]map[person.ResourceID]Record{}, dirty: map[string]bool{}}}
		if err := r.run(ctx); err != nil {
			return err
		}
		n = len(r.chart.dirty)
		if at == nil {
			return nil
		}
		return s.reworked(ctx, tx.Tx, *at)
	})
	return n, err
}

// reworker makes the indexes of one chart anew inside one transaction.
type reworker struct {
	s     *Store
	tx    *vault.ChangeTx
	chart *chartWriter
}

func (r *reworker) run(ctx context.Context) error {
	if err := r.manifest(ctx); err != nil {
		return err
	}
	for _, ref := range r.chart.manifest.Parts {
		if r.s.c.Catalogue.def(ref.Type) == nil {
			continue // of a type that this version does not know: nobody can ask for it
		}
		if err := r.part(ctx, ref); err != nil {
			return err
		}
	}
	if err := r.lookup(ctx); err != nil {
		return err
	}
	return (&writer{s: r.s, tx: r.tx}).finish(ctx, r.chart)
}

// lookup makes the rows by which the chart's patient is looked up anew when they are of
// another version, of before there were any, or not what the manifest says.
func (r *reworker) lookup(ctx context.Context) error {
	c := r.chart
	p, ok := c.owner.AsPatient()
	if !ok {
		return nil
	}
	rows, err := scanTokens(r.tx.Query(ctx, selectTokens, c.owner.Bytes()))
	if err != nil {
		return err
	}
	if ref, ok := c.manifest.Part(lookupPart); ok && ref == r.s.lookupRef(rows) {
		return nil
	}
	c.tokens = [][]byte{}
	version, err := r.patientVersion(ctx, person.PatientResource(p))
	if err != nil || version == 0 {
		return err
	}
	sealed, err := r.sealed(ctx, r.tx.QueryRow(ctx, `SELECT body FROM chart_row WHERE owner = ? AND id = ? AND version = ?`,
		c.owner.Bytes(), person.PatientResource(p).Bytes(), version), "row that the index names")
	if err != nil {
		return err
	}
	return r.tx.Rework(ctx, bodyRow(c.owner, "Patient", person.PatientResource(p), version), sealed, func(plain []byte) (err error) {
		c.tokens, err = r.s.lookupTokens(unpadded(plain))
		return err
	})
}

// patientVersion is the version of the chart's Patient that the index names, 0 for none.
func (r *reworker) patientVersion(ctx context.Context, id person.ResourceID) (version int64, err error) {
	c := r.chart
	if recs, ok := c.parts["Patient"]; ok { // made anew just now
		return int64(recs[id].Version), nil
	}
	ref, ok := c.manifest.Part("Patient")
	if !ok {
		return 0, nil
	}
	sealed, err := r.sealed(ctx, r.tx.QueryRow(ctx, `SELECT body FROM chart_part WHERE owner = ? AND part = ?`,
		c.owner.Bytes(), r.s.partToken(c.owner, "Patient")), "index")
	if err != nil {
		return 0, err
	}
	err = r.tx.Rework(ctx, partRow(c.owner, "Patient", ref.Version), sealed, func(plain []byte) error {
		b, err := unframed(plain)
		if err != nil {
			return err
		}
		part, err := r.s.c.Catalogue.openPart("Patient", b, false)
		if err == nil {
			rec, _ := part.Find(id)
			version = int64(rec.Version)
		}
		return err
	})
	return version, err
}

func (r *reworker) tampered(ctx context.Context, what string) error {
	return r.s.c.Vault.Tampered(ctx, what, r.chart.owner)
}

// sealed reads the one column of a row that the chart cannot be without.
func (r *reworker) sealed(ctx context.Context, row *db.Row, what string) (b []byte, err error) {
	if err = row.Scan(&b); errors.Is(err, db.ErrNoRows) {
		return nil, r.tampered(ctx, what+" is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return b, nil
}

func (r *reworker) manifest(ctx context.Context) error {
	c := r.chart
	var err error
	if c.head, err = r.tx.Head(ctx, headOf(c.owner)); err != nil {
		return err
	}
	if c.head.Version == 0 {
		return r.tampered(ctx, "chart has no head")
	}
	sealed, err := r.sealed(ctx, r.tx.QueryRow(ctx, `SELECT body FROM chart_manifest WHERE owner = ?`, c.owner.Bytes()), "manifest")
	if err != nil {
		return err
	}
	return r.tx.Rework(ctx, manifestRow(c.owner, c.head.Version), sealed, func(plain []byte) error {
		b, err := unframed(plain)
		if err == nil && sha256.Sum256(b) != c.head.Digest {
			err = r.tampered(ctx, "manifest is not the head's")
		}
		if err != nil {
			return err
		}
		c.manifest, err = decodeManifest(b)
		return err
	})
}

// part makes one index anew if it is stale.
func (r *reworker) part(ctx context.Context, ref PartRef) error {
	c := r.chart
	sealed, err := r.sealed(ctx, r.tx.QueryRow(ctx, `SELECT body FROM chart_part WHERE owner = ? AND part = ?`,
		c.owner.Bytes(), r.s.partToken(c.owner, ref.Type)), "index")
	if err != nil {
		return err
	}
	var old []Record
	stale := false
	err = r.tx.Rework(ctx, partRow(c.owner, ref.Type, ref.Version), sealed, func(plain []byte) error {
		b, err := unframed(plain)
		if err == nil && sha256.Sum256(b) != ref.Digest {
			err = r.tampered(ctx, "index is not the manifest's")
		}
		if err == nil {
			old, stale, err = r.s.c.Catalogue.staleRecords(ref.Type, b)
		}
		return err
	})
	if err != nil || !stale {
		return err
	}
	recs := make(map[person.ResourceID]Record, len(old))
	for _, o := range old {
		if recs[o.ID], err = r.record(ctx, ref.Type, o); err != nil {
			return err
		}
	}
	c.parts[ref.Type], c.dirty[ref.Type] = recs, true
	return nil
}

// record describes one resource under the definitions that hold now. What the
// import alone could know, the flags and the version, stays.
func (r *reworker) record(ctx context.Context, typ string, old Record) (rec Record, err error) {
	owner, version := r.chart.owner, int64(old.Version)
	var header, sealed []byte
	err = r.tx.QueryRow(ctx, selectRow, owner.Bytes(), old.ID.Bytes(), version).Scan(&header, &sealed)
	if errors.Is(err, db.ErrNoRows) {
		return Record{}, r.tampered(ctx, "row that the index names is missing")
	}
	if err != nil {
		return Record{}, fmt.Errorf("read row that the index names: %w", err)
	}
	facts, err := r.s.c.Vault.Facts(ctx, headerRow(owner, old.ID, version), header)
	if err != nil {
		return Record{}, err
	}
	err = r.tx.Rework(ctx, bodyRow(owner, typ, old.ID, version), sealed, func(plain []byte) error {
		rec, err = r.s.c.Catalogue.describe(unpadded(plain), old.Flags&^FlagOddDate)
		if err == nil && (rec.ID != old.ID || rec.Digest != old.Digest) {
			err = r.tampered(ctx, "resource is not the index's")
		}
		return err
	})
	if err != nil {
		return Record{}, err
	}
	rec.Version = old.Version
	rec.storedAt(facts.Stored)
	return rec, nil
}
