package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"postern.example/postern/internal/word/person"
)

// ErrAuditEvent is returned for bytes that AuditEvent did not write.
var ErrAuditEvent = errors.New("audit: not an AuditEvent of this log")

// ParseAuditEvent is the inverse of AuditEvent. It accepts what AuditEvent writes,
// with any spacing, and nothing else.
func ParseAuditEvent(b []byte) (Entry, error) {
	var ev fhirEvent
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&ev); err != nil {
		return Entry{}, fmt.Errorf("read AuditEvent: %w", ErrAuditEvent)
	}
	e, err := ev.entry()
	if err != nil {
		return Entry{}, fmt.Errorf("read AuditEvent: %w", ErrAuditEvent)
	}
	var given bytes.Buffer
	again, err := e.AuditEvent()
	if err = errors.Join(err, json.Compact(&given, b)); err != nil || !bytes.Equal(given.Bytes(), again) {
		return Entry{}, fmt.Errorf("read AuditEvent: %w", ErrAuditEvent)
	}
	return e, nil
}

// entry reads every field from the one place where AuditEvent puts it. Anything
// that stands elsewhere is found by encoding the result again.
func (ev *fhirEvent) entry() (Entry, error) {
	e := Entry{Fault: ev.OutcomeDesc, Server: ev.Source.Observer.value()}
	e.Outcome = map[string]Outcome{"0": Success, "4": Refused, "8": Failed}[ev.Outcome]
	var errs [2]error
	e.Seq, errs[0] = strconv.ParseInt(ev.ID, 10, 64)
	e.Time, errs[1] = time.Parse(timeForm, ev.Recorded)
	if err := errors.Join(errs[:]...); err != nil {
		return e, err
	}
	for i, a := range ev.Agent {
		if err := e.agent(i, a); err != nil {
			return e, err
		}
	}
	for _, x := range ev.Entity {
		if err := e.entity(x); err != nil {
			return e, err
		}
	}
	return e, nil
}

func (r fhirReference) value() string {
	if r.Identifier == nil {
		return ""
	}
	return r.Identifier.Value
}

func (e *Entry) agent(i int, a fhirAgent) (err error) {
	switch {
	case i == 0:
		e.Caller.Client = a.Who.value()
		if a.Network != nil {
			e.Caller.Source = a.Network.Address
		}
	case i == 1: // the server, which Source names too
	case !a.Requestor:
		e.Caller.OnBehalf = a.Who.value()
	default:
		if a.Who.Identifier != nil && a.Who.Identifier.System == sysPostern+"account" {
			e.Caller.Account, err = accountID(a.Who.value())
		} else {
			e.Caller.Name = a.Who.value()
		}
		for _, r := range a.Role {
			e.Caller.Role = person.Role(r.code())
		}
		for _, p := range a.PurposeOfUse {
			e.Caller.Purpose = person.Purpose(p.code())
		}
	}
	return err
}

func (c fhirConcept) code() string {
	if len(c.Coding) == 0 {
		return ""
	}
	return c.Coding[0].Code
}

func (e *Entry) entity(x fhirEntity) error {
	switch {
	case x.Type == fhirCoding{sysPostern + "entity", "log-entry"}:
		for _, d := range x.Detail {
			if err := e.detail(d.Type, d.Value); err != nil {
				return err
			}
		}
	case x.Query != nil:
		e.Query = strings.TrimPrefix(string(x.Query), "?")
	case x.What == nil:
		return ErrAuditEvent
	case x.Type.System == sysBALPEntity:
		e.Txn = x.What.value()
	case x.Type.Code == "1":
		id, err := resourceID(strings.TrimPrefix(x.What.Reference, "Patient/"))
		if err != nil {
			return err
		}
		e.Patient = person.PatientOf(id)
	default:
		e.Objects = append(e.Objects, x.What.Reference)
	}
	return nil
}

func resourceID(s string) (person.ResourceID, error) {
	var parse func(string) (person.ResourceID, error) = person.ParseID
	return parse(s)
}

func (e *Entry) detail(key, v string) (err error) {
	switch key {
	case "event":
		e.Event = Event(v)
	case "lastAnchor":
		e.LastAnchor, err = strconv.ParseInt(v, 10, 64)
	case "settled":
		e.Settled, err = strconv.ParseInt(v, 10, 64)
	case "action":
		e.Action = v
	case "outcome":
		e.Outcome = Outcome(v)
	case "policy":
		e.Policy = append(e.Policy, v)
	case "caller.kind":
		e.Caller.Kind = v
	case "caller.device":
		e.Caller.Device = v
	case "caller.name":
		e.Caller.Name = v
	case "caller.method":
		e.Caller.Method = v
	case "owner":
		e.Owner = v
	case "kind":
		e.Kinds = append(e.Kinds, v)
	case "query":
		e.Query = v
	case "count":
		e.Count, err = strconv.ParseInt(v, 10, 64)
	case "reason":
		e.Reason = v
	case "before":
		e.Before, err = parseDigest(v)
	case "after":
		e.After, err = parseDigest(v)
	case "file":
		e.File, err = parseDigest(v)
	case "anchor":
		e.Anchor, err = parseAnchor(v)
	default:
		err = ErrAuditEvent
	}
	return err
}

func parseAnchor(s string) (*Anchor, error) {
	var w wire
	if err := json.Unmarshal([]byte(`{"anchor":`+s+`}`), &w); err != nil || w.Anchor == nil {
		return nil, ErrAuditEvent
	}
	root, err := parseDigest(w.Anchor.Root)
	return &Anchor{Root: root, Count: w.Anchor.Count, Prev: w.Anchor.Prev}, err
}
