package view

import (
	"time"

	"postern.example/postern/internal/word/person"
)

// Admin is GET /admin: accounts and assignments, and after an act the one-time
// link, shown once in the answer to the POST.
//
// Forms: POST /admin/accounts (`name`, `role`, `patient`), POST
// /admin/accounts/{id}/link, /suspend, /restore; POST /admin/assignments
// (`clinician`, `patient`), POST /admin/assignments/end (`clinician`, `patient`).
type Admin struct {
	Base
	Accounts    []Account
	Assignments []Assignment
	Roles       []person.Role // that may be given to a new account
	Clinicians  []Choice      // accounts that can be assigned to a patient
	Patients    []Choice      // charts that can be assigned
	Link        *OneTimeLink  // made just now; nil else
}

func (*Admin) page() string { return "admin" }

// Account is one account.
type Account struct {
	ID       string
	Name     string
	Roles    []person.Role
	State    AccountState
	Patient  string // id of the own chart; empty when there is none
	Passkeys int
	LastSeen time.Time
	Self     bool // the administrator's own: it cannot be suspended here
}

// AccountState is the state of an account; its value is part of a message id.
type AccountState string

// The states.
const (
	AccountWaiting   AccountState = "waiting" // has no passkey, and no link that works
	AccountInvited   AccountState = "invited" // has no passkey yet, and a link that works
	AccountActive    AccountState = "active"
	AccountSuspended AccountState = "suspended"
)

// Suspended reports whether the account is suspended.
func (a Account) Suspended() bool { return a.State == AccountSuspended }

// Assignment is who looks after whom.
type Assignment struct{ Clinician, ClinicianID, Patient, PatientID string }

// Choice is one option of a select.
type Choice struct{ ID, Name string }

// OneTimeLink is an enrolment link that was made just now.
type OneTimeLink struct {
	URL   string // whole, with the secret in the fragment
	For   string // the account's name
	Until time.Time
}
