package vault

import (
	"context"
	"crypto/sha256"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// erasedDigest is the head of a chart that was erased. No set of rows and no manifest
// has it.
func erasedDigest() [32]byte { return sha256.Sum256([]byte("postern erased chart v1")) }

// alive is the head, unless its chart was erased. err is that of reading it.
func (h Head) alive(err error) (Head, error) {
	if err == nil && h.Digest == erasedDigest() {
		return Head{}, fault.New(fault.Gone, "read head: the chart was erased")
	}
	return h, err
}

// Erase destroys the keys of a patient's chart: what they sealed cannot be opened any
// more. Its head says so, and with that the newest anchor of the log: whoever puts the
// key row back, and deletes the word that the erasure left beside it, gains nothing,
// because no row of the chart matches its head again.
func (tx *ChangeTx) Erase(ctx context.Context, patient person.PatientID) error {
	owner := person.Patient(patient)
	ref := HeadRef{Owner: owner, Kind: HeadChart}
	h, err := tx.Head(ctx, ref)
	if err != nil {
		return err
	}
	if h.Version == 0 {
		return fault.New(fault.NotFound, "erase chart: there is none")
	}
	tx.ended = append(tx.ended, owner)
	if err = tx.SetHead(ctx, ref, erasedDigest()); err == nil {
		err = tx.v.ring.Destroy(ctx, tx.Tx, owner, use(owner))
	}
	return err
}
