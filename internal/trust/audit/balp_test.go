package audit_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/audit"
)

// A structural checker for IHE BALP, written from the profiles' FSH sources
// (IHE ITI.BasicAudit, PatientRead.fsh, PatientQuery.fsh, PatientCreate.fsh,
// PatientUpdate.fsh, PatientDelete.fsh) and from AuditEvent in FHIR R4. It knows
// nothing of Postern's types: it reads the JSON as anybody would.

type m = map[string]any

type balp struct {
	subtype        []string // codes allowed in restful-interaction
	action         string
	client, server [2]string
	user           []string
	entity         string // "data" or "query"
}

const dcm = "http://dicom.nema.org/resources/ontology/DCM"

var (
	dataSources = []string{"AUT", "INF", "CST"}
	source      = [2]string{dcm, "110153"}
	destination = [2]string{dcm, "110152"}
	profiles    = map[string]balp{
		"Read":   {[]string{"read", "vread"}, "R", destination, source, []string{"IRCP"}, "data"},
		"Query":  {[]string{"search", "search-type", "search-system"}, "E", source, destination, []string{"IRCP"}, "query"},
		"Create": {[]string{"create"}, "C", source, destination, dataSources, "data"},
		"Update": {[]string{"update", "patch"}, "U", source, destination, dataSources, "data"},
		"Delete": {[]string{"delete"}, "D", [2]string{dcm, "110150"},
			[2]string{"http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian"}, dataSources, "data"},
	}
)

func list(v any) []m {
	var out []m
	items, _ := v.([]any)
	for _, x := range items {
		out = append(out, x.(m))
	}
	return out
}

func coding(v any) (c [2]string) {
	if x, ok := v.(m); ok {
		c[0], _ = x["system"].(string)
		c[1], _ = x["code"].(string)
	}
	return c
}

func concept(v any) [2]string {
	x, _ := v.(m)
	if cs := list(x["coding"]); len(cs) > 0 {
		return coding(cs[0])
	}
	return [2]string{}
}

// checkR4 checks the cardinalities of AuditEvent itself: type 1..1, recorded 1..1,
// agent 1..* with requestor 1..1, source.observer 1..1, and no empty values anywhere.
func checkR4(ev m) (errs []error) {
	bad := func(f string, a ...any) { errs = append(errs, fmt.Errorf(f, a...)) }
	if ev["resourceType"] != "AuditEvent" || coding(ev["type"])[1] == "" || ev["recorded"] == "" {
		bad("resourceType, type, recorded are required")
	}
	if !slices.Contains([]any{"0", "4", "8", "12"}, ev["outcome"]) || !slices.Contains([]any{"C", "R", "U", "D", "E"}, ev["action"]) {
		bad("outcome %v, action %v", ev["outcome"], ev["action"])
	}
	if src, _ := ev["source"].(m); src["observer"] == nil {
		bad("source.observer is required")
	}
	agents := list(ev["agent"])
	if len(agents) == 0 {
		bad("agent 1..*")
	}
	for _, a := range agents {
		if _, ok := a["requestor"].(bool); !ok {
			bad("agent.requestor 1..1")
		}
	}
	for _, e := range list(ev["entity"]) {
		if e["name"] != nil && e["query"] != nil {
			bad("sev-1: either a name or a query") // invariant of R4
		}
	}
	return errs
}

// checkProfile checks one event against the profile that it names.
func checkProfile(name string, ev m) (errs []error) {
	bad := func(f string, a ...any) { errs = append(errs, fmt.Errorf(name+": "+f, a...)) }
	base, isPatient := strings.CutPrefix(name, "Patient")
	p, ok := profiles[base]
	if !ok {
		return []error{fmt.Errorf("unknown profile %s", name)}
	}
	if coding(ev["type"]) != [2]string{"http://terminology.hl7.org/CodeSystem/audit-event-type", "rest"} {
		bad("type is rest")
	}
	subs := list(ev["subtype"])
	if len(subs) != 1 || !slices.Contains(p.subtype, coding(subs[0])[1]) || coding(subs[0])[0] != "http://hl7.org/fhir/restful-interaction" {
		bad("subtype %v", subs)
	}
	if ev["action"] != p.action || ev["outcome"] != "0" {
		bad("action %v outcome %v", ev["action"], ev["outcome"])
	}
	errs = append(errs, checkAgents(name, p, list(ev["agent"]))...)
	return append(errs, checkEntities(name, p, isPatient, list(ev["entity"]))...)
}

func checkAgents(name string, p balp, agents []m) (errs []error) {
	count := map[string]int{}
	for _, a := range agents {
		t := concept(a["type"])
		switch {
		case t == p.client || t == p.server:
			count[t[1]]++
			if a["who"] == nil || a["network"] == nil || a["media"] != nil {
				errs = append(errs, fmt.Errorf("%s: system agent needs who and network, no media", name))
			}
			if p.action == "D" && (a["role"] != nil || a["policy"] != nil || a["purposeOfUse"] != nil) {
				errs = append(errs, fmt.Errorf("%s: system agent has role, policy or purpose", name))
			}
		case t[0] == "http://terminology.hl7.org/CodeSystem/v3-ParticipationType":
			count["user"]++
			if !slices.Contains(p.user, t[1]) || a["who"] == nil || a["requestor"] != true || a["network"] != nil || a["media"] != nil {
				errs = append(errs, fmt.Errorf("%s: user agent %v", name, a))
			}
		}
	}
	if count[p.client[1]] != 1 || count[p.server[1]] != 1 || count["user"] > 1 {
		errs = append(errs, fmt.Errorf("%s: agents client 1..1, server 1..1, user 0..1: %v", name, count))
	}
	return errs
}

func checkEntities(name string, p balp, isPatient bool, entities []m) (errs []error) {
	count := map[string]int{}
	for _, e := range entities {
		t := coding(e["type"])
		kind := t[1]
		if t[0] == "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType" {
			kind = "transaction"
			what, _ := e["what"].(m)
			if id, _ := what["identifier"].(m); id["value"] == nil || id["value"] == "" {
				errs = append(errs, fmt.Errorf("%s: transaction without value", name))
			}
		}
		count[kind]++
		role := coding(e["role"])[1]
		what, _ := e["what"].(m)
		switch {
		case kind == "2" && p.entity == "query":
			if role != "24" || e["query"] == nil || e["query"] == "" || e["what"] != nil || e["detail"] != nil {
				errs = append(errs, fmt.Errorf("%s: query entity %v", name, e))
			}
		case kind == "2":
			if !slices.Contains([]string{"3", "4", "20"}, role) || what == nil || e["detail"] != nil || e["name"] != nil {
				errs = append(errs, fmt.Errorf("%s: data entity %v", name, e))
			}
		case kind == "1":
			ref, _ := what["reference"].(string)
			if role != "1" || !strings.HasPrefix(ref, "Patient/") || e["detail"] != nil {
				errs = append(errs, fmt.Errorf("%s: patient entity %v", name, e))
			}
		}
	}
	if count["2"] != 1 || count["transaction"] > 1 || isPatient && count["1"] != 1 || !isPatient && count["1"] != 0 {
		errs = append(errs, fmt.Errorf("%s: entities %v", name, count))
	}
	return errs
}

// check runs every check that applies to an AuditEvent, and returns its profile.
func check(b []byte) (string, error) {
	var ev m
	if err := json.Unmarshal(b, &ev); err != nil {
		return "", err
	}
	errs := checkR4(ev)
	meta, _ := ev["meta"].(m)
	if meta == nil {
		return "", errors.Join(errs...)
	}
	url := meta["profile"].([]any)[0].(string)
	name := strings.TrimPrefix(url, "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.")
	return name, errors.Join(append(errs, checkProfile(name, ev)...)...)
}

// Every entry becomes an AuditEvent without loss, and every AuditEvent that names a
// profile has its shape.
func TestAuditEventRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEntry(t)
		b, err := e.AuditEvent()
		if err != nil {
			t.Fatal(err)
		}
		got, err := audit.ParseAuditEvent(b)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("entry\n%+v\nas\n%s\nreads back as\n%+v (%v)", e, b, got, err)
		}
		if _, err := check(b); err != nil {
			t.Fatalf("%s\n%v", b, err)
		}
	})
}

// Covers HC-7b, HC-7c: the profile follows from event, patient, object and outcome.
func TestAuditEventProfiles(t *testing.T) {
	for _, c := range []struct {
		want string
		edit func(*audit.Entry)
	}{
		{"PatientRead", func(e *audit.Entry) {}},
		{"Read", func(e *audit.Entry) { e.Patient = audit.Entry{}.Patient }},
		{"PatientQuery", func(e *audit.Entry) { e.Event, e.Query = audit.EventSearch, "code=718-7" }},
		{"PatientQuery", func(e *audit.Entry) { e.Event, e.Objects, e.Query = audit.EventSearch, nil, "" }},
		{"PatientCreate", func(e *audit.Entry) { e.Event = audit.EventCreate }},
		{"PatientUpdate", func(e *audit.Entry) { e.Event = audit.EventUpdate }},
		{"PatientDelete", func(e *audit.Entry) { e.Event = audit.EventDelete }},
		{"", func(e *audit.Entry) { e.Objects = nil }},
		{"", func(e *audit.Entry) { e.Outcome = audit.Refused }},
		{"", func(e *audit.Entry) { e.Event, e.Outcome = audit.EventDelete, audit.Failed }},
		{"", func(e *audit.Entry) { e.Event = audit.EventSignIn }},
	} {
		e := fullEntry()
		c.edit(&e)
		b, err := e.AuditEvent()
		if err != nil {
			t.Fatal(err)
		}
		got, err := check(b)
		if err != nil || got != c.want {
			t.Errorf("profile %q, want %q: %v\n%s", got, c.want, err, b)
		}
	}
}

// A proxy's event names both: who acted and for whom; the search stands in base64.
func TestAuditEventNamesProxyAndQuery(t *testing.T) {
	e := fullEntry()
	e.Event = audit.EventSearch
	b, _ := e.AuditEvent()
	s := string(b)
	for _, want := range []string{e.Caller.Account.String(), `"DELEGATOR"`, "pat-elder", `"requestor":true`, "PATRQT", "txn-1",
		base64.StdEncoding.EncodeToString([]byte("?code=1")), "192.0.2.7", "portal.example", `"XrequestId"`} {
		if !strings.Contains(s, want) {
			t.Errorf("AuditEvent lacks %s:\n%s", want, s)
		}
	}
}

func TestParseAuditEventIsStrict(t *testing.T) {
	b, _ := fullEntry().AuditEvent()
	s := string(b)
	for name, bad := range map[string]string{
		"empty":          "",
		"unknown":        strings.Replace(s, `"action"`, `"evil":1,"action"`, 1),
		"id":             strings.Replace(s, `"id":"7"`, `"id":"x"`, 1),
		"recorded":       strings.Replace(s, `"recorded":"2026`, `"recorded":"26`, 1),
		"subtype":        strings.Replace(s, `"code":"read"`, `"code":"vread"`, 1),
		"account":        strings.Replace(s, `"value":"acc-`, `"value":"pat-`, 1),
		"patient":        strings.Replace(s, `"Patient/`, `"Patient/x`, 1),
		"unknown detail": strings.Replace(s, `"type":"event"`, `"type":"evil"`, 1),
		"bad number":     strings.Replace(s, `"lastAnchor","valueString":"7"`, `"lastAnchor","valueString":"x"`, 1),
		"bad digest":     strings.Replace(s, `"before","valueString":"`, `"before","valueString":"!`, 1),
		"bad anchor":     strings.Replace(s, `"anchor","valueString":"{`, `"anchor","valueString":"`, 1),
		"no what":        strings.Replace(s, `"entity":[`, `"entity":[{"type":{"code":"2"}},`, 1),
		"empty type":     strings.Replace(s, `"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"DELEGATOR"}]}`, `"type":{"coding":[]}`, 1),
		"empty role":     strings.Replace(s, `"role":[{"coding":[{"system":"urn:postern:role","code":"patient"}]}]`, `"role":[{"coding":[]}]`, 1),
		"moved":          strings.Replace(s, `"outcomeDesc":"denied",`, ``, 1) + " ",
	} {
		got, err := audit.ParseAuditEvent([]byte(bad))
		if name == "moved" { // a shorter event is another entry, not an error
			if err != nil || got.Fault != "" {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, audit.ErrAuditEvent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseAuditEvent(f *testing.F) {
	b, _ := fullEntry().AuditEvent()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := audit.ParseAuditEvent(b)
		if err != nil {
			return
		}
		if _, err := e.AuditEvent(); err != nil {
			t.Fatal(err)
		}
	})
}
