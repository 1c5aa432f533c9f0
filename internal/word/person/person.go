// Package person is the vocabulary for people: identifiers that cannot be
// mistaken for each other, the fixed list of roles, purposes of use, and
// Caller, the one answer to "who asks".
//
// It guarantees that a Caller cannot be assembled field by field: its fields
// are unexported and the walls test holds the list of packages that may call a
// constructor (session, app; later smart, jobs, share, scim, exchange). A
// Caller carries no rights: package access fetches roles and relationships
// afresh for every decision, so a Caller that outlived a change is harmless.
//
// It never does I/O, never reads a clock and holds no name or other PHI.
package person

import "time"

// Role is what a person does at the clinic. The names are fixed: policies,
// log entries and provisioning all use them.
type Role string

// The roles. Later issues add rules, not names.
const (
	RolePatient       Role = "patient"
	RoleClinician     Role = "clinician"
	RoleNurse         Role = "nurse"
	RoleFrontDesk     Role = "front-desk"
	RoleRecordsOffice Role = "records-office"
	RoleBilling       Role = "billing"
	RoleAdministrator Role = "administrator"
	RoleCompliance    Role = "compliance"
	RoleAuditor       Role = "auditor"
	RoleSystem        Role = "system"
)

// Roles lists every role in the order in which pages show them.
func Roles() []Role {
	return []Role{RolePatient, RoleClinician, RoleNurse, RoleFrontDesk, RoleRecordsOffice,
		RoleBilling, RoleAdministrator, RoleCompliance, RoleAuditor, RoleSystem}
}

// ParseRole returns the role with this name.
func ParseRole(s string) (Role, bool) {
	for _, r := range Roles() {
		if string(r) == s {
			return r, true
		}
	}
	return "", false
}

// Purpose is a code of the HL7 v3 PurposeOfUse value set
// (http://terminology.hl7.org/CodeSystem/v3-ActReason).
type Purpose string

// The purposes that the policies know.
const (
	PurposePatientRequest Purpose = "PATRQT"    // the patient looks at the own record
	PurposeTreatment      Purpose = "TREAT"     // care of this patient
	PurposeOperations     Purpose = "HOPERAT"   // running the clinic and its accounts
	PurposeRecords        Purpose = "RECORDMGT" // taking in records from elsewhere
	PurposeSystemAdmin    Purpose = "HSYSADMIN" // running Postern itself
	PurposeAudit          Purpose = "HCOMPL"    // compliance and privacy oversight
)

// Purposes lists every purpose.
func Purposes() []Purpose {
	return []Purpose{PurposePatientRequest, PurposeTreatment, PurposeOperations,
		PurposeRecords, PurposeSystemAdmin, PurposeAudit}
}

// ParsePurpose returns the purpose with this code.
func ParsePurpose(s string) (Purpose, bool) {
	for _, p := range Purposes() {
		if string(p) == s {
			return p, true
		}
	}
	return "", false
}

// CallerKind says how a Caller came to be.
type CallerKind uint8

// The kinds of Caller. Zero is a stranger, so that a forgotten Caller has no rights.
const (
	KindStranger CallerKind = iota // nobody has signed in
	KindPerson                     // a browser session
	KindToken                      // a bearer token that acts for a person
	KindSystem                     // a job of Postern's own, policy lists what it may touch
	KindOperator                   // a command on demo or test data, or one that a named person approved
)

// String is the kind's name in policies and log entries: fixed.
func (k CallerKind) String() string {
	switch k {
	case KindPerson:
		return "person"
	case KindToken:
		return "token"
	case KindSystem:
		return "system"
	case KindOperator:
		return "operator"
	default:
		return "stranger"
	}
}

// Proof is how and when the person last proved to be present (the assurance
// that policies read). The zero Proof is none.
type Proof struct {
	Method string    // "passkey" (user verified) or "demo"; empty is none
	At     time.Time // UTC
	// Passkey is the id of the passkey, for the page on which its holder sees which
	// one this was; empty for any other method.
	Passkey string
}

// Request is what is known about the transport of one request, for the log.
type Request struct {
	ID     string // transaction id, unique per request, appears in the entry and in the error shown
	Client string // the door or command: "web", "fhirapi", "import", ...
	Source string // network address without port; empty for a command
}

// Caller is who asks. Take it as a parameter, never from a context.
type Caller struct {
	kind    CallerKind
	account AccountID
	role    Role
	purpose Purpose
	proof   Proof
	device  string
	name    string
	request Request
}

// Stranger is a request before or without a sign-in.
func Stranger(r Request) Caller { return Caller{request: r} }

// PersonConfig describes a signed-in person to NewPerson.
type PersonConfig struct {
	Account AccountID
	Role    Role    // the role acted in; access checks that the account holds it
	Purpose Purpose // why; access checks it against the policy
	Proof   Proof
	Device  string // opaque handle of the session or token, never the secret
	Token   bool   // true for a bearer token, false for a browser session
	Request Request
}

// NewPerson makes the Caller of a signed-in person. Walled: only package
// session may call it.
func NewPerson(c PersonConfig) Caller {
	kind := KindPerson
	if c.Token {
		kind = KindToken
	}
	return Caller{kind: kind, account: c.Account, role: c.Role, purpose: c.Purpose,
		proof: c.Proof, device: c.Device, request: c.Request}
}

// NewSystem makes the Caller of one of Postern's own jobs. Walled: jobs and app.
func NewSystem(job string, purpose Purpose, r Request) Caller {
	return Caller{kind: KindSystem, role: RoleSystem, name: job, purpose: purpose, request: r}
}

// NewOperator makes the Caller of a command. name is the command ("import"),
// account the person who approved it, zero on demo and test data where
// commands act directly. Walled: app.
func NewOperator(name string, account AccountID, purpose Purpose, r Request) Caller {
	return Caller{kind: KindOperator, role: RoleSystem, name: name, account: account, purpose: purpose, request: r}
}

// Kind says how the Caller came to be.
func (c Caller) Kind() CallerKind { return c.kind }

// Account is the person's account, zero for strangers, jobs and unapproved commands.
func (c Caller) Account() AccountID { return c.account }

// Role is the role acted in, empty for a stranger.
func (c Caller) Role() Role { return c.role }

// Purpose is the purpose of use.
func (c Caller) Purpose() Purpose { return c.purpose }

// Proof is the last proof of presence.
func (c Caller) Proof() Proof { return c.proof }

// Device is the opaque handle of the session or token.
func (c Caller) Device() string { return c.device }

// Name is the job or command of a system or operator Caller.
func (c Caller) Name() string { return c.name }

// Request is the transport of the request.
func (c Caller) Request() Request { return c.request }

// For returns the same Caller acting for another purpose in the same request:
// a nurse who opens a chart states why. It adds no right, since access decides
// on role and purpose together.
func (c Caller) For(p Purpose) Caller { c.purpose = p; return c }

// Key identifies the Caller for counting identical refusals: account and
// device, or the source of a stranger.
func (c Caller) Key() string {
	if c.kind == KindStranger {
		return "stranger " + c.request.Source
	}
	return c.account.String() + " " + c.device + " " + c.name
}
