package records

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
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
	ready, err := s.prepare(ctx, plan, names, patient)
	if err != nil {
		return Imported{}, err
	}
	out := Imported{Patient: patient, Digest: plan.Digest(), Listed: plan.Listed()}
	store := func(tx *vault.ChangeTx) error {
		w := newWriter(s, tx, names, g, shared, patient, fresh)
		w.ready = ready
		if err := w.run(ctx, plan, f.Name); err != nil {
			return err
		}
		out.Types = w.tally
		return nil
	}
	err = s.c.Vault.Change(ctx, g, store, shared)
	if errors.Is(err, ErrStale) {
		if err = s.renew(ctx, clinic); err == nil && !fresh {
			err = s.renew(ctx, person.Patient(patient))
		}
		if err != nil {
			return Imported{}, err
		}
		err = s.c.Vault.Change(ctx, g, store, shared)
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
	k, err := n.open(ctx, token, sealed)
	return k, err == nil, err
}

func (n *sources) open(ctx context.Context, token, sealed []byte) (known, error) {
	doc, err := n.s.c.Vault.Open(ctx, n.g, n.sealRow(token), sealed)
	if err != nil {
		return known{}, err
	}
	return decodeKnown(doc.Reveal())
}

// lookups is how many names one statement asks for.
const lookups = 32

// findAll looks tokens up, few statements for many, and returns what is known by
// token. An unknown one is not in the answer. Inside a transaction it reads by that
// one's connection, which has the pages at hand.
func (n *sources) findAll(ctx context.Context, tx *db.Tx, tokens [][]byte) (map[string]known, error) {
	out := make(map[string]known, len(tokens))
	for chunk := range slices.Chunk(tokens, lookups) {
		if err := n.findSome(ctx, tx, chunk, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (n *sources) findSome(ctx context.Context, tx *db.Tx, tokens [][]byte, out map[string]known) error {
	args := make([]any, lookups)
	for i := range args {
		args[i] = tokens[min(i, len(tokens)-1)] // the last one fills the rest
	}
	const eight = `?, ?, ?, ?, ?, ?, ?, ?`
	const query = `SELECT token, body FROM chart_source WHERE token IN (` + eight + `, ` + eight + `, ` + eight + `, ` + eight + `)`
	var rows *db.Rows
	var err error
	if tx != nil {
		rows, err = tx.Query(ctx, query, args...)
	} else {
		rows, err = n.s.c.DB.Query(ctx, query, args...)
	}
	if err != nil {
		return fmt.Errorf("find sources: %w", err)
	}
	defer func() { _ = rows.Close() }()
	found := map[string][]byte{}
	for rows.Next() {
		var token, sealed []byte
		if err := rows.Scan(&token, &sealed); err != nil {
			return fmt.Errorf("find sources: %w", err)
		}
		found[string(token)] = sealed
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("find sources: %w", err)
	}
	for token, sealed := range found {
		if out[token], err = n.open(ctx, []byte(token), sealed); err != nil {
			return err
		}
	}
	return nil
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
