package audit

import (
	"encoding/base64"
	"time"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Event is the kind of thing that happened. The names are stored: add, never rename.
type Event string

// The events.
const (
	EventRead         Event = "read"
	EventSearch       Event = "search"
	EventCreate       Event = "create"
	EventUpdate       Event = "update"
	EventDelete       Event = "delete"
	EventImport       Event = "import"
	EventExport       Event = "export"
	EventSignIn       Event = "sign-in"
	EventSignOut      Event = "sign-out"
	EventSignInFailed Event = "sign-in-failed"
	EventRefused      Event = "refused"      // policy, or the lack of a session, said no
	EventAdminChange  Event = "admin-change" // accounts, roles, assignments, configuration
	EventLogRead      Event = "log-read"     // somebody read this log
	EventAnchor       Event = "anchor"       // heads of the database, nothing else
	EventOutcome      Event = "outcome"      // how an earlier entry's data commit ended
	EventAlarm        Event = "alarm"        // tampering, clock, storage
	EventStart        Event = "start"
	EventStop         Event = "stop"
	EventRecovery     Event = "recovery"
	EventCount        Event = "count" // identical refusals, coalesced: Count says how many
)

// Events lists every event, for completeness tests of catalogues.
func Events() []Event {
	return []Event{EventRead, EventSearch, EventCreate, EventUpdate, EventDelete, EventImport, EventExport,
		EventSignIn, EventSignOut, EventSignInFailed, EventRefused, EventAdminChange, EventLogRead,
		EventAnchor, EventOutcome, EventAlarm, EventStart, EventStop, EventRecovery, EventCount}
}

// Outcome says how it went.
type Outcome string

// The outcomes: it was done, it was refused, it went wrong.
const (
	Success Outcome = "success"
	Refused Outcome = "refused"
	Failed  Outcome = "failed"
)

// Class is how long an appender is served when the disk fills up: the lowest
// class is refused first. It steers admission only and is no part of the entry.
// The zero Class is a stranger's, so that a forgotten one never holds up care.
type Class uint8

// The classes, first refused first. Care is an assigned clinician or nurse, and
// the log's own entries (start, alarm, outcome) without which nothing is safe.
const (
	ClassStranger Class = iota
	ClassApp
	ClassPatient
	ClassOffice
	ClassCare
)

// Digest is the SHA-256 of a content that the entry names but does not hold.
// The zero Digest is none.
type Digest [32]byte

// IsZero reports whether there is no digest.
func (d Digest) IsZero() bool { return d == Digest{} }

// String is base64, as in checkpoints.
func (d Digest) String() string { return base64.StdEncoding.EncodeToString(d[:]) }

// Anchor commits the heads of the database: package vault writes one with every
// change and compares it at start, so that an old copy of the database is found.
type Anchor struct {
	Root  Digest // root of the tree of heads
	Count int64  // slots in that tree
	Prev  int64  // sequence number of the anchor before, -1 for none
}

// Caller is who acted, as recorded. Make it with CallerOf.
type Caller struct {
	Kind     string           // stranger, person, token, system, operator
	Account  person.AccountID // zero for strangers and jobs
	OnBehalf string           // text of the patient or account that a proxy acts for
	Role     person.Role
	Purpose  person.Purpose
	Device   string // opaque handle of the session or token
	Client   string // door or command: web, fhirapi, import
	Source   string // network address; empty for a command
	Name     string // job or command
	Method   string // how presence was proved
}

// CallerOf describes c as the log records it.
func CallerOf(c person.Caller) Caller {
	return Caller{Kind: c.Kind().String(), Account: c.Account(), Role: c.Role(), Purpose: c.Purpose(),
		Device: c.Device(), Client: c.Request().Client, Source: c.Request().Source,
		Name: c.Name(), Method: c.Proof().Method}
}

// Entry is one line of the log. Seq, Time, LastAnchor and Settled are stamped by
// the sequencer; what a caller of Append writes there is ignored. Text that is not
// valid UTF-8 is stored with U+FFFD in place of the bad bytes.
type Entry struct {
	Seq        int64     // position in the log, from 0
	Time       time.Time // UTC, microseconds, never before the entry before
	LastAnchor int64     // newest entry with an Anchor, this one included; -1 for none
	Settled    int64     // newest anchor whose data transaction is known to be committed; -1 for none

	Event   Event
	Action  string // policy action
	Outcome Outcome
	Fault   string   // name of the fault kind, for Refused and Failed
	Policy  []string // ids of the policies that decided
	Caller  Caller
	Server  string           // name of the server
	Patient person.PatientID // whose chart; zero for none
	Owner   string           // whose data, when it is not a chart: account or clinic
	Objects []string         // "Observation/xyz"
	Kinds   []string         // kinds of data that a view or search covers
	Query   string           // the search as asked
	Txn     string           // transaction id of the request
	Count   int64            // how many identical ones this entry stands for; 0 means one
	Reason  string           // stated reason, alarm id, or what an outcome refers to
	Before  Digest           // content before the change
	After   Digest           // content after it
	File    Digest           // imported file
	Anchor  *Anchor
	Class   Class // for admission only: not encoded, not stored
}

// FaultName is the name of err's fault kind, empty for nil: the value of Entry.Fault.
func FaultName(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).String()
}
