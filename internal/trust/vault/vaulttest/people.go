package vaulttest

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/person"
)

// Importer is the Caller of an import command on test data.
func Importer() person.Caller {
	return person.NewOperator("import", person.AccountID{}, person.PurposeRecords,
		person.Request{ID: "txn-import", Client: "import"})
}

// People is a Directory in memory: who holds which role, and whom they treat.
type People struct {
	mu       sync.Mutex
	standing map[person.AccountID]access.Standing
	assigned map[person.AccountID][]person.PatientID
	fail     error
}

var _ access.Directory = (*People)(nil)

// NewPeople knows nobody.
func NewPeople() *People {
	return &People{standing: map[person.AccountID]access.Standing{}, assigned: map[person.AccountID][]person.PatientID{}}
}

// Add makes an account with these roles and returns its Caller, in the first
// role, present by passkey at the time now.
func (p *People) Add(t testing.TB, own person.PatientID, now time.Time, roles ...person.Role) person.Caller {
	t.Helper()
	id, err := person.NewAccountID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := access.Standing{Active: true, Roles: roles, Chart: own}
	copy(s.Person[:], id.Bytes())
	p.Set(id, s)
	return person.NewPerson(person.PersonConfig{Account: id, Role: roles[0], Purpose: PurposeOf(roles[0]),
		Proof: person.Proof{Method: "passkey", At: now}, Device: "device", Request: Request()})
}

// PurposeOf is the usual purpose of a role.
func PurposeOf(r person.Role) person.Purpose {
	switch r {
	case person.RolePatient:
		return person.PurposePatientRequest
	case person.RoleClinician, person.RoleNurse:
		return person.PurposeTreatment
	case person.RoleCompliance, person.RoleAuditor:
		return person.PurposeAudit
	default:
		return person.PurposeOperations
	}
}

// Set replaces what is known of an account.
func (p *People) Set(id person.AccountID, s access.Standing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.standing[id] = s
}

// Assign assigns a patient.
func (p *People) Assign(c person.AccountID, patient person.PatientID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.assigned[c] = append(p.assigned[c], patient)
}

// Fail makes every answer fail; nil heals it.
func (p *People) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

// Standing implements access.Directory.
func (p *People) Standing(_ context.Context, id person.AccountID) (access.Standing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.standing[id], p.fail
}

// Assigned implements access.Directory.
func (p *People) Assigned(_ context.Context, id person.AccountID, patient person.PatientID) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.assigned[id], patient), p.fail
}
