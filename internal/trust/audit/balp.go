package audit

import (
	"encoding/json"
	"slices"
	"strconv"

	"postern.example/postern/internal/word/person"
)

// AuditEvent returns the entry as a FHIR R4 AuditEvent in the patterns of IHE Basic
// Audit Log Patterns (BALP 1.1.4). Reads, searches, creates, updates and deletes
// that succeeded name their profile; refusals and failures follow the same pattern
// without naming one, because the profiles fix outcome to success. ParseAuditEvent
// is the exact inverse: what BALP has no place for stands as details of one entity
// of Postern's own.
func (e Entry) AuditEvent() ([]byte, error) {
	shape := shapeOf(e.Event)
	ev := fhirEvent{ResourceType: "AuditEvent", ID: strconv.FormatInt(e.Seq, 10),
		Type: shape.kind, Subtype: []fhirCoding{shape.subtype}, Action: shape.action,
		Recorded: e.Time.UTC().Format(timeForm), Outcome: outcomeCode(e.Outcome), OutcomeDesc: e.Fault,
		Agent: e.agents(shape), Source: fhirSource{reference("server", e.Server)}, Entity: e.entities(shape)}
	if p := e.profile(shape); p != "" {
		ev.Meta = &fhirMeta{Profile: []string{balpProfile + p}}
	}
	return json.Marshal(ev)
}

// shape is the pattern of an event.
type shape struct {
	kind, subtype  fhirCoding
	action         string     // R4 audit-event-action
	profile        string     // BALP profile without "Patient"; empty for none
	client, server fhirCoding // types of the two system agents
	user           string     // participation of the person
}

func shapeOf(e Event) shape {
	rest := func(code, action, profile, user string) shape {
		return shape{kind: fhirCoding{sysEventType, "rest"}, subtype: fhirCoding{sysRest, code},
			action: action, profile: profile, user: user,
			client: fhirCoding{sysDICOM, "110153"}, server: fhirCoding{sysDICOM, "110152"}}
	}
	dicom := func(kind, sub, action string) shape {
		return shape{kind: fhirCoding{sysDICOM, kind}, subtype: fhirCoding{sysDICOM, sub}, action: action,
			client: fhirCoding{sysDICOM, "110153"}, server: fhirCoding{sysDICOM, "110152"}, user: "IRCP"}
	}
	switch e {
	case EventRead:
		s := rest("read", "R", "Read", "IRCP")
		s.client, s.server = s.server, s.client // in Read alone the server is the source
		return s
	case EventSearch:
		return rest("search-type", "E", "Query", "IRCP")
	case EventCreate:
		return rest("create", "C", "Create", "AUT")
	case EventUpdate:
		return rest("update", "U", "Update", "AUT")
	case EventDelete:
		s := rest("delete", "D", "Delete", "AUT")
		s.client, s.server = fhirCoding{sysDICOM, "110150"}, fhirCoding{sysProvenance, "custodian"}
		return s
	case EventImport:
		return dicom("110107", "110107", "C")
	case EventExport:
		return dicom("110106", "110106", "R")
	case EventSignIn, EventSignInFailed:
		return dicom("110114", "110122", "E")
	case EventSignOut:
		return dicom("110114", "110123", "E")
	case EventRefused, EventCount:
		return dicom("110113", "110132", "E") // security alert: use of a restricted function
	case EventAdminChange:
		return dicom("110113", "110136", "U") // security alert: security roles changed
	case EventLogRead:
		return dicom("110101", "110101", "R") // audit log used
	case EventAlarm:
		return dicom("110113", "110113", "E") // security alert; no narrower code fits
	case EventStart:
		return dicom("110100", "110120", "E")
	case EventStop:
		return dicom("110100", "110121", "E")
	default: // anchor, outcome, recovery: the application's own activity
		return dicom("110100", "110100", "E")
	}
}

// profile is the BALP profile that the event conforms to, empty for none. A read or
// change that names no object has no entity[data], and no profile.
func (e *Entry) profile(s shape) string {
	if s.profile == "" || e.Outcome != Success || e.Event != EventSearch && len(e.Objects) == 0 {
		return ""
	}
	if e.Patient.IsZero() {
		return s.profile
	}
	return "Patient" + s.profile
}

// outcomeCode is the code of audit-event-outcome: a refusal is a minor failure (the
// system worked), a failure a serious one.
func outcomeCode(o Outcome) string {
	switch o {
	case Success:
		return "0"
	case Refused:
		return "4"
	default:
		return "8"
	}
}

// reference names something by an identifier of Postern's, or says that it is unknown.
func reference(kind, value string) fhirReference {
	if value == "" {
		return fhirReference{Display: "unknown"}
	}
	return fhirReference{Identifier: &fhirIdentifier{sysPostern + kind, value}}
}

func network(kind, address string) *fhirNetwork { return &fhirNetwork{address, kind} }

func concept(system, code string) fhirConcept {
	return fhirConcept{[]fhirCoding{{system, code}}}
}

// agents lists client, server, the person or job that acted, and for a proxy the
// one acted for.
func (e *Entry) agents(s shape) []fhirAgent {
	c := e.Caller
	as := []fhirAgent{
		{Type: fhirConcept{[]fhirCoding{s.client}}, Who: reference("client", c.Client), Network: network("2", c.Source)},
		{Type: fhirConcept{[]fhirCoding{s.server}}, Who: reference("server", e.Server), Network: network("1", e.Server)},
	}
	if !c.Account.IsZero() || c.Name != "" || c.Role != "" || c.Purpose != "" {
		u := fhirAgent{Type: concept(sysPartType, s.user), Who: reference("job", c.Name), Requestor: true}
		if !c.Account.IsZero() {
			u.Who = reference("account", c.Account.String())
		}
		if c.Role != "" {
			u.Role = []fhirConcept{concept(sysPostern+"role", string(c.Role))}
		}
		if c.Purpose != "" {
			u.PurposeOfUse = []fhirConcept{concept(sysActReason, string(c.Purpose))}
		}
		as = append(as, u)
	}
	if c.OnBehalf != "" {
		as = append(as, fhirAgent{Type: concept(sysRoleCode, "DELEGATOR"), Who: reference("principal", c.OnBehalf)})
	}
	return as
}

// entities lists what was acted on. The profiles allow one System Object, so the
// first object is that and the others are of type Other.
func (e *Entry) entities(s shape) []fhirEntity {
	var es []fhirEntity
	object := fhirCoding{sysEntityType, "2"}
	role := &fhirCoding{sysObjectRole, "4"} // domain resource
	if e.Event == EventSearch {
		es = append(es, fhirEntity{Type: object, Role: &fhirCoding{sysObjectRole, "24"}, Query: []byte("?" + e.Query)})
		object.Code = "4"
	}
	for _, o := range e.Objects {
		es = append(es, fhirEntity{What: &fhirReference{Reference: o}, Type: object, Role: role})
		object.Code = "4"
	}
	if !e.Patient.IsZero() {
		es = append(es, fhirEntity{What: &fhirReference{Reference: "Patient/" + person.PatientResource(e.Patient).String()},
			Type: fhirCoding{sysEntityType, "1"}, Role: &fhirCoding{sysObjectRole, "1"}})
	}
	if e.Txn != "" {
		id := fhirReference{Identifier: &fhirIdentifier{Value: e.Txn}}
		es = append(es, fhirEntity{What: &id, Type: fhirCoding{sysBALPEntity, "XrequestId"}})
	}
	id := reference("entry", strconv.FormatInt(e.Seq, 10))
	return append(es, fhirEntity{What: &id, Type: fhirCoding{sysPostern + "entity", "log-entry"}, Detail: e.details()})
}

// details holds what BALP has no place for.
func (e *Entry) details() []fhirDetail {
	var ds []fhirDetail
	add := func(key string, values ...string) {
		for _, v := range values {
			ds = append(ds, fhirDetail{key, v})
		}
	}
	text := func(key, value string) {
		if value != "" {
			add(key, value)
		}
	}
	num := func(key string, v, none int64) {
		if v != none {
			add(key, strconv.FormatInt(v, 10))
		}
	}
	text("event", string(e.Event))
	num("lastAnchor", e.LastAnchor, 0)
	num("settled", e.Settled, 0)
	text("action", e.Action)
	if !slices.Contains([]Outcome{Success, Refused, Failed}, e.Outcome) {
		text("outcome", string(e.Outcome))
	}
	add("policy", e.Policy...)
	text("caller.kind", e.Caller.Kind)
	text("caller.device", e.Caller.Device)
	if !e.Caller.Account.IsZero() {
		text("caller.name", e.Caller.Name)
	}
	text("caller.method", e.Caller.Method)
	text("owner", e.Owner)
	add("kind", e.Kinds...)
	if e.Event != EventSearch {
		text("query", e.Query)
	}
	num("count", e.Count, 0)
	text("reason", e.Reason)
	for _, d := range []struct {
		key string
		d   Digest
	}{{"before", e.Before}, {"after", e.After}, {"file", e.File}} {
		if !d.d.IsZero() {
			add(d.key, d.d.String())
		}
	}
	if e.Anchor != nil {
		add("anchor", string(e.Anchor.append(nil)))
	}
	return ds
}
