package records

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Staff find a patient by a record number, a telephone number, an e-mail address, or a
// family name together with the whole birth date (docs/decisions/0033). Each is a keyed
// token in chart_lookup; the manifest says which tokens a chart has, so its head covers
// them. The rows only say where to look: whoever is found is opened with a Grant and
// compared with what was asked before anybody sees it.

// lookupPart names the tokens of a chart in its manifest. It is no FHIR type.
const lookupPart = "LookUp"

// lookupForm is the form of the tokens: raise it when they are made in another way,
// and the job makes all of them anew.
const lookupForm = 1

// tokensMost bounds the tokens of one chart.
const tokensMost = 512

// generation is the version of a chart's tokens: of their form and of their keys.
func (s *Store) generation() int64 { return int64(s.c.LookUpKeys)<<8 | lookupForm }

// fingerprint identifies what indexes are made under: the definitions of the types, and
// how patients are looked up.
func (s *Store) fingerprint() [32]byte {
	f := s.c.Catalogue.fingerprint()
	return sha256.Sum256(fmt.Appendf(f[:], "look-up %d", s.generation()))
}

// lookupToken is the keyed token of one key. The version of the keys goes into it: under
// another version every token is another one.
func (s *Store) lookupToken(k lookupKey) []byte {
	return s.c.Vault.Blind("look-up", strconv.FormatInt(s.generation(), 10), k.kind, k.value)
}

// lookupTokens are the tokens of a stored Patient, sorted and each once.
func (s *Store) lookupTokens(body []byte) ([][]byte, error) {
	v, err := rawjson.Parse(body, rawjson.Limits{})
	if err != nil {
		return nil, fault.Wrap(fault.Tampered, "index for look-up", err)
	}
	keys := lookupKeys(v)
	tokens := make([][]byte, len(keys))
	for i, k := range keys {
		tokens[i] = s.lookupToken(k)
	}
	slices.SortFunc(tokens, bytes.Compare)
	return slices.CompactFunc(tokens, bytes.Equal), nil
}

// lookupRef is what the manifest says of a chart's tokens.
func (s *Store) lookupRef(tokens [][]byte) PartRef {
	h := sha256.New()
	h.Write([]byte("postern look-up v1"))
	for _, t := range tokens {
		h.Write(t)
	}
	return PartRef{Type: lookupPart, Version: s.generation(), Count: len(tokens), Digest: [32]byte(h.Sum(nil))}
}

// storeLookup replaces the rows of one chart.
func storeLookup(ctx context.Context, tx *vault.ChangeTx, owner person.Owner, version int64, tokens [][]byte) error {
	if _, err := tx.Exec(ctx, `DELETE FROM chart_lookup WHERE owner = ?`, owner.Bytes()); err != nil {
		return fmt.Errorf("clear look-up: %w", err)
	}
	const row = `(?, ?, ?, ?)`
	const four = row + `, ` + row + `, ` + row + `, ` + row
	for len(tokens) > 0 {
		n := 1
		if len(tokens) >= someRows {
			n = someRows
		}
		var args []any
		for _, t := range tokens[:n] {
			args = append(args, owner.Bytes(), t, version, tx.Seq())
		}
		var err error
		if n == someRows {
			_, err = tx.Exec(ctx, `INSERT INTO chart_lookup (owner, token, version, seq) VALUES `+four, args...)
		} else {
			_, err = tx.Exec(ctx, `INSERT INTO chart_lookup (owner, token, version, seq) VALUES `+row, args...)
		}
		if err != nil {
			return fmt.Errorf("store look-up: %w", err)
		}
		tokens = tokens[n:]
	}
	return nil
}

// selectTokens is the tokens of one chart, in the order in which the manifest counts them.
const selectTokens = `SELECT token FROM chart_lookup WHERE owner = ? ORDER BY token`

func scanTokens(rows *db.Rows, err error) ([][]byte, error) {
	if err != nil {
		return nil, fmt.Errorf("read look-up: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out [][]byte
	for rows.Next() {
		var t []byte
		if err := rows.Scan(&t); err != nil {
			return nil, fmt.Errorf("read look-up: %w", err)
		}
		if out = append(out, t); len(out) > tokensMost {
			break // more than any chart has: they fit no manifest
		}
	}
	return out, errors.Join(rows.Err(), rows.Close())
}

// fits compares the rows of a chart with its manifest. A chart of before the look-up,
// or of another version of its keys, is the job's to do.
func (s *Store) fits(ctx context.Context, owner person.Owner, m Manifest) (bool, error) {
	ref, ok := m.Part(lookupPart)
	if !ok || ref.Version != s.generation() {
		return true, nil
	}
	rows, err := scanTokens(s.c.DB.Query(ctx, selectTokens, owner.Bytes()))
	return err == nil && s.lookupRef(rows) == ref, err
}

// ViewListed is View for staff: it also compares the rows by which the patient is looked
// up with the chart. Rows that somebody has put in, taken out or exchanged raise the
// alarm and are made anew; the chart itself is not theirs, and opens.
func (s *Store) ViewListed(ctx context.Context, c person.Caller, patient person.PatientID, what string, types ...string) (Chart, error) {
	return s.viewChecked(ctx, access.Ask{Caller: c, Action: access.ReadChart, Owner: person.Patient(patient), Object: what, Kinds: kinds(types...)}, types)
}

func (s *Store) viewChecked(ctx context.Context, a access.Ask, types []string) (Chart, error) {
	var under vault.Head
	good := true
	chart, err := s.viewWith(ctx, a, types, func(head vault.Head, m Manifest) (err error) {
		under = head
		good, err = s.fits(ctx, a.Owner, m)
		return err
	})
	if err != nil || good {
		return chart, err
	}
	// A change may have come between the two looks; then the next look tells.
	if head, err := s.c.Vault.Head(ctx, headOf(a.Owner)); err == nil && head == under {
		_ = s.c.Vault.Tampered(ctx, "rows for looking a patient up do not match the chart", a.Owner)
		_ = s.renew(ctx, a.Owner) // where it fails the rows stay as they are, and the next look alarms again
	}
	return chart, nil
}

// LookUpPage is what a look-up is called in the log.
const LookUpPage = "page/look-up"

// Wanted is whom somebody looks up. It holds what was typed, and does not print.
type Wanted struct {
	any   [][]lookupKey // a patient has one key of each group
	asked string        // as typed, for the log's sealed payload
}

// Lack is what keeps a look-up from looking for anybody.
type Lack string

// The lacks. All but the first are named after the field that is to be filled in anew.
const (
	LackAll    Lack = "all"    // nothing was typed
	LackKnown  Lack = "known"  // it is no record number, telephone number or e-mail address
	LackFamily Lack = "family" // a birth date finds nobody without a family name
	LackBorn   Lack = "born"   // and a family name nobody without the whole birth date
)

// Lacks lists what is missing or wrong in what was typed, in the order of the fields. It
// looks at nothing else: it says the same whoever is in the charts.
func Lacks(known, family, born string) []Lack {
	if known == "" && family == "" && born == "" {
		return []Lack{LackAll}
	}
	var out []Lack
	if known != "" && len(typedKeys(known)) == 0 {
		out = append(out, LackKnown)
	}
	if family == "" && born == "" {
		return out
	}
	if joined(family) == "" {
		out = append(out, LackFamily)
	}
	if !wholeDay(born) {
		out = append(out, LackBorn)
	}
	return out
}

// NewWanted reads what was typed: known is a record number, a telephone number or an
// e-mail address, and family and born go together. What is empty was not asked. It is
// fault.Invalid when there is nothing to look for: Lacks says why.
func NewWanted(known, family, born string) (Wanted, error) {
	if len(Lacks(known, family, born)) > 0 {
		return Wanted{}, fault.New(fault.Invalid, "look up patient: not enough to look for")
	}
	w := Wanted{asked: url.Values{"known": {known}, "family": {family}, "birthdate": {born}}.Encode()}
	if known != "" {
		w.any = append(w.any, typedKeys(known))
	}
	if family != "" {
		w.any = append(w.any, []lookupKey{bornKey(joined(family), born)})
	}
	return w, nil
}

func (w Wanted) String() string   { return "[redacted]" }
func (w Wanted) GoString() string { return "[redacted]" }

// matches reports whether the chart's own Patient is whom w asks for.
func (w Wanted) matches(c Chart) (bool, error) {
	list := c.Resources("Patient")
	if len(list) == 0 {
		return false, nil
	}
	v, err := rawjson.Parse(list[0].Doc.Reveal(), rawjson.Limits{})
	if err != nil {
		return false, fault.Wrap(fault.Tampered, "compare patient", err)
	}
	has := lookupKeys(v)
	for _, group := range w.any {
		if !slices.ContainsFunc(group, func(k lookupKey) bool { return slices.Contains(has, k) }) {
			return false, nil
		}
	}
	return true, nil
}
