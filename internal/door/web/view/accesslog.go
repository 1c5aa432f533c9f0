package view

import (
	"time"

	"postern.example/postern/internal/word/person"
)

// AccessLog is GET /access-log, "Who looked". Cursors are sequence numbers or
// sealed texts: GET /access-log?before=CURSOR.
type AccessLog struct {
	Base
	Entries []Look // newest first
	Older   string // cursor; empty at the end
	Newer   bool   // not the first page: offer the way back to the newest
}

func (*AccessLog) page() string { return "access-log" }

// Act is what somebody did; its value is part of a message id.
type Act string

// The acts.
const (
	ActRead     Act = "read"
	ActSearch   Act = "search"
	ActAdd      Act = "add"      // brought in records, changed or added something
	ActDownload Act = "download" // took a copy
	ActRefused  Act = "refused"  // tried and was not let in
	ActOther    Act = "other"

	// What happens to the way into the account, and opens no record by itself.
	ActLink       Act = "link"        // made the first one-time link
	ActAskLink    Act = "ask-link"    // asked for a new one, which a second person has to confirm
	ActNewLink    Act = "new-link"    // confirmed it: the link was made
	ActStopLink   Act = "stop-link"   // declined or withdrew it
	ActDenyLink   Act = "deny-link"   // tried, and was not let in
	ActEnrol      Act = "enrol"       // used a link and added a passkey
	ActNewAccount Act = "new-account" // made the account
	ActSuspend    Act = "suspend"
	ActResume     Act = "resume"
	ActAssign     Act = "assign" // changed who looks after the patient
)

// Look is one entry, told in one sentence.
type Look struct {
	ID      string // of the entry, for its proof: GET /access-log/{ID}/proof
	At      time.Time
	Self    bool   // the reader did it
	Who     string // name as shown: "Dr. Ana Chen"; empty for a job or command
	Role    person.Role
	Act     Act
	Kinds   []string // FHIR types touched; words are "thing.<type>"; none means the whole record
	Purpose person.Purpose
	Times   int // how often, for counted refusals; 0 and 1 mean once
}

// Month is the entries of one month.
type Month struct {
	Of      Day
	Entries []Look
}

// Months groups the entries under the month that they fall in.
func (a *AccessLog) Months() []Month {
	var out []Month
	for _, e := range a.Entries {
		of := DayOf(e.At)
		of.Day = 0
		if len(out) == 0 || out[len(out)-1].Of != of {
			out = append(out, Month{Of: of})
		}
		last := &out[len(out)-1]
		last.Entries = append(last.Entries, e)
	}
	return out
}

// things writes what was touched: "your test results and your medicines".
func (w *writer) things(kinds []string) (string, error) {
	if len(kinds) == 0 || len(kinds) > 4 {
		return w.text("thing.record")
	}
	var words []string
	seen := map[string]bool{}
	for _, k := range kinds {
		s, err := w.orOther("thing.", k)
		if err != nil {
			return "", err
		}
		if !seen[s] {
			seen[s] = true
			words = append(words, s)
		}
	}
	return w.list(words)
}

// look writes an entry as one sentence: "Dr. Chen, your doctor, opened your test
// results on May 3 at 10:14 am. Reason: treatment."
func (w *writer) look(e Look) (string, error) {
	if w.lang.Has("look.account." + string(e.Act)) {
		return w.lookAccount(e)
	}
	act := e.Act
	if !w.lang.Has("look.self." + string(act)) {
		act = ActOther
	}
	things, err := w.things(e.Kinds)
	if err != nil {
		return "", err
	}
	day, err := w.short(e.At)
	if err != nil {
		return "", err
	}
	clock, err := w.clock(e.At)
	if err != nil {
		return "", err
	}
	if e.Self {
		return w.text("look.self."+string(act), "things", things, "day", day, "clock", clock)
	}
	who, err := w.who(e)
	if err != nil {
		return "", err
	}
	reason, err := w.orOther("purpose.", e.Purpose)
	if err != nil {
		return "", err
	}
	return w.text("look.other."+string(act), "who", who, "things", things, "day", day, "clock", clock, "reason", reason)
}

// lookAccount writes an entry about the way into the account.
func (w *writer) lookAccount(e Look) (string, error) {
	day, err := w.short(e.At)
	if err != nil {
		return "", err
	}
	clock, err := w.clock(e.At)
	if err != nil {
		return "", err
	}
	if e.Act == ActEnrol { // whoever holds a link has no name yet
		return w.text("look.account.enrol", "day", day, "clock", clock)
	}
	who, err := w.who(e)
	if err != nil {
		return "", err
	}
	return w.text("look.account."+string(e.Act), "who", who, "day", day, "clock", clock)
}

// who names the person with the role that they have for the reader.
func (w *writer) who(e Look) (string, error) {
	role := string(e.Role)
	if e.Who == "" {
		return w.orOther("look.nameless.", role)
	}
	words, err := w.orOther("look.role.", role)
	if err != nil {
		return "", err
	}
	return w.text("look.who", "name", e.Who, "role", words)
}
