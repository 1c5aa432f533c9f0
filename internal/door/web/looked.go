package web

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strconv"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// looksPage is how many entries one page of Who looked takes from the log.
const looksPage = 50

// looked is GET /access-log: who looked, as the log has it.
func (d *Door) looked(v *Visit) error {
	if _, over := v.chosen(); over {
		return v.done("query-over", "/access-log")
	}
	sieve, err := v.sieve()
	if err != nil {
		return err
	}
	before, newest := int64(math.MaxInt64), true
	if s := cmp.Or(v.Field("older"), v.r.URL.Query().Get("before")); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 {
			return fault.New(fault.Invalid, "list looks: the cursor is malformed")
		}
		before, newest = n, false
	}
	s, err := v.self()
	if err != nil {
		return err
	}
	g, err := v.decide(access.Ask{Caller: v.caller, Action: access.ReadAccessLog, Owner: person.Patient(s.Chart), Kinds: []string{"AuditEvent"}})
	if err != nil {
		return err
	}
	m := &view.AccessLog{Base: v.Base(view.PlaceAccessLog), Newer: !newest, Sieve: sieve.Sieve}
	if err := v.looks(g, m, sieve, before); err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

// looksRounds is how often one page asks the log again when it leaves out what
// the reader did: years of own visits must not make one request endless.
const looksRounds = 20

// looks fills the page with entries before a sequence number.
func (v *Visit) looks(g access.Grant, m *view.AccessLog, by sieve, before int64) error {
	names := v.names(g)
	for range looksRounds {
		entries, err := v.door.c.Ledger.Looked(v.Context(), g, before, looksPage)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Time.Before(by.since) {
				m.Older = ""
				return nil // the newest come first
			}
			if !told(e.Event) {
				continue
			}
			look, err := v.look(e, names)
			if err != nil {
				return err
			}
			if by.lets(e, look) {
				m.Entries = append(m.Entries, look)
			}
		}
		if m.Older = ""; len(entries) < looksPage {
			return nil
		}
		before = entries[len(entries)-1].Seq
		m.Older = strconv.FormatInt(before, 10)
		if !by.Some() || len(m.Entries) >= looksPage/2 {
			return nil
		}
	}
	return nil
}

// told reports whether an entry says that somebody did something: the log's own
// housekeeping does not.
func told(e audit.Event) bool {
	switch e {
	case audit.EventAnchor, audit.EventOutcome, audit.EventAlarm, audit.EventStart, audit.EventStop, audit.EventRecovery:
		return false
	default:
		return true
	}
}

// names looks up display names under g, each account once.
func (v *Visit) names(g access.Grant) func(person.AccountID) (string, error) {
	known := map[person.AccountID]string{}
	return func(id person.AccountID) (string, error) {
		if name, ok := known[id]; ok || id.IsZero() {
			return name, nil
		}
		name, err := v.door.c.Identity.Name(v.Context(), g, id)
		if fault.Is(err, fault.Tampered) {
			// The damaged account is refused and alarmed elsewhere; who looked must
			// stay readable, and the id stands for the name.
			known[id] = id.String()
			return known[id], nil
		}
		if err != nil {
			return "", err
		}
		known[id] = name.Reveal()
		return known[id], nil
	}
}

// look turns an entry into what the page tells.
func (v *Visit) look(e audit.Entry, names func(person.AccountID) (string, error)) (view.Look, error) {
	who, err := names(e.Caller.Account)
	if err != nil {
		return view.Look{}, err
	}
	l := view.Look{ID: strconv.FormatInt(e.Seq, 10), At: v.local(e.Time), Who: who, Role: e.Caller.Role,
		Self: e.Caller.Account == v.caller.Account(), Act: actOf(e), Purpose: e.Caller.Purpose, Times: int(min(e.Count, math.MaxInt32))}
	for _, k := range e.Kinds {
		// "chart" and "resource" are how the store names its index, not something that one reads.
		if k != "chart" && k != "resource" {
			l.Kinds = append(l.Kinds, k)
		}
	}
	return l, nil
}

// wayIn is what an entry says of the way into the patient's account, or of who may
// open the chart; empty for any other entry.
func wayIn(e audit.Entry) view.Act {
	proposed, refused := e.Event == audit.EventAdminChange, e.Outcome == audit.Refused
	switch access.Action(e.Action) {
	case access.IssueEnrolment, access.RenewEnrolment:
		switch {
		case refused:
			return view.ActDenyLink
		case proposed:
			return view.ActAskLink
		case access.Action(e.Action) == access.RenewEnrolment:
			return view.ActNewLink
		default:
			return view.ActLink
		}
	case access.DeclineAct:
		return unless(refused, view.ActStopLink)
	case access.EnrolPasskey:
		return unless(refused, view.ActEnrol)
	case access.AddAccount:
		return unless(refused, view.ActNewAccount)
	case access.AssignPatient:
		return unless(refused, view.ActAssign)
	case access.SuspendAccount, access.SuspendOverseer:
		return unless(refused || proposed, view.ActSuspend)
	case access.ResumeAccount:
		return unless(refused, view.ActResume)
	default:
		return ""
	}
}

func unless(not bool, a view.Act) view.Act {
	if not {
		return ""
	}
	return a
}

// actOf is what an entry's event is in plain words.
func actOf(e audit.Entry) view.Act {
	if a := wayIn(e); a != "" {
		return a
	}
	if e.Outcome == audit.Refused {
		return view.ActRefused
	}
	switch {
	case slices.Contains(e.Objects, "page/clinic"):
		return view.ActList
	case slices.Contains(e.Objects, lookUpPage):
		return view.ActFind
	}
	if e.Caller.Client == copyClient {
		return view.ActDownload
	}
	switch e.Event {
	case audit.EventRead, audit.EventLogRead:
		return view.ActRead
	case audit.EventSearch:
		return view.ActSearch
	case audit.EventImport:
		return view.ActAdd
	case audit.EventExport:
		return view.ActDownload
	case audit.EventRefused, audit.EventCount:
		return view.ActRefused
	default:
		return view.ActOther
	}
}

// proof is GET /access-log/{seq}/proof: a file that the patient keeps.
func (d *Door) proof(v *Visit) error {
	s, err := v.self()
	if err != nil {
		return err
	}
	seq, err := strconv.ParseInt(v.Path("seq"), 10, 64)
	if err != nil || strconv.FormatInt(seq, 10) != v.Path("seq") {
		seq = -1 // no entry has it: decided and answered like one that is not there
	}
	g, err := v.decide(access.Ask{Caller: v.caller, Action: access.ProveAccess, Owner: person.Patient(s.Chart),
		Object: "AuditEvent/" + strconv.FormatInt(seq, 10), Kinds: []string{"AuditEvent"}})
	if err != nil {
		return err
	}
	file, err := d.c.Ledger.Proof(v.Context(), g, seq)
	if err != nil {
		return err
	}
	v.attach("text/plain; charset=utf-8", "postern-"+strconv.FormatInt(seq, 10)+".tlog-proof")
	v.write(http.StatusOK, "text/plain; charset=utf-8", file)
	return nil
}
