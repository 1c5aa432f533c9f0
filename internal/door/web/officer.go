package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// logPage is how many entries the officer's page lists.
const logPage = 100

// officerChoose is POST /officer, a filter: no URL says whom an officer looks into.
func (d *Door) officerChoose(v *Visit) error { return v.choose("/officer") }

// officer is GET /officer, all or as filtered.
func (d *Door) officer(v *Visit) error {
	any, over := v.chosen()
	if over {
		return v.done("query-over", "/officer")
	}
	if !any {
		return v.officerPage(logQuery{}, nil)
	}
	if s := v.Field(checked); s != "" {
		var r view.Verification
		if err := json.Unmarshal([]byte(s), &r); err != nil {
			return fault.Wrap(fault.Internal, "read verification", err)
		}
		r.At = v.local(r.At)
		return v.officerPage(logQuery{}, &r)
	}
	q, err := v.logQuery()
	if err != nil {
		q.problem = "problem.filter"
	}
	return v.officerPage(q, nil)
}

// logQuery is a filter as typed, with what it means.
type logQuery struct {
	view.LogFilter
	from, to time.Time
	before   int64
	problem  string
}

func (v *Visit) logQuery() (logQuery, error) {
	q := logQuery{LogFilter: view.LogFilter{Who: strings.TrimSpace(v.Field("who")), Patient: strings.TrimSpace(v.Field("patient")),
		Act: v.Field("act"), Outcome: v.Field("outcome"), From: v.Field("from"), To: v.Field("to")}}
	var err error
	if q.From != "" {
		if q.from, err = time.ParseInLocation(time.DateOnly, q.From, v.door.c.Location); err != nil {
			return q, fault.New(fault.Invalid, "filter log: date")
		}
	}
	if q.To != "" {
		if q.to, err = time.ParseInLocation(time.DateOnly, q.To, v.door.c.Location); err != nil {
			return q, fault.New(fault.Invalid, "filter log: date")
		}
		q.to = q.to.AddDate(0, 0, 1) // the day itself counts
	}
	if s := v.Field("older"); s != "" {
		if q.before, err = strconv.ParseInt(s, 10, 64); err != nil || q.before <= 0 {
			return q, fault.New(fault.Invalid, "filter log: cursor")
		}
	}
	return q, nil
}

// keep says which entries the filter keeps.
func (q logQuery) keep(names func(person.AccountID) (string, error)) func(audit.Entry) bool {
	return func(e audit.Entry) bool {
		switch {
		case q.Patient != "" && (e.Patient.IsZero() || e.Patient.String() != q.Patient),
			q.Act != "" && e.Action != q.Act,
			q.Outcome != "" && outcomeOf(e) != q.Outcome,
			!q.from.IsZero() && e.Time.Before(q.from),
			!q.to.IsZero() && !e.Time.Before(q.to):
			return false
		case q.Who == "":
			return true
		}
		who := strings.ToLower(q.Who)
		if strings.ToLower(e.Caller.Name) == who || string(e.Caller.Role) == who {
			return true
		}
		if e.Caller.Account.IsZero() {
			return false
		}
		name, err := names(e.Caller.Account)
		return e.Caller.Account.String() == who || err == nil && strings.Contains(strings.ToLower(name), who)
	}
}

func outcomeOf(e audit.Entry) string {
	switch e.Outcome {
	case audit.Success:
		return "allowed"
	case audit.Refused:
		return "refused"
	default:
		return "failed"
	}
}

// officerPage reads the log and shows it. That it was read is its newest entry.
func (v *Visit) officerPage(q logQuery, verified *view.Verification) error {
	g, err := v.decide(access.Ask{Caller: v.caller, Action: access.ReadLog, Owner: access.LogOwner(), Query: q.text()})
	if err != nil {
		return err
	}
	m := &view.Officer{Base: v.Base(view.PlaceOfficer), Filter: q.LogFilter, Total: int(g.Seq() + 1), Verified: verified}
	for _, a := range access.Actions() {
		m.Acts = append(m.Acts, string(a.Action))
	}
	if m.Problem = q.problem; m.Problem != "" {
		return v.Render(http.StatusBadRequest, m)
	}
	names := v.names(g)
	entries, next, err := v.door.c.Ledger.ReadLog(v.Context(), g, access.LogFilter{Before: q.before, Limit: logPage, Keep: q.keep(names)})
	if err != nil {
		return err
	}
	for _, e := range entries {
		line, err := v.logEntry(e, names)
		if err != nil {
			return err
		}
		m.Entries = append(m.Entries, line)
	}
	if next > 0 {
		m.Older = strconv.FormatInt(next, 10)
	}
	return v.Render(http.StatusOK, m)
}

// text is the filter as the log keeps it, sealed.
func (q logQuery) text() string {
	var parts []string
	for _, p := range [][2]string{{"who", q.Who}, {"patient", q.Patient}, {"act", q.Act}, {"outcome", q.Outcome}, {"from", q.From}, {"to", q.To}} {
		if p[1] != "" {
			parts = append(parts, p[0]+"="+p[1])
		}
	}
	return strings.Join(parts, "&")
}

func (v *Visit) logEntry(e audit.Entry, names func(person.AccountID) (string, error)) (view.LogEntry, error) {
	who, err := names(e.Caller.Account)
	if err != nil {
		return view.LogEntry{}, err
	}
	if who == "" {
		who = e.Caller.Name // of the command; a stranger has none, and the page says so
	}
	out := view.LogEntry{Seq: e.Seq, At: v.local(e.Time), Who: who, Role: e.Caller.Role, Act: e.Action, Purpose: e.Caller.Purpose,
		Target: strings.Join(e.Objects, " "), Outcome: outcomeOf(e), Rule: strings.Join(e.Policy, " "), Client: e.Caller.Client, Request: e.Txn}
	if e.Event == audit.EventAlarm { // a text of ours, and whose data it is about
		out.Target = strings.TrimSpace(e.Reason + " " + e.Owner)
	}
	// A change has two entries, the decision and the anchor: without a word on it the
	// log reads as if it had been done twice.
	out.Listed, out.Stored = actOf(e) == view.ActList, e.Event == audit.EventAnchor && e.Action != ""
	if out.Act == "" {
		out.Act = string(e.Event)
	}
	if !e.Patient.IsZero() {
		out.Patient = e.Patient.String()
	}
	return out, nil
}

// checked is what verifyLog seals for the page. No form has a field of this name, so
// that nobody can make the page say how a check ended.
const checked = "checked"

// maxReasonShown is how much of the verifier's words the address of the page takes.
const maxReasonShown = 240

// verifyLog is POST /officer/verify. The outcome stands in the page's address, sealed,
// with the time of the check: Back and Reload must not read the whole log again.
func (d *Door) verifyLog(v *Visit) error {
	g, err := v.decide(access.Ask{Caller: v.caller, Action: access.VerifyLog, Owner: access.LogOwner()})
	if err != nil {
		return err
	}
	v.unhurried()
	r, err := d.c.Ledger.VerifyLog(v.Context(), g)
	if err != nil {
		return err
	}
	out := &view.Verification{OK: r.OK, Anchored: r.Anchored, Size: r.Size, Root: r.Root.String(), Reason: r.Reason, At: v.now()}
	if r.FirstBad != nil {
		out.FirstBad = strconv.FormatInt(*r.FirstBad, 10)
	}
	if len(out.Reason) > maxReasonShown {
		out.Reason = strings.ToValidUTF8(out.Reason[:maxReasonShown], "") + " …"
	}
	text, err := json.Marshal(out)
	if err != nil {
		return fault.Wrap(fault.Internal, "write verification", err)
	}
	return v.leadTo("/officer", url.Values{checked: {string(text)}})
}

// exportLog is POST /officer/export: an archive of the log as it is stored, sealed.
func (d *Door) exportLog(v *Visit) error {
	g, err := v.decide(access.Ask{Caller: v.caller, Action: access.ExportLog, Owner: access.LogOwner()})
	if err != nil {
		return err
	}
	v.unhurried()
	v.attach("application/x-tar", "postern-log-"+v.now().Format(time.DateOnly)+".tar")
	out := &started{w: v.w}
	err = d.c.Ledger.ExportLog(v.Context(), g, out)
	if err != nil && out.any {
		d.c.Log.Error("export broke off", "request", v.quest.ID, "error", err)
		panic(http.ErrAbortHandler) // half an archive must not look like a whole one
	}
	return err
}

// unhurried lets an answer begin late: reading a whole log can take longer than
// any page. Each part of the answer still has to be taken in time (package app).
func (v *Visit) unhurried() {
	_ = http.NewResponseController(v.w).SetWriteDeadline(time.Time{}) // a recorder of a test has none
}

// started knows whether anything was sent: until then an error is still a page.
type started struct {
	w   http.ResponseWriter
	any bool
}

func (s *started) Write(b []byte) (int, error) {
	s.any = true
	return s.w.Write(b)
}
