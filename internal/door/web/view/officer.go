package view

import (
	"time"

	"postern.example/postern/internal/word/person"
)

// Officer is GET /officer: the log. POST /officer leads to it, filtered.
//
// Forms: POST /officer (`who`, `patient`, `act`, `outcome`, `from`, `to`,
// `older`), POST /officer/verify, POST /officer/export (answers with a file).
type Officer struct {
	Base
	Filter   LogFilter
	Acts     []string // policy actions that occur, for the filter
	Entries  []LogEntry
	Total    int    // entries in the log
	Older    string // cursor; empty at the end
	Verified *Verification
}

func (*Officer) page() string { return "officer" }

// LogFilter is what the form holds; empty fields do not narrow.
type LogFilter struct{ Who, Patient, Act, Outcome, From, To string }

// LogEntry is one entry of the log.
type LogEntry struct {
	Seq     int64
	At      time.Time
	Who     string // name or id of the actor
	Role    person.Role
	Act     string // policy action
	Listed  bool   // only a line of a list was read
	Stored  bool   // not the act, but what it changed in the database
	Patient string // whose data; empty for none
	Target  string // resource or query kind
	Purpose person.Purpose
	Outcome string // allowed, refused, failed: words are "outcome.<code>"
	Rule    string // id of the policy that decided
	Client  string // door or command
	Request string // transaction id
}

// Outcomes lists the outcomes of the filter.
func (*Officer) Outcomes() []string { return []string{"allowed", "refused", "failed"} }

// Verification is the outcome of a check of the whole log.
type Verification struct {
	OK       bool
	Anchored bool // compared with a checkpoint from outside
	Size     int64
	Root     string // base64
	FirstBad string // sequence number; empty for none
	Reason   string // the verifier's own words
	At       time.Time
}
