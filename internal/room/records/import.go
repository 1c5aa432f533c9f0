package records

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Tally counts what an import did with the resources of one type.
type Tally struct {
	Stored    int `json:"stored"`    // new, or a new version
	Unchanged int `json:"unchanged"` // stored before with the same content
	Kept      int `json:"kept"`      // shared, stored before with other content: not changed
}

// Imported is the result of one bundle.
type Imported struct {
	Patient person.PatientID
	Digest  [32]byte
	Types   map[string]Tally
	Listed  []Listed // what was not stored, with the reason
}

// Changed reports whether anything was stored.
func (i Imported) Changed() bool {
	for _, t := range i.Types {
		if t.Stored > 0 {
			return true
		}
	}
	return false
}

// kindSource is the kind of a source's name for a resource.
const kindSource = "source"

// Import takes in one bundle, all of it or nothing. Two decisions precede it,
// one for the clinic's shared resources and one for the patient's chart, so the
// log has an entry for the patient and the bundle whatever comes after, and a
// second one when the file is refused. The error for such a file is an
// *ImportError. A bundle whose Patient cannot be the person of the chart that its
// identifier names is refused, and so is a record number of another chart.
func (s *Store) Import(ctx context.Context, c person.Caller, f File, lim Limits, reason string) (Imported, error) {
	clinic := person.Clinic(s.c.Clinic)
	shared, err := s.c.Gate.Decide(ctx, access.Ask{Caller: c, Action: access.ImportShared, Owner: clinic,
		Kinds: append(kinds(s.c.Catalogue.Types()...), kindSource), Reason: reason})
	if err != nil {
		return Imported{}, err
	}
	names := &sources{s: s, g: shared}
	plan, err := NewPlan(ctx, PlanConfig{Catalogue: s.c.Catalogue, Limits: lim, Resolver: names}, f)
	if err != nil {
		return Imported{}, s.refused(ctx, shared, err)
	}
	patient, fresh, err := s.chartOf(ctx, names, plan.Owner())
	if err != nil {
		return Imported{}, err
	}
	g, err := s.c.Gate.Decide(ctx, access.Ask{Caller: c, Action: access.ImportChart, Owner: person.Patient(patient),
		Kinds: kinds(s.c.Catalogue.Types()...), Reason: reason, Detail: access.Detail{File: plan.Digest()}})
	if err != nil {
		return Imported{}, err
	}
	out := Imported{Patient: patient, Digest: plan.Digest(), Listed: plan.Listed()}
	store := func(tx *vault.ChangeTx) error {
		w := newWriter(s, tx, names, g, shared, patient, fresh)
		if err := w.run(ctx, plan, f.Name); err != nil {
			return err
		}
		out.Types = w.tally
		return nil
	}
	err = s.c.Vault.Change(ctx, g, store)
	if errors.Is(err, ErrStale) {
		if err := errors.Join(s.renew(ctx, clinic), s.renew(ctx, person.Patient(patient))); err != nil {
			return Imported{}, err
		}
		err = s.c.Vault.Change(ctx, g, store)
	}
	if err != nil {
		return Imported{}, s.refused(ctx, g, err)
	}
	return out, nil
}

// refused has the log say that an import which g allowed came to nothing because
// of what the file holds: the entry of the decision alone would read as if it had
// been stored.
func (s *Store) refused(ctx context.Context, g access.Grant, err error) error {
	var bad *ImportError
	if !errors.As(err, &bad) {
		return err
	}
	if logErr := s.c.Gate.Refused(ctx, g, fault.Of(bad), bad.MessageID); logErr != nil {
		return errors.Join(err, logErr)
	}
	return err
}

// chartOf finds the chart of the bundle's Patient, or draws a new one.
func (s *Store) chartOf(ctx context.Context, names *sources, owner Source) (p person.PatientID, fresh bool, err error) {
	known, ok, err := names.lookup(ctx, owner)
	if err != nil {
		return p, false, err
	}
	if ok {
		if p, ok = known.owner.AsPatient(); !ok {
			return p, false, fault.New(fault.Conflict, "import bundle: its Patient is a shared resource here")
		}
		return p, false, nil
	}
	if s.c.Ready != nil {
		if err := s.c.Ready(ctx); err != nil {
			return p, false, err
		}
	}
	p, err = person.NewPatientID(s.c.Random)
	return p, true, err
}

// PatientBySource returns the chart of the Patient that a source calls id (its
// fullUrl), for commands that link accounts to imported charts.
func (s *Store) PatientBySource(ctx context.Context, c person.Caller, id string) (person.PatientID, error) {
	g, err := s.c.Gate.Decide(ctx, access.Ask{Caller: c, Action: access.ImportShared, Owner: person.Clinic(s.c.Clinic), Kinds: []string{kindSource}})
	if err != nil {
		return person.PatientID{}, err
	}
	known, ok, err := (&sources{s: s, g: g}).lookup(ctx, newSource("Patient", id))
	if err != nil {
		return person.PatientID{}, err
	}
	p, is := known.owner.AsPatient()
	if !ok || !is {
		return person.PatientID{}, fault.New(fault.NotFound, "find patient by source")
	}
	return p, nil
}

// sources maps what a source calls a resource to what Postern calls it. The rows
// are sealed and bound to their token: whoever writes the database cannot point
// the next import of one patient's bundle at another's chart.
type sources struct {
	s *Store
	g access.Grant
}

type known struct {
	owner person.Owner
	typ   string
	id    person.ResourceID
}

func (n *sources) token(src Source) []byte { return n.s.c.Vault.Blind("source", src.ID.Reveal()) }

func (n *sources) sealRow(token []byte) vault.Row {
	return vault.Row{Owner: person.Clinic(n.s.c.Clinic), Kind: kindSource, ID: [16]byte(token[:16]), Version: 1, Field: vault.FieldBody}
}

func (n *sources) lookup(ctx context.Context, src Source) (known, bool, error) {
	return n.find(ctx, n.token(src))
}

func (n *sources) find(ctx context.Context, token []byte) (known, bool, error) {
	var sealed []byte
	err := n.s.c.DB.QueryRow(ctx, `SELECT body FROM chart_source WHERE token = ?`, token).Scan(&sealed)
	if errors.Is(err, db.ErrNoRows) {
		return known{}, false, nil
	}
	if err != nil {
		return known{}, false, fmt.Errorf("find source: %w", err)
	}
	doc, err := n.s.c.Vault.Open(ctx, n.g, n.sealRow(token), sealed)
	if err != nil {
		return known{}, false, err
	}
	k, err := decodeKnown(doc.Reveal())
	return k, err == nil, err
}

// Find implements Resolver: it knows shared resources and the owner's own chart.
func (n *sources) Find(ctx context.Context, owner, ref Source) (string, bool, error) {
	k, ok, err := n.lookup(ctx, ref)
	if err != nil || !ok {
		return "", false, err
	}
	if k.owner.Kind == person.OwnerClinic {
		return k.typ, true, nil
	}
	mine, ok, err := n.lookup(ctx, owner)
	if err != nil || !ok || mine.owner != k.owner {
		return "", false, err
	}
	return k.typ, true, nil
}

// knownSize pads every row to one length.
const knownSize = 96

func (k known) encode() ([]byte, error) {
	b := append(k.owner.Bytes(), k.id.Bytes()...)
	b = append(b, k.typ...)
	if len(b) > knownSize {
		return nil, errors.New("store source: the type's name is too long")
	}
	return append(b, make([]byte, knownSize-len(b))...), nil
}

func decodeKnown(b []byte) (known, error) {
	if len(b) != knownSize {
		return known{}, errPart
	}
	owner, err := person.OwnerFromBytes(b[:17])
	if err != nil {
		return known{}, errPart
	}
	return known{owner: owner, id: resourceIDFromBytes(b[17:33]), typ: strings.TrimRight(string(b[33:]), "\x00")}, nil
}

// writer stores one bundle inside one transaction.
type writer struct {
	s       *Store
	tx      *vault.ChangeTx
	names   *sources
	patient person.Owner
	clinic  person.Owner
	fresh   bool
	charts  map[person.Owner]*chartWriter
	ids     map[string]known // by source id
	claimed map[string]bool  // tokens of record numbers noted in this import
	tally   map[string]Tally
}

// chartWriter collects the changes to one chart's index.
type chartWriter struct {
	owner    person.Owner
	grant    access.Grant
	head     vault.Head
	manifest Manifest
	parts    map[string]map[person.ResourceID]Record
	dirty    map[string]bool
}

func newWriter(s *Store, tx *vault.ChangeTx, names *sources, g, shared access.Grant, patient person.PatientID, fresh bool) *writer {
	w := &writer{s: s, tx: tx, names: names, patient: person.Patient(patient), clinic: person.Clinic(s.c.Clinic), fresh: fresh,
		ids: map[string]known{}, claimed: map[string]bool{}, tally: map[string]Tally{}, charts: map[person.Owner]*chartWriter{}}
	w.charts[w.patient] = &chartWriter{owner: w.patient, grant: g, parts: map[string]map[person.ResourceID]Record{}, dirty: map[string]bool{}}
	w.charts[w.clinic] = &chartWriter{owner: w.clinic, grant: shared, parts: map[string]map[person.ResourceID]Record{}, dirty: map[string]bool{}}
	return w
}

func (w *writer) run(ctx context.Context, plan *Plan, file string) error {
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
	id := func(src Source) (person.ResourceID, error) { return w.id(ctx, src, file) }
	if err := plan.Each(ctx, id, func(r Stored) error { return w.put(ctx, r, file) }); err != nil {
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

// id returns the identifier of a resource, making one for a new resource. A
// name that belongs to a chart other than the bundle's is a conflict.
func (w *writer) id(ctx context.Context, src Source, file string) (person.ResourceID, error) {
	key := src.ID.Reveal()
	if k, ok := w.ids[key]; ok {
		return k.id, nil
	}
	k, ok, err := w.names.lookup(ctx, src)
	if err != nil {
		return person.ResourceID{}, err
	}
	def := w.s.c.Catalogue.def(src.Type)
	owner := w.patient
	if def != nil && def.Shared {
		owner = w.clinic
	}
	if ok && (k.owner != owner || k.typ != src.Type) {
		return person.ResourceID{}, &ImportError{File: file, Entry: -1, MessageID: MsgCollision, Detail: src.Type}
	}
	if !ok {
		k = known{owner: owner, typ: src.Type}
		if k.id, err = w.newID(src.Type); err != nil {
			return person.ResourceID{}, err
		}
		if err := w.storeName(ctx, w.names.token(src), k); err != nil {
			return person.ResourceID{}, err
		}
	}
	w.ids[key] = k
	return k.id, nil
}

func (w *writer) newID(typ string) (person.ResourceID, error) {
	if typ == "Patient" {
		p, _ := w.patient.AsPatient()
		return person.PatientResource(p), nil
	}
	return person.NewResourceID(w.s.c.Random)
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
	if _, err := w.tx.Exec(ctx, `INSERT INTO chart_source (token, seq, body) VALUES (?, ?, ?)`, token, w.tx.Seq(), sealed); err != nil {
		return fmt.Errorf("store source: %w", err)
	}
	return nil
}

// put stores one resource unless its chart holds the same content already.
func (w *writer) put(ctx context.Context, r Stored, _ string) error {
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
	if err := w.insert(ctx, c.owner, r); err != nil {
		return err
	}
	part[r.Record.ID], c.dirty[r.Type] = r.Record, true
	t.Stored++
	return nil
}

func (w *writer) insert(ctx context.Context, owner person.Owner, r Stored) error {
	version := int64(r.Record.Version)
	header, err := w.tx.SealFacts(ctx, headerRow(owner, r.Record.ID, version), vault.Facts{Stored: w.s.c.Clock().UTC(), Labels: []phi.Label{phi.LabelNormal}})
	if err != nil {
		return err
	}
	body, err := w.tx.Seal(ctx, bodyRow(owner, r.Type, r.Record.ID, version), padded(r.Body))
	if err != nil {
		return err
	}
	if _, err := w.tx.Exec(ctx, `INSERT INTO chart_row (owner, id, version, seq, header, body) VALUES (?, ?, ?, ?, ?, ?)`,
		owner.Bytes(), r.Record.ID.Bytes(), version, w.tx.Seq(), header, body); err != nil {
		return fmt.Errorf("store resource: %w", err)
	}
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

// finish writes the parts that changed, the manifest and the head.
func (w *writer) finish(ctx context.Context, c *chartWriter) error {
	if len(c.dirty) == 0 {
		return nil
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
	c.manifest.Parts = append(slices.DeleteFunc(slices.Clone(c.manifest.Parts), func(p PartRef) bool { return p.Type == typ }), ref)
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

// CreateClinic makes the keys and the empty chart of the clinic's shared
// resources. Init and demo call it once.
func (s *Store) CreateClinic(ctx context.Context, c person.Caller) error {
	clinic := person.Clinic(s.c.Clinic)
	g, err := s.c.Gate.Decide(ctx, access.Ask{Caller: c, Action: access.ImportShared, Owner: clinic, Reason: "create the clinic's directory"})
	if err != nil {
		return err
	}
	return s.c.Vault.Change(ctx, g, func(tx *vault.ChangeTx) error {
		if err := tx.NewOwner(ctx, clinic); err != nil {
			return err
		}
		digest, err := Manifest{}.Digest()
		if err != nil {
			return err
		}
		if err := tx.SetHead(ctx, headOf(clinic), digest); err != nil {
			return err
		}
		if err := s.reworked(ctx, tx.Tx, progress{Target: s.c.Catalogue.fingerprint(), Done: true}); err != nil {
			return err
		}
		return s.storeManifest(ctx, tx, clinic, 1, Manifest{})
	})
}
