package audit

// The part of FHIR R4 AuditEvent (http://hl7.org/fhir/R4/auditevent.html) that
// entries use. Fields are in the order of the specification.

type fhirEvent struct {
	ResourceType string       `json:"resourceType"`
	ID           string       `json:"id"`
	Meta         *fhirMeta    `json:"meta,omitempty"`
	Type         fhirCoding   `json:"type"`
	Subtype      []fhirCoding `json:"subtype,omitempty"`
	Action       string       `json:"action"`
	Recorded     string       `json:"recorded"`
	Outcome      string       `json:"outcome"`
	OutcomeDesc  string       `json:"outcomeDesc,omitempty"`
	Agent        []fhirAgent  `json:"agent"`
	Source       fhirSource   `json:"source"`
	Entity       []fhirEntity `json:"entity,omitempty"`
}

type fhirMeta struct {
	Profile []string `json:"profile"`
}

type fhirCoding struct {
	System string `json:"system,omitempty"`
	Code   string `json:"code"`
}

type fhirConcept struct {
	Coding []fhirCoding `json:"coding"`
}

type fhirIdentifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value"`
}

type fhirReference struct {
	Reference  string          `json:"reference,omitempty"`
	Identifier *fhirIdentifier `json:"identifier,omitempty"`
	Display    string          `json:"display,omitempty"`
}

type fhirNetwork struct {
	Address string `json:"address,omitempty"`
	Type    string `json:"type"`
}

type fhirAgent struct {
	Type         fhirConcept   `json:"type"`
	Role         []fhirConcept `json:"role,omitempty"`
	Who          fhirReference `json:"who"`
	Requestor    bool          `json:"requestor"`
	Network      *fhirNetwork  `json:"network,omitempty"`
	PurposeOfUse []fhirConcept `json:"purposeOfUse,omitempty"`
}

type fhirSource struct {
	Observer fhirReference `json:"observer"`
}

type fhirDetail struct {
	Type  string `json:"type"`
	Value string `json:"valueString"`
}

type fhirEntity struct {
	What   *fhirReference `json:"what,omitempty"`
	Type   fhirCoding     `json:"type"`
	Role   *fhirCoding    `json:"role,omitempty"`
	Query  []byte         `json:"query,omitempty"` // encoding/json writes base64
	Detail []fhirDetail   `json:"detail,omitempty"`
}

// Code systems.
const (
	sysEventType  = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	sysRest       = "http://hl7.org/fhir/restful-interaction"
	sysDICOM      = "http://dicom.nema.org/resources/ontology/DCM"
	sysEntityType = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	sysObjectRole = "http://terminology.hl7.org/CodeSystem/object-role"
	sysPartType   = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	sysRoleCode   = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
	sysActReason  = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	sysProvenance = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	sysBALPEntity = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
	balpProfile   = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
	sysPostern    = "urn:postern:" // what only Postern says: roles, identifiers, the log entry itself
)
