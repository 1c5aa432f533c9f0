package view

import (
	"slices"
	"time"

	"postern.example/postern/internal/word/person"
)

// AccessLog is GET /access-log, "Who looked". Cursors are sequence numbers or
// sealed texts: GET /access-log?before=CURSOR.
type AccessLog struct {
	Base
	Sieve   Sieve  // which lines the reader chose
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

	ActFind Act = "find" // looked the patient up
	ActList Act = "list" // opened a list with the name on it

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

// Run is entries that stand together: what the reader did in the own record on
// one day, or what somebody else did in the same way, again and again. Three or
// more are folded under one line, so that they do not hide the rest. Each entry
// keeps its line and its proof inside.
type Run struct {
	Folded  bool
	Entries []Look
}

// Self reports whether the reader did it.
func (r Run) Self() bool { return r.Entries[0].Self }

// Rest is what is folded: everything of the own record, and all but the newest
// line of somebody else, which must be read without opening anything.
func (r Run) Rest() []Look {
	if r.Self() {
		return r.Entries
	}
	return r.Entries[1:]
}

// Newest is the line that stands above the folded ones.
func (r Run) Newest() Look { return r.Entries[0] }

// goesWith reports whether b may stand in the run of a.
func (a Look) goesWith(b Look) bool {
	if DayOf(a.At) != DayOf(b.At) || a.Self != b.Self {
		return false
	}
	return a.Self || a.Who != "" && a.Who == b.Who && a.Role == b.Role && a.Act == b.Act && a.Purpose == b.Purpose && slices.Equal(a.Kinds, b.Kinds)
}

// At is the day of the run.
func (r Run) At() time.Time { return r.Entries[0].At }

// Runs folds the entries of the month.
func (m Month) Runs() []Run {
	var out []Run
	for _, e := range m.Entries {
		if n := len(out); n > 0 {
			if last := &out[n-1]; last.Newest().goesWith(e) {
				last.Entries = append(last.Entries, e)
				last.Folded = len(last.Entries) > 2
				continue
			}
		}
		out = append(out, Run{Entries: []Look{e}})
	}
	return out
}

// First is the id of the newest entry, for the example of a proof's name.
func (a *AccessLog) First() string {
	if len(a.Entries) == 0 {
		return ""
	}
	return a.Entries[0].ID
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
// results on May 3 at 10:14 am, to treat you."
func (w *writer) look(e Look) (string, error) {
	if w.lang.Has("look.account." + string(e.Act)) {
		return w.lookAccount(e)
	}
	voice := "look.other."
	if e.Self {
		voice = "look.self."
	}
	act := e.Act
	if !w.lang.Has(voice + string(act)) {
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
		return w.text(voice+string(act), "things", things, "day", day, "clock", clock)
	}
	who, err := w.who(e)
	if err != nil {
		return "", err
	}
	why, err := w.orOther("look.why.", e.Purpose)
	if err != nil {
		return "", err
	}
	return w.text(voice+string(act), "who", who, "things", things, "day", day, "clock", clock, "why", why)
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
