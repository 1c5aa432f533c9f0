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
	names, src := &sources{s: s, g: g}, newSource("Patient", id)
	var k known
	var ok bool
	// A change that changes nothing: the register stands still while it is looked at.
	err = s.c.Vault.Change(ctx, g, func(tx *vault.ChangeTx) error {
		token := names.token(src)
		sealed, err := names.findSealed(ctx, tx.Tx, [][]byte{token})
		if err == nil {
			err = s.registry(tx).check(ctx, token, sealed[string(token)], namedPatient)
		}
		if err == nil && sealed[string(token)] != nil {
			k, err = names.open(ctx, token, sealed[string(token)])
			ok = err == nil
		}
		return err
	})
	if err != nil {
		return person.PatientID{}, err
	}
	p, is := k.owner.AsPatient()
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

// lookup finds the name of one resource. A name that is missing although its resource
// is stored was deleted; the name of a Patient is left to the register, in the change.
func (n *sources) lookup(ctx context.Context, src Source) (known, bool, error) {
	token := n.token(src)
	k, ok, err := n.find(ctx, token)
	if err != nil || ok || src.Type == "Patient" {
		return k, ok, err
	}
	var owner []byte
	err = n.s.c.DB.QueryRow(ctx, `SELECT owner FROM chart_row WHERE id = ? LIMIT 1`, n.resourceID(token).Bytes()).Scan(&owner)
	if errors.Is(err, db.ErrNoRows) {
		return known{}, false, nil
	}
	if err != nil {
		return known{}, false, fmt.Errorf("find source: %w", err)
	}
	// Or it came, with its name, between the two looks.
	if k, ok, err = n.find(ctx, token); err != nil || ok {
		return k, ok, err
	}
	return known{}, false, n.deleted(ctx, owner)
}

// resourceID is the identifier of a resource other than a Patient: it follows from
// the source's name for it, by a key of the installation. So a resource whose name
// somebody deletes is found again all the same.
func (n *sources) resourceID(token []byte) person.ResourceID {
	return resourceIDFromBytes(n.s.c.Vault.Blind("resource", string(token))[:16])
}

// deleted is the fault for a stored resource of owner without a name.
func (n *sources) deleted(ctx context.Context, owner []byte) error {
	o, err := person.OwnerFromBytes(owner)
	if err != nil {
		o = person.Clinic(n.s.c.Clinic) // a row that nobody of ours has written
	}
	return n.s.c.Vault.Tampered(ctx, "the name of a stored resource in chart_source was deleted", o)
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

const (
	eight = `?, ?, ?, ?, ?, ?, ?, ?`
	in32  = `(` + eight + `, ` + eight + `, ` + eight + `, ` + eight + `)`
)

// padded32 are the arguments of in32 for n values, of which the last fills the rest.
func padded32(n int, value func(int) any) []any {
	args := make([]any, lookups)
	for i := range args {
		args[i] = value(min(i, n-1))
	}
	return args
}

// findAll looks tokens up, few statements for many, and returns what is known by
// token. An unknown one is not in the answer. Inside a transaction it reads by that
// one's connection, which has the pages at hand.
func (n *sources) findAll(ctx context.Context, tx *db.Tx, tokens [][]byte) (map[string]known, error) {
	sealed, err := n.findSealed(ctx, tx, tokens)
	if err != nil {
		return nil, err
	}
	return n.openAll(ctx, sealed)
}

func (n *sources) openAll(ctx context.Context, sealed map[string][]byte) (_ map[string]known, err error) {
	out := make(map[string]known, len(sealed))
	for token, body := range sealed {
		if out[token], err = n.open(ctx, []byte(token), body); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// findSealed is findAll before the names are opened.
func (n *sources) findSealed(ctx context.Context, tx *db.Tx, tokens [][]byte) (map[string][]byte, error) {
	out := make(map[string][]byte, len(tokens))
	for chunk := range slices.Chunk(tokens, lookups) {
		if err := n.findSome(ctx, tx, chunk, out); err != nil {
			return nil, fmt.Errorf("find sources: %w", err)
		}
	}
	return out, nil
}

func (n *sources) findSome(ctx context.Context, tx *db.Tx, tokens [][]byte, out map[string][]byte) error {
	const query = `SELECT token, body FROM chart_source WHERE token IN ` + in32
	args := padded32(len(tokens), func(i int) any { return tokens[i] })
	var rows *db.Rows
	var err error
	if tx != nil {
		rows, err = tx.Query(ctx, query, args...)
	} else {
		rows, err = n.s.c.DB.Query(ctx, query, args...)
	}
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var token, sealed []byte
		if err := rows.Scan(&token, &sealed); err != nil {
			return err
		}
		out[string(token)] = sealed
	}
	return errors.Join(rows.Err(), rows.Close())
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
		if err := s.reworked(ctx, tx.Tx, progress{Target: s.fingerprint(), Done: true}); err != nil {
			return err
		}
		if err := tx.SetHead(ctx, registerHead(clinic), newLeaves().root); err != nil {
			return err
		}
		return s.storeManifest(ctx, tx, clinic, 1, Manifest{})
	})
}
