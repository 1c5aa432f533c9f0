package access

import (
	"context"

	"postern.example/postern/internal/word/person"
)

// Standing is what the clinic knows of an account at this moment.
type Standing struct {
	Active bool             // neither suspended nor unknown
	Roles  []person.Role    // the roles that it holds
	Chart  person.PatientID // its own chart, zero if it has none
	Person [16]byte         // the natural person, who may hold several accounts
}

// Directory answers what a decision needs to know of people. Answers must be
// fresh: a role that was removed before the call is not in the answer.
type Directory interface {
	// Standing of an unknown account is the zero Standing, in the same time as
	// that of a known one as far as possible, and no error.
	Standing(ctx context.Context, account person.AccountID) (Standing, error)
	// Assigned reports whether patient is assigned to the clinician's account.
	Assigned(ctx context.Context, clinician person.AccountID, patient person.PatientID) (bool, error)
}

// AtOnce is a Directory that answers both questions of a decision about a chart
// with one look, and so of one moment.
type AtOnce interface {
	// StandingFor is Standing of account and Assigned of account and patient.
	StandingFor(ctx context.Context, account person.AccountID, patient person.PatientID) (Standing, bool, error)
}
