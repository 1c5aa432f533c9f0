package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Subjects is the SubjectIndex in two tables, on both engines. A patient's list is a
// chain of sealed rows: each is bound to patient and position and holds the digest of
// the row before, so that an inserted, changed, swapped or removed row is found at
// the next reading. Rows cut from the end are found by Follower.Check. Many entries
// of one round share a row: a busy chart costs one row, not hundreds, and the rows do
// not tell how often a chart was opened.
type Subjects struct {
	db     *db.DB
	sealer Sealer
}

// NewSubjects uses the tables of Migrations in d; rows are sealed by s.
func NewSubjects(d *db.DB, s Sealer) *Subjects { return &Subjects{d, s} }

const (
	subjectLabel  = "postern.log.subject.v1"
	positionLabel = "postern.log.subject-position.v1"
	subjectRow    = 256 // most entries in a row
	subjectPad    = 128 // rows are padded to multiples of this
)

var errSubjectRow = errors.New("row does not belong here")

// Position implements SubjectIndex.
func (s *Subjects) Position(ctx context.Context) (int64, error) {
	var b []byte
	err := s.db.QueryRow(ctx, `SELECT position FROM log_subject_position WHERE id = 1`).Scan(&b)
	if b == nil {
		return 0, readError("read index position", err)
	}
	plain, err := s.sealer.Open(b, []byte(positionLabel))
	if err != nil || len(plain) != 8 {
		return 0, fault.Wrap(fault.Tampered, "read index position", errSubjectRow)
	}
	return int64(beUint64(plain)), nil
}

// Add implements SubjectIndex.
func (s *Subjects) Add(ctx context.Context, next int64, entries []SubjectEntry) error {
	var patients []person.PatientID
	per := map[person.PatientID][]int64{}
	for _, e := range entries {
		if per[e.Patient] == nil {
			patients = append(patients, e.Patient)
		}
		per[e.Patient] = append(per[e.Patient], e.Seq)
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		for _, p := range patients {
			if err := s.extend(ctx, tx, p, per[p]); err != nil {
				return err
			}
		}
		position, err := s.sealer.AppendSeal(nil, binary.BigEndian.AppendUint64(nil, uint64(next)), []byte(positionLabel))
		if err != nil {
			return fault.Wrap(fault.Unavailable, "seal index position", err)
		}
		_, err = tx.Exec(ctx, `INSERT INTO log_subject_position (id, position) VALUES (1, ?)
			ON CONFLICT (id) DO UPDATE SET position = excluded.position`, position)
		return err
	})
}

// extend appends a patient's entries to the list.
func (s *Subjects) extend(ctx context.Context, tx *db.Tx, p person.PatientID, seqs []int64) error {
	var last subjectPage
	var sealed []byte
	n := int64(-1)
	err := tx.QueryRow(ctx, `SELECT n, entries FROM log_subject WHERE patient = ? ORDER BY n DESC LIMIT 1`, p.Bytes()).Scan(&n, &sealed)
	if err = readError("read index", err); err == nil && n >= 0 {
		last, err = s.open(p, n, sealed)
	}
	for err == nil && len(seqs) > 0 && len(last.seqs) > 0 && seqs[0] <= last.seqs[len(last.seqs)-1] {
		seqs = seqs[1:] // indexed before the position was set back
	}
	for err == nil && len(seqs) > 0 {
		k := min(len(seqs), subjectRow)
		page := subjectPage{seqs: seqs[:k]}
		if n >= 0 {
			page.prev = sha256.Sum256(sealed)
		}
		n++
		seqs = seqs[k:]
		if sealed, err = s.sealer.AppendSeal(nil, page.encode(), subjectAD(p, n)); err != nil {
			return fault.Wrap(fault.Unavailable, "seal index", err)
		}
		_, err = tx.Exec(ctx, `INSERT INTO log_subject (patient, n, entries) VALUES (?, ?, ?)`, p.Bytes(), n, sealed)
	}
	return err
}

// Entries implements SubjectIndex.
func (s *Subjects) Entries(ctx context.Context, p person.PatientID, before int64, limit int) (out []int64, err error) {
	rows, err := s.db.Query(ctx, `SELECT n, entries FROM log_subject WHERE patient = ? ORDER BY n DESC`, p.Bytes())
	expect := int64(-1)
	var prev [32]byte
	err = each(rows, err, func() error {
		var n int64
		var sealed []byte
		err := rows.Scan(&n, &sealed)
		if err != nil || expect >= 0 && (n != expect-1 || sha256.Sum256(sealed) != prev) {
			return fault.Wrap(fault.Tampered, "read index", errors.Join(err, errSubjectRow))
		}
		page, err := s.open(p, n, sealed)
		expect, prev = n, page.prev
		for i := len(page.seqs) - 1; i >= 0 && len(out) < limit; i-- {
			if page.seqs[i] < before {
				out = append(out, page.seqs[i])
			}
		}
		if err == nil && len(out) == limit {
			err = errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return out, nil
	}
	if err == nil && expect > 0 {
		err = fault.Wrap(fault.Tampered, "read index", errSubjectRow)
	}
	return out, err
}

var errEnough = errors.New("page is full")

// subjectPage is the content of one row.
type subjectPage struct {
	prev [32]byte // SHA-256 of the sealed row before; zero in the first
	seqs []int64  // ascending
}

func (p subjectPage) encode() []byte {
	b := binary.BigEndian.AppendUint16(append([]byte{}, p.prev[:]...), uint16(len(p.seqs)))
	var last int64
	for _, n := range p.seqs {
		b = binary.AppendUvarint(b, uint64(n-last))
		last = n
	}
	return append(b, make([]byte, (subjectPad-len(b)%subjectPad)%subjectPad)...)
}

func parseSubjectPage(b []byte) (p subjectPage, err error) {
	if len(b) < 34 {
		return p, errSubjectRow
	}
	copy(p.prev[:], b)
	n, rest := int(binary.BigEndian.Uint16(b[32:])), b[34:]
	var last int64
	for range n {
		d, k := binary.Uvarint(rest)
		if k <= 0 { // the content is authenticated: this is a defect, not an attack
			return p, errSubjectRow
		}
		last += int64(d)
		p.seqs, rest = append(p.seqs, last), rest[k:]
	}
	if !bytes.Equal(p.encode(), b) {
		return p, errSubjectRow
	}
	return p, nil
}

func subjectAD(p person.PatientID, n int64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(subjectLabel), p.Bytes()...), uint64(n))
}

func (s *Subjects) open(p person.PatientID, n int64, sealed []byte) (subjectPage, error) {
	plain, err := s.sealer.Open(sealed, subjectAD(p, n))
	if err != nil {
		return subjectPage{}, fault.Wrap(fault.Tampered, "read index", err)
	}
	page, err := parseSubjectPage(plain)
	return page, fault.Wrap(fault.Tampered, "read index", err)
}
