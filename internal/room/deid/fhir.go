package deid

import "encoding/json"

// The structs below are the part of FHIR R4 that the stories need, in the
// order in which the specification lists the elements. They exist to be
// written, never read, so they are no model of FHIR for other packages.

type coding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

type concept struct {
	Coding []coding `json:"coding,omitempty"`
	Text   string   `json:"text,omitempty"`
}

type ref struct {
	Reference string `json:"reference,omitempty"` // absent for somebody who is known by name alone
	Display   string `json:"display,omitempty"`
}

type identifier struct {
	Use    string `json:"use,omitempty"`
	System string `json:"system"`
	Value  string `json:"value"`
}

type period struct {
	Start string `json:"start,omitempty"`
	End   string `json:"end,omitempty"`
}

// quantity carries its value as the text that a laboratory wrote: 1.10 is not 1.1.
type quantity struct {
	Comparator string      `json:"comparator,omitempty"`
	Value      json.Number `json:"value"`
	Unit       string      `json:"unit"`
	System     string      `json:"system"`
	Code       string      `json:"code"`
}

type meta struct {
	Tag []coding `json:"tag"`
}

type narrative struct {
	Status string `json:"status"`
	Div    string `json:"div"`
}

type annotation struct {
	Text string `json:"text"`
}

// header begins every resource.
type header struct {
	ResourceType string     `json:"resourceType"`
	ID           string     `json:"id"`
	Meta         *meta      `json:"meta,omitempty"`
	Language     string     `json:"language,omitempty"`
	Text         *narrative `json:"text,omitempty"`
}

func (h header) kind() string     { return h.ResourceType }
func (h header) identity() string { return h.ID }

// resource is what a bundle entry can hold: anything that begins with a header.
type resource interface {
	kind() string
	identity() string
}

type humanName struct {
	Use    string   `json:"use"`
	Text   string   `json:"text"`
	Family string   `json:"family"`
	Given  []string `json:"given"`
	Prefix []string `json:"prefix,omitempty"`
	Suffix []string `json:"suffix,omitempty"`
}

type contactPoint struct {
	System string `json:"system"`
	Value  string `json:"value"`
	Use    string `json:"use"`
}

type address struct {
	Use        string   `json:"use,omitempty"`
	Line       []string `json:"line"`
	City       string   `json:"city"`
	State      string   `json:"state"`
	PostalCode string   `json:"postalCode"`
	Country    string   `json:"country"`
}

type communication struct {
	Language  concept `json:"language"`
	Preferred bool    `json:"preferred"`
}

type patientContact struct {
	Relationship []concept      `json:"relationship"`
	Name         humanName      `json:"name"`
	Telecom      []contactPoint `json:"telecom"`
}

type patientResource struct {
	header
	Identifier          []identifier     `json:"identifier"`
	Active              bool             `json:"active"`
	Name                []humanName      `json:"name"`
	Telecom             []contactPoint   `json:"telecom"`
	Gender              string           `json:"gender"`
	BirthDate           string           `json:"birthDate"`
	Address             []address        `json:"address"`
	Contact             []patientContact `json:"contact,omitempty"`
	Communication       []communication  `json:"communication"`
	GeneralPractitioner []ref            `json:"generalPractitioner,omitempty"`
	ManagingOrg         *ref             `json:"managingOrganization,omitempty"`
}

type practitionerResource struct {
	header
	Identifier []identifier   `json:"identifier"`
	Active     bool           `json:"active"`
	Name       []humanName    `json:"name"`
	Telecom    []contactPoint `json:"telecom"`
	Gender     string         `json:"gender"`
}

type practitionerRoleResource struct {
	header
	Active       bool           `json:"active"`
	Practitioner ref            `json:"practitioner"`
	Organization ref            `json:"organization"`
	Code         []concept      `json:"code"`
	Specialty    []concept      `json:"specialty,omitempty"`
	Location     []ref          `json:"location"`
	Telecom      []contactPoint `json:"telecom"`
}

type organizationResource struct {
	header
	Identifier []identifier   `json:"identifier"`
	Active     bool           `json:"active"`
	Type       []concept      `json:"type"`
	Name       string         `json:"name"`
	Telecom    []contactPoint `json:"telecom"`
	Address    []address      `json:"address"`
	PartOf     *ref           `json:"partOf,omitempty"`
}

type locationResource struct {
	header
	Status       string         `json:"status"`
	Name         string         `json:"name"`
	Telecom      []contactPoint `json:"telecom"`
	Address      address        `json:"address"`
	ManagingOrgs ref            `json:"managingOrganization"`
}

type participant struct {
	Individual ref `json:"individual"`
}

type encounterLocation struct {
	Location ref `json:"location"`
}

type encounterResource struct {
	header
	Status          string              `json:"status"`
	Class           coding              `json:"class"`
	Type            []concept           `json:"type"`
	Subject         ref                 `json:"subject"`
	Participant     []participant       `json:"participant,omitempty"`
	Period          period              `json:"period"`
	ReasonCode      []concept           `json:"reasonCode"`
	Location        []encounterLocation `json:"location,omitempty"`
	ServiceProvider ref                 `json:"serviceProvider"`
}

type conditionResource struct {
	header
	ClinicalStatus     concept   `json:"clinicalStatus"`
	VerificationStatus concept   `json:"verificationStatus"`
	Category           []concept `json:"category"`
	Code               concept   `json:"code"`
	Subject            ref       `json:"subject"`
	Onset              string    `json:"onsetDateTime"`
	Abatement          string    `json:"abatementDateTime,omitempty"`
	RecordedDate       string    `json:"recordedDate"`
	Recorder           *ref      `json:"recorder,omitempty"`
}

type referenceRange struct {
	Low  *quantity `json:"low,omitempty"`
	High *quantity `json:"high,omitempty"`
	Type *concept  `json:"type,omitempty"`
	Text string    `json:"text,omitempty"`
}

type component struct {
	Code           concept          `json:"code"`
	Value          quantity         `json:"valueQuantity"`
	Interpretation []concept        `json:"interpretation,omitempty"`
	ReferenceRange []referenceRange `json:"referenceRange,omitempty"`
}

type observationResource struct {
	header
	Status         string           `json:"status"`
	Category       []concept        `json:"category"`
	Code           concept          `json:"code"`
	Subject        ref              `json:"subject"`
	Encounter      *ref             `json:"encounter,omitempty"`
	Effective      string           `json:"effectiveDateTime"`
	Issued         string           `json:"issued"`
	Performer      []ref            `json:"performer"`
	Value          *quantity        `json:"valueQuantity,omitempty"`
	ValueConcept   *concept         `json:"valueCodeableConcept,omitempty"`
	Interpretation []concept        `json:"interpretation,omitempty"`
	Note           []annotation     `json:"note,omitempty"`
	ReferenceRange []referenceRange `json:"referenceRange,omitempty"`
	Component      []component      `json:"component,omitempty"`
}

type reportResource struct {
	header
	Status       string    `json:"status"`
	Category     []concept `json:"category"`
	Code         concept   `json:"code"`
	Subject      ref       `json:"subject"`
	Encounter    *ref      `json:"encounter,omitempty"`
	Effective    string    `json:"effectiveDateTime"`
	Issued       string    `json:"issued"`
	Performer    []ref     `json:"performer"`
	Result       []ref     `json:"result,omitempty"`
	ImagingStudy []ref     `json:"imagingStudy,omitempty"`
	Conclusion   string    `json:"conclusion,omitempty"`
}

type medicationResource struct {
	header
	Code   concept `json:"code"`
	Status string  `json:"status,omitempty"`
	Form   concept `json:"form"`
}

type timingRepeat struct {
	Frequency  int    `json:"frequency"`
	Period     int    `json:"period"`
	PeriodUnit string `json:"periodUnit"`
}

type timing struct {
	Repeat timingRepeat `json:"repeat"`
}

type doseQuantity struct {
	Value json.Number `json:"value"`
	Unit  string      `json:"unit"`
}

type doseAndRate struct {
	DoseQuantity doseQuantity `json:"doseQuantity"`
}

type dosage struct {
	Text        string        `json:"text"`
	Timing      *timing       `json:"timing,omitempty"`
	AsNeeded    *bool         `json:"asNeededBoolean,omitempty"`
	Route       *concept      `json:"route,omitempty"`
	DoseAndRate []doseAndRate `json:"doseAndRate,omitempty"`
}

type medicationRequestResource struct {
	header
	Contained         []medicationResource `json:"contained,omitempty"`
	Status            string               `json:"status"`
	StatusReason      *concept             `json:"statusReason,omitempty"`
	Intent            string               `json:"intent"`
	Medication        *concept             `json:"medicationCodeableConcept,omitempty"`
	MedicationRef     *ref                 `json:"medicationReference,omitempty"`
	Subject           ref                  `json:"subject"`
	AuthoredOn        string               `json:"authoredOn"`
	Requester         ref                  `json:"requester"`
	ReasonCode        []concept            `json:"reasonCode,omitempty"`
	DosageInstruction []dosage             `json:"dosageInstruction"`
}

type reaction struct {
	Manifestation []concept `json:"manifestation"`
	Severity      string    `json:"severity"`
}

type allergyResource struct {
	header
	ClinicalStatus     concept    `json:"clinicalStatus"`
	VerificationStatus concept    `json:"verificationStatus"`
	Type               string     `json:"type"`
	Category           []string   `json:"category"`
	Criticality        string     `json:"criticality"`
	Code               concept    `json:"code"`
	Patient            ref        `json:"patient"`
	RecordedDate       string     `json:"recordedDate"`
	Reaction           []reaction `json:"reaction,omitempty"`
}

type protocolApplied struct {
	DoseNumber int `json:"doseNumberPositiveInt"`
}

type immunizationPerformer struct {
	Actor ref `json:"actor"`
}

type immunizationResource struct {
	header
	Status          string                  `json:"status"`
	VaccineCode     concept                 `json:"vaccineCode"`
	Patient         ref                     `json:"patient"`
	Occurrence      string                  `json:"occurrenceDateTime"`
	PrimarySource   bool                    `json:"primarySource"`
	Location        *ref                    `json:"location,omitempty"`
	Performer       []immunizationPerformer `json:"performer"`
	ProtocolApplied []protocolApplied       `json:"protocolApplied,omitempty"`
}

type procedureResource struct {
	header
	Status     string       `json:"status"`
	Code       concept      `json:"code"`
	Subject    ref          `json:"subject"`
	Performed  string       `json:"performedDateTime"`
	Performer  []actor      `json:"performer,omitempty"`
	Location   *ref         `json:"location,omitempty"`
	ReasonCode []concept    `json:"reasonCode,omitempty"`
	Note       []annotation `json:"note,omitempty"`
}

type actor struct {
	Actor ref `json:"actor"`
}
