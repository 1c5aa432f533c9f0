package records

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// standardParams says in our own words what FHIR R4 means by each parameter that the
// statement announces: written by hand from the standard's pages of the types, not made
// from the definitions. A line is a name, a kind, and the elements that are compared, "|"
// between alternatives; x[a b] is the choice x in the forms a and b. "us" marks a
// parameter that US Core 6.1 adds, "own" one of Postern's.
const standardParams = `
AllergyIntolerance
	category token category
	clinical-status token clinicalStatus
	code token code|reaction.substance
	criticality token criticality
	date date recordedDate
	identifier token identifier
	onset date reaction.onset
	recorder reference recorder
	type token type
	verification-status token verificationStatus
Appointment
	actor reference participant.actor
	appointment-type token appointmentType
	date date start
	identifier token identifier
	location reference participant.actor of Location
	practitioner reference participant.actor of Practitioner
	reason-code token reasonCode
	service-type token serviceType
	specialty token specialty
	status token status
CarePlan
	care-team reference careTeam
	category token category
	condition reference addresses
	date date period
	encounter reference encounter
	goal reference goal
	identifier token identifier
	intent token intent
	status token status
CareTeam
	category token category
	date date period
	encounter reference encounter
	identifier token identifier
	participant reference participant.member
	us role token participant.role
	status token status
Claim
	created date created
	encounter reference item.encounter
	facility reference facility
	identifier token identifier
	insurer reference insurer
	provider reference provider
	status token status
	use token use
Condition
	abatement-date date abatement[dateTime Period]
	category token category
	clinical-status token clinicalStatus
	code token code
	own date date onset[dateTime Period]|recordedDate
	encounter reference encounter
	identifier token identifier
	onset-date date onset[dateTime Period]
	recorded-date date recordedDate
	severity token severity
	verification-status token verificationStatus
Coverage
	identifier token identifier
	payor reference payor
	own period date period
	status token status
	type token type
Device
	identifier token identifier
	location reference location
	own manufacture-date date manufactureDate
	organization reference owner
	status token status
	type token type
DiagnosticReport
	category token category
	code token code
	date date effective[dateTime Period]
	encounter reference encounter
	identifier token identifier
	issued date issued
	performer reference performer
	result reference result
	specimen reference specimen
	status token status
DocumentReference
	author reference author
	category token category
	date date date
	encounter reference context.encounter of Encounter
	identifier token masterIdentifier|identifier
	period date context.period
	status token status
	type token type
Encounter
	class token class
	date date period
	diagnosis reference diagnosis.condition
	us discharge-disposition token hospitalization.dischargeDisposition
	identifier token identifier
	location reference location.location
	participant reference participant.individual
	reason-code token reasonCode
	service-provider reference serviceProvider
	status token status
	type token type
ExplanationOfBenefit
	claim reference claim
	coverage reference insurance.coverage
	created date created
	encounter reference item.encounter
	identifier token identifier
	provider reference provider
	status token status
Goal
	achievement-status token achievementStatus
	category token category
	us description token description
	identifier token identifier
	lifecycle-status token lifecycleStatus
	start-date date start[Date]
	target-date date target.due[Date]
ImagingStudy
	bodysite token series.bodySite
	encounter reference encounter
	identifier token identifier
	modality token series.modality
	reason token reasonCode
	started date started
	status token status
Immunization
	own code token vaccineCode
	date date occurrence[dateTime]
	identifier token identifier
	location reference location
	lot-number string lotNumber
	performer reference performer.actor
	status token status
	status-reason token statusReason
	vaccine-code token vaccineCode
Location
	address string address
	address-city string address.city
	address-postalcode string address.postalCode
	address-state string address.state
	identifier token identifier
	name string name|alias
	organization reference managingOrganization
	partof reference partOf
	status token status
	type token type
Medication
	code token code
	form token form
	identifier token identifier
	manufacturer reference manufacturer
	status token status
MedicationRequest
	authoredon date authoredOn
	category token category
	code token medication[CodeableConcept]
	encounter reference encounter
	identifier token identifier
	intent token intent
	medication reference medication[Reference]
	requester reference requester
	status token status
Observation
	category token category
	code token code
	date date effective[dateTime Period Instant]
	encounter reference encounter
	has-member reference hasMember
	identifier token identifier
	performer reference performer
	specimen reference specimen
	status token status
	value-concept token value[CodeableConcept]
Organization
	address string address
	address-city string address.city
	address-postalcode string address.postalCode
	address-state string address.state
	identifier token identifier
	name string name|alias
	partof reference partOf
	type token type
Patient
	birthdate date birthDate
	death-date date deceased[dateTime]
	family string name.family
	gender token gender
	general-practitioner reference generalPractitioner
	given string name.given
	identifier token identifier
	name string name
	organization reference managingOrganization
Practitioner
	family string name.family
	gender token gender
	given string name.given
	identifier token identifier
	name string name
PractitionerRole
	identifier token identifier
	location reference location
	organization reference organization
	practitioner reference practitioner
	role token code
	specialty token specialty
Procedure
	category token category
	code token code
	date date performed[dateTime Period]
	encounter reference encounter
	identifier token identifier
	location reference location
	performer reference performer.actor
	reason-reference reference reasonReference
	status token status
Provenance
	agent reference agent.who
	agent-type token agent.type
	recorded date recorded
	target reference target
QuestionnaireResponse
	author reference author
	authored date authored
	encounter reference encounter
	identifier token identifier
	questionnaire reference questionnaire
	status token status
RelatedPerson
	birthdate date birthDate
	own family string name.family
	gender token gender
	own given string name.given
	identifier token identifier
	name string name
	relationship token relationship
ServiceRequest
	authored date authoredOn
	category token category
	code token code
	encounter reference encounter
	identifier token identifier
	intent token intent
	occurrence date occurrence[dateTime Period]
	performer reference performer
	requester reference requester
	specimen reference specimen
	status token status
Specimen
	accession token accessionIdentifier
	collected date collection.collected[dateTime Period]
	identifier token identifier
	status token status
	type token type
`

// meant is one line of the table.
type meant struct{ by, kind, path, of string }

func standard(t *testing.T) map[string]map[string]meant {
	t.Helper()
	out, typ := map[string]map[string]meant{}, ""
	for line := range strings.Lines(strings.TrimPrefix(standardParams, "\n")) {
		if !strings.HasPrefix(line, "\t") {
			typ = strings.TrimSpace(line)
			out[typ] = map[string]meant{}
			continue
		}
		rest, m := strings.TrimSpace(line), meant{by: "R4"}
		for _, by := range []string{"us", "own"} {
			if after, ok := strings.CutPrefix(rest, by+" "); ok {
				m.by, rest = by, after
			}
		}
		rest, m.of, _ = strings.Cut(rest, " of ")
		f := strings.SplitN(rest, " ", 3)
		if len(f) != 3 {
			t.Fatalf("malformed line %q", line)
		}
		m.kind, m.path = f[1], spelt(f[2])
		out[typ][f[0]] = m
	}
	return out
}

// spelt writes choices out: x[dateTime Period] is xDateTime|xPeriod.
func spelt(path string) string {
	var out []string
	for alt := range strings.SplitSeq(path, "|") {
		name, forms, choice := strings.Cut(strings.TrimSuffix(alt, "]"), "[")
		if !choice {
			out = append(out, name)
			continue
		}
		for form := range strings.FieldsSeq(forms) {
			out = append(out, name+strings.ToUpper(form[:1])+form[1:])
		}
	}
	return strings.Join(out, "|")
}

// A parameter means what the standard means by it; what does not is written down where
// programs' authors look.
func TestParametersMeanWhatTheStandardSays(t *testing.T) {
	covers.Covers(t, "SD-3")
	page, err := os.ReadFile("../../../docs/fhir-divergences.md")
	if err != nil {
		t.Fatal(err)
	}
	want := standard(t)
	for _, d := range Definitions() {
		said := want[d.Type]
		for _, p := range d.Search {
			m, ok := said[p.Name]
			delete(said, p.Name)
			kind := map[ParamKind]string{TokenParam: "token", DateParam: "date", StringParam: "string", ReferenceParam: "reference"}[p.Kind]
			if !ok || m.kind != kind || m.path != p.Path || m.of != "" && !slices.Equal(p.Targets, []string{m.of}) {
				t.Errorf("%s.%s compares the %s at %q of %v; the table has %+v", d.Type, p.Name, kind, p.Path, p.Targets, m)
			}
			if m.by != "R4" && !strings.Contains(string(page), fmt.Sprintf("`%s` of %s", p.Name, d.Type)) {
				t.Errorf("docs/fhir-divergences.md does not say that `%s` of %s is none of R4's", p.Name, d.Type)
			}
		}
		for name := range said {
			t.Errorf("%s.%s is in the table and not announced", d.Type, name)
		}
		delete(want, d.Type)
	}
	if len(want) > 0 {
		t.Errorf("types that are not there: %v", want)
	}
}

// Rosa's allergy is found by when she had a reaction, and a document by the number that
// its source gives all its copies.
func TestAllergiesByReactionAndDocumentsByMasterNumber(t *testing.T) {
	covers.Covers(t, "SD-3")
	eachStore(t, func(t *testing.T, k *clinicKit) {
		chart := k.load(t, []byte(bundleOf(rosa,
			`{"resourceType":"AllergyIntolerance","id":"nuts","code":{"text":"Nuts"},"patient":{"reference":"Patient/rosa"},"onsetDateTime":"1990","recordedDate":"2026-01-02","reaction":[{"manifestation":[{"text":"Hives"}],"onset":"2024-05-06"}]}`,
			`{"resourceType":"DocumentReference","id":"letter","masterIdentifier":{"system":"urn:ietf:rfc:3986","value":"urn:oid:1.2.3"},"identifier":[{"value":"L-7"}],"status":"current","content":[{"attachment":{"contentType":"text/plain"}}],"subject":{"reference":"Patient/rosa"}}`,
		))).Patient
		c := k.people.Add(t, chart, k.Clock.Now(), person.RolePatient)
		for _, ask := range []struct {
			typ, text string
			n         int
		}{
			{"AllergyIntolerance", "onset=2024-05", 1}, {"AllergyIntolerance", "onset=1990", 0}, {"AllergyIntolerance", "_sort=-onset", 1},
			{"DocumentReference", "identifier=urn:ietf:rfc:3986|urn:oid:1.2.3", 1}, {"DocumentReference", "identifier=L-7", 1}, {"DocumentReference", "identifier=L-8", 0},
		} {
			if f, err := k.store.Search(t.Context(), c, ask.typ, ask.text); err != nil || f.Total != ask.n {
				t.Errorf("%s?%s: %d, %v, want %d", ask.typ, ask.text, f.Total, err, ask.n)
			}
		}
	})
}

// A chart that was indexed when onset was another element is indexed anew when it is
// opened next: no answer comes from the former meaning.
func TestAnotherMeaningMakesTheIndexAnew(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		defs := Definitions()
		i := slices.IndexFunc(defs, func(d Definition) bool { return d.Type == "AllergyIntolerance" })
		defs[i].Search = slices.Clone(defs[i].Search)
		j := slices.IndexFunc(defs[i].Search, func(p Param) bool { return p.Name == "onset" })
		defs[i].Search[j].Path = "onsetDateTime|onsetPeriod"
		before, err := NewCatalogue(defs)
		if err != nil {
			t.Fatal(err)
		}
		k = k.upgrade(t, before, job)
		chart := k.load(t, []byte(bundleOf(rosa, `{"resourceType":"AllergyIntolerance","id":"nuts","code":{"text":"Nuts"},"patient":{"reference":"Patient/rosa"},"onsetDateTime":"1990","reaction":[{"manifestation":[{"text":"Hives"}],"onset":"2024-05-06"}]}`))).Patient
		c := k.people.Add(t, chart, k.Clock.Now(), person.RolePatient)
		total := func(text string) int {
			t.Helper()
			f, err := k.store.Search(t.Context(), c, "AllergyIntolerance", text)
			if err != nil {
				t.Fatal(err)
			}
			return f.Total
		}
		if total("onset=1990") != 1 {
			t.Fatal("the former meaning finds nothing")
		}
		k = k.upgrade(t, catalogue(t), job)
		if total("onset=1990") != 0 || total("onset=2024") != 1 {
			t.Error("the index still has the former meaning")
		}
	})
}
