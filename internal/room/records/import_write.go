package records

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// writer stores one bundle inside one transaction.
type writer struct {
	s        *Store
	tx       *vault.ChangeTx
	names    *sources
	patient  person.Owner
	clinic   person.Owner
	fresh    bool
	charts   map[person.Owner]*chartWriter
	ids      map[string]known // by source id
	ready    *prepared        // what was made before the transaction; nil for none
	newNames []any            // columns of the names that wait to be stored
	newRows  []any            // columns of the resources that wait
	waiting  int              // bytes of their bodies
	register *registry

	tally map[string]Tally
}

// chartWriter collects the changes to one chart's index.
type chartWriter struct {
	owner    person.Owner
	grant    access.Grant
	head     vault.Head
	manifest Manifest
	parts    map[string]map[person.ResourceID]Record
	dirty    map[string]bool
	tokens   [][]byte // by which the patient is looked up from now on; nil leaves them as they are
}

func newWriter(s *Store, tx *vault.ChangeTx, names *sources, g, shared access.Grant, patient person.PatientID, fresh bool) *writer {
	w := &writer{s: s, tx: tx, names: names, patient: person.Patient(patient), clinic: person.Clinic(s.c.Clinic), fresh: fresh,
		register: s.registry(tx), ids: map[string]known{}, tally: map[string]Tally{}, charts: map[person.Owner]*chartWriter{}}
	w.charts[w.patient] = &chartWriter{owner: w.patient, grant: g, parts: map[string]map[person.ResourceID]Record{}, dirty: map[string]bool{}}
	w.charts[w.clinic] = &chartWriter{owner: w.clinic, grant: shared, parts: map[string]map[person.ResourceID]Record{}, dirty: map[string]bool{}}
	return w
}

func (w *writer) run(ctx context.Context, plan *Plan, file string) error {
	if err := w.checkName(ctx, plan.Owner()); err != nil {
		return err
	}
	if w.fresh {
		if err := w.tx.NewOwner(ctx, w.patient); err != nil {
			return err
		}
	}
	for owner, c := range w.charts {
		if err := w.load(ctx, owner, c); err != nil {
			return err
		}
	}
	if !w.fresh {
		if err := w.checkPerson(ctx, plan); err != nil {
			return err
		}
	}
	if err := w.claimNumbers(ctx, plan); err != nil {
		return err
	}
	if err := w.nameAll(ctx, plan); err != nil {
		return err
	}
	if err := w.putAll(ctx, plan, file); err != nil {
		return err
	}
	if err := w.flushRows(ctx); err != nil {
		return err
	}
	if err := w.register.flush(ctx); err != nil {
		return err
	}
	// The clinic's chart first, so that the order of heads is the same every time.
	for _, owner := range []person.Owner{w.clinic, w.patient} {
		if err := w.finish(ctx, w.charts[owner]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) load(ctx context.Context, owner person.Owner, c *chartWriter) (err error) {
	if owner == w.patient && w.fresh {
		return nil
	}
	if c.head, err = w.tx.Head(ctx, headOf(owner)); err != nil {
		return err
	}
	if c.head.Version == 0 {
		return w.s.c.Vault.Tampered(ctx, "chart has no head", owner)
	}
	c.manifest, err = w.s.manifest(ctx, c.grant, owner, c.head)
	return w.stale(ctx, owner, err)
}

// stale: inside a change nothing moves, so a mismatch is tampering.
func (w *writer) stale(ctx context.Context, owner person.Owner, err error) error {
	if errors.Is(err, errMoved) {
		return w.s.c.Vault.Tampered(ctx, "chart does not match its head: "+err.Error(), owner)
	}
	return err
}

// nameAll gives every resource of the bundle its identifier, the one that it has
// or a new one, before any is stored. A name that belongs to a chart other than
// the bundle's is a conflict.
func (w *writer) nameAll(ctx context.Context, plan *Plan) error {
	for chunk := range slices.Chunk(plan.stored, lookups) {
		tokens := make([][]byte, len(chunk))
		for n, i := range chunk {
			tokens[n] = w.names.token(plan.source(i))
		}
		found, err := w.names.findSealed(ctx, w.tx.Tx, tokens)
		if err != nil {
			return err
		}
		if err := w.missed(ctx, plan, chunk, tokens, found); err != nil {
			return err
		}
		names, err := w.names.openAll(ctx, found)
		if err != nil {
			return err
		}
		for n, i := range chunk {
			if err := w.name(ctx, plan, i, tokens[n], names); err != nil {
				return err
			}
		}
	}
	return w.flushNames(ctx)
}

// checkName asks the register for the name by which the chart was found, or was not:
// whatever else would be said of the bundle would be said of a wrong chart.
func (w *writer) checkName(ctx context.Context, patient Source) error {
	token := w.names.token(patient)
	sealed, err := w.names.findSealed(ctx, w.tx.Tx, [][]byte{token})
	if err != nil {
		return err
	}
	return w.register.check(ctx, token, sealed[string(token)], namedPatient)
}

// missed finds names that were deleted although their resource is stored, in whatever
// chart. The Patient's was checked before.
func (w *writer) missed(ctx context.Context, plan *Plan, chunk []int, tokens [][]byte, found map[string][]byte) error {
	var ids []person.ResourceID
	for n, i := range chunk {
		if _, ok := found[string(tokens[n])]; !ok && plan.o.entries[i].typ != "Patient" {
			ids = append(ids, w.names.resourceID(tokens[n]))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var owner []byte
	err := w.tx.QueryRow(ctx, `SELECT owner FROM chart_row WHERE id IN `+in32+` LIMIT 1`,
		padded32(len(ids), func(i int) any { return ids[i].Bytes() })...).Scan(&owner)
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find stored resources: %w", err)
	}
	return w.names.deleted(ctx, owner)
}

// name gives one resource of the bundle its identifier.
func (w *writer) name(ctx context.Context, plan *Plan, i int, token []byte, found map[string]known) error {
	src, e := plan.source(i), plan.o.entries[i]
	owner := w.patient
	if plan.shared(i) {
		owner = w.clinic
	}
	k, ok := found[string(token)]
	if had, twice := w.ids[src.ID.Reveal()]; twice {
		k, ok = had, true
	}
	if ok && (k.owner != owner || k.typ != src.Type) {
		return plan.o.fail(e.at, e.index, MsgCollision, src.Type)
	}
	if !ok {
		p, _ := w.patient.AsPatient()
		k = w.names.draw(plan, i, token, p)
		// Its row may have been deleted as well; the index still names it.
		part, err := w.part(ctx, w.charts[owner], k.typ)
		if err != nil {
			return err
		}
		if _, there := part[k.id]; there {
			return w.names.deleted(ctx, owner.Bytes())
		}
		if err := w.storeName(ctx, token, k); err != nil {
			return err
		}
	}
	w.ids[src.ID.Reveal()] = k
	return nil
}

// id returns the identifier of a resource: of the bundle, or of an earlier one
// that the plan has found.
func (w *writer) id(ctx context.Context, src Source, file string) (person.ResourceID, error) {
	key := src.ID.Reveal()
	if k, ok := w.ids[key]; ok {
		return k.id, nil
	}
	k, ok, err := w.names.lookup(ctx, src)
	if err != nil {
		return person.ResourceID{}, err
	}
	if !ok || k.typ != src.Type || k.owner != w.patient && k.owner != w.clinic {
		return person.ResourceID{}, &ImportError{File: file, Entry: -1, MessageID: MsgCollision, Detail: src.Type}
	}
	w.ids[key] = k
	return k.id, nil
}

// patientResource is the identifier of the chart's Patient.
func (w *writer) patientResource() person.ResourceID {
	p, _ := w.patient.AsPatient()
	return person.PatientResource(p)
}

func (w *writer) storeName(ctx context.Context, token []byte, k known) error {
	plain, err := k.encode()
	if err != nil {
		return err
	}
	sealed, err := w.tx.Seal(ctx, w.names.sealRow(token), plain)
	if err != nil {
		return err
	}
	if k.typ == "Patient" {
		if err := w.register.add(ctx, token, sealed); err != nil {
			return err
		}
	}
	w.newNames = append(w.newNames, token, w.tx.Seq(), sealed)
	if len(w.newNames) >= 3*manyNames {
		return w.flushNames(ctx)
	}
	return nil
}

// How many rows one statement stores when there are as many.
const (
	manyNames = 16
	manyRows  = 8
	someRows  = 4
)

// flushNames stores the names that wait.
func (w *writer) flushNames(ctx context.Context) error {
	const row = `(?, ?, ?)`
	const four = row + `, ` + row + `, ` + row + `, ` + row
	for len(w.newNames) > 0 {
		var err error
		n := 1
		switch waiting := len(w.newNames) / 3; {
		case waiting >= manyNames:
			n = manyNames
			_, err = w.tx.Exec(ctx, `INSERT INTO chart_source (token, seq, body) VALUES `+four+`, `+four+`, `+four+`, `+four, w.newNames[:3*n]...)
		case waiting >= someRows:
			n = someRows
			_, err = w.tx.Exec(ctx, `INSERT INTO chart_source (token, seq, body) VALUES `+four, w.newNames[:3*n]...)
		default:
			_, err = w.tx.Exec(ctx, `INSERT INTO chart_source (token, seq, body) VALUES `+row, w.newNames[:3]...)
		}
		if err != nil {
			return fmt.Errorf("store sources: %w", err)
		}
		w.newNames = w.newNames[3*n:]
	}
	w.newNames = nil
	return nil
}

// putAll stores the resources, as they were prepared when the names still are
// what they were then.
func (w *writer) putAll(ctx context.Context, plan *Plan, file string) error {
	if w.ready == nil || !w.ready.holds(w.ids) {
		id := func(src Source) (person.ResourceID, error) { return w.id(ctx, src, file) }
		return plan.Each(ctx, id, func(r Stored) error { return w.put(ctx, r) })
	}
	for _, r := range w.ready.stored {
		if err := w.put(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// put stores one resource unless its chart holds the same content already.
func (w *writer) put(ctx context.Context, r Stored) error {
	c := w.charts[w.patient]
	if r.Shared {
		c = w.charts[w.clinic]
	}
	part, err := w.part(ctx, c, r.Type)
	if err != nil {
		return err
	}
	t := w.tally[r.Type]
	defer func() { w.tally[r.Type] = t }()
	old, exists := part[r.Record.ID]
	switch {
	case exists && old.Digest == r.Record.Digest:
		t.Unchanged++
		return nil
	case exists && r.Shared:
		// A bundle does not own what is shared: another patient's file must not
		// change the doctor that everybody sees.
		t.Kept++
		return nil
	}
	r.Record.Version = old.Version + 1
	now := w.s.c.Clock().UTC()
	r.Record.storedAt(now)
	if err := w.insert(ctx, c.owner, r, now); err != nil {
		return err
	}
	if r.Type == "Patient" {
		if c.tokens, err = w.s.lookupTokens(r.Body); err != nil {
			return err
		}
	}
	part[r.Record.ID], c.dirty[r.Type] = r.Record, true
	t.Stored++
	return nil
}

func (w *writer) insert(ctx context.Context, owner person.Owner, r Stored, now time.Time) error {
	version := int64(r.Record.Version)
	header, err := w.tx.SealFacts(ctx, headerRow(owner, r.Record.ID, version), vault.Facts{Stored: now, Labels: []phi.Label{phi.LabelNormal}})
	if err != nil {
		return err
	}
	body, err := w.tx.Seal(ctx, bodyRow(owner, r.Type, r.Record.ID, version), padded(r.Body))
	if err != nil {
		return err
	}
	w.newRows = append(w.newRows, owner.Bytes(), r.Record.ID.Bytes(), version, w.tx.Seq(), header, body)
	if w.waiting += len(body); len(w.newRows) >= 6*manyRows || w.waiting > rowBytesMost {
		return w.flushRows(ctx)
	}
	return nil
}

// rowBytesMost bounds the sealed bytes that wait, so that large resources cost
// no memory.
const rowBytesMost = 256 << 10

// flushRows stores the resources that wait.
func (w *writer) flushRows(ctx context.Context) error {
	const row = `(?, ?, ?, ?, ?, ?)`
	const four = row + `, ` + row + `, ` + row + `, ` + row
	for rest := w.newRows; len(rest) > 0; {
		var err error
		n := 1
		switch waiting := len(rest) / 6; {
		case waiting >= manyRows:
			n = manyRows
			_, err = w.tx.Exec(ctx, `INSERT INTO chart_row (owner, id, version, seq, header, body) VALUES `+four+`, `+four, rest[:6*n]...)
		case waiting >= someRows:
			n = someRows
			_, err = w.tx.Exec(ctx, `INSERT INTO chart_row (owner, id, version, seq, header, body) VALUES `+four, rest[:6*n]...)
		default:
			_, err = w.tx.Exec(ctx, `INSERT INTO chart_row (owner, id, version, seq, header, body) VALUES `+row, rest[:6]...)
		}
		if err != nil {
			return fmt.Errorf("store resources: %w", err)
		}
		rest = rest[6*n:]
	}
	clear(w.newRows) // so that no body is held
	w.newRows, w.waiting = w.newRows[:0], 0
	return nil
}

// part returns the records of one type, loaded once.
func (w *writer) part(ctx context.Context, c *chartWriter, typ string) (map[person.ResourceID]Record, error) {
	if p, ok := c.parts[typ]; ok {
		return p, nil
	}
	recs := map[person.ResourceID]Record{}
	p, ok, err := w.s.part(ctx, c.grant, c.owner, c.manifest, typ)
	if err = w.stale(ctx, c.owner, err); err != nil {
		return nil, err
	}
	if ok {
		for _, r := range p.Records() {
			recs[r.ID] = r
		}
	}
	c.parts[typ] = recs
	return recs, nil
}

// finish writes the rows of the look-up and the parts that changed, the manifest and the head.
func (w *writer) finish(ctx context.Context, c *chartWriter) error {
	if len(c.dirty) == 0 && c.tokens == nil {
		return nil
	}
	if c.tokens != nil {
		if err := storeLookup(ctx, w.tx, c.owner, w.s.generation(), c.tokens); err != nil {
			return err
		}
		c.manifest.put(w.s.lookupRef(c.tokens))
	}
	for typ := range c.dirty {
		if err := w.finishPart(ctx, c, typ); err != nil {
			return err
		}
	}
	digest, err := c.manifest.Digest()
	if err != nil {
		return err
	}
	if err := w.tx.SetHead(ctx, headOf(c.owner), digest); err != nil {
		return err
	}
	return w.s.storeManifest(ctx, w.tx, c.owner, c.head.Version+1, c.manifest)
}

func (s *Store) storeManifest(ctx context.Context, tx *vault.ChangeTx, owner person.Owner, version int64, m Manifest) error {
	b, err := m.Encode()
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(ctx, manifestRow(owner, version), framed(b))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO chart_manifest (owner, seq, body) VALUES (?, ?, ?)
		ON CONFLICT (owner) DO UPDATE SET seq = excluded.seq, body = excluded.body`, owner.Bytes(), tx.Seq(), sealed); err != nil {
		return fmt.Errorf("store manifest: %w", err)
	}
	return nil
}

func (w *writer) finishPart(ctx context.Context, c *chartWriter, typ string) error {
	recs := make([]Record, 0, len(c.parts[typ]))
	for _, r := range c.parts[typ] {
		recs = append(recs, r)
	}
	b, err := w.s.c.Catalogue.EncodePart(typ, recs)
	if err != nil {
		return err
	}
	ref, _ := c.manifest.Part(typ)
	ref = PartRef{Type: typ, Version: ref.Version + 1, Count: len(recs), Digest: sha256.Sum256(b)}
	c.manifest.put(ref)
	sealed, err := w.tx.Seal(ctx, partRow(c.owner, typ, ref.Version), framed(b))
	if err != nil {
		return err
	}
	if _, err := w.tx.Exec(ctx, `INSERT INTO chart_part (owner, part, version, seq, body) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (owner, part) DO UPDATE SET version = excluded.version, seq = excluded.seq, body = excluded.body`,
		c.owner.Bytes(), w.s.partToken(c.owner, typ), ref.Version, w.tx.Seq(), sealed); err != nil {
		return fmt.Errorf("store index: %w", err)
	}
	return nil
}
