package view

import (
	"time"

	"postern.example/postern/internal/word/person"
)

// Admin is GET /admin: accounts and assignments, and after an act the one-time
// link, shown once.
//
// Forms: POST /admin/accounts (`name`, `role`, `patient`), POST
// /admin/accounts/{id}/link, /renew (`reason`), /suspend
// (`reason` where two do it), /restore; POST
// /admin/assignments (`clinician`, `patient`), POST /admin/assignments/end
// (`clinician`, `patient`). Each sends `page` back, to return to the same page.
type Admin struct {
	Base
	Accounts    []Account
	Assignments []Assignment
	Roles       []person.Role // that may be given to a new account
	Clinicians  []Choice      // accounts that can be assigned to a patient
	Patients    []Choice      // charts that can be assigned
	Link        *OneTimeLink  // made just now; nil else
	Page        string        // query of this page: "after=ID", "before=ID" or empty
	Newer       string        // ?before= of the page before; empty on the first
	Older       string        // ?after= of the page behind; empty on the last
}

// Paged reports whether this is not the whole list.
func (a *Admin) Paged() bool { return a.Newer != "" || a.Older != "" }

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
	Guarded  bool // a new link needs two administrators
	Oversees bool // its suspension needs two people
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

// Waiting is GET /admin/waiting: what one administrator proposed and another has to
// confirm. Each leads to its page under /approve.
type Waiting struct {
	Base
	Acts []WaitingAct // oldest first
}

func (*Waiting) page() string { return "waiting" }

// WaitingAct is one proposal.
type WaitingAct struct {
	ID      string
	Account string // id of the account that it is about
	For     string // its name
	Asker   string // name of the administrator who asks
	Reason  string // as typed
	Asked   time.Time
	Until   time.Time
	Own     bool // the reader asked
	Suspend bool // to suspend the account; else a link into it
}
