package records

// defEncounter defines a visit or stay.
func defEncounter() Definition {
	return Definition{
		Type:        "Encounter",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/encounter-status",
			Codes:  []string{"planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled", "entered-in-error", "unknown"},
		},
		Search: []Param{
			{Name: "class", Kind: TokenParam, Path: "class"},
			{Name: "date", Kind: DateParam, Path: "period"},
			{Name: "diagnosis", Kind: ReferenceParam, Path: "diagnosis.condition", Targets: []string{"Condition", "Procedure"}},
			{Name: "discharge-disposition", Kind: TokenParam, Path: "hospitalization.dischargeDisposition"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "location", Kind: ReferenceParam, Path: "location.location", Targets: []string{"Location"}},
			{Name: "participant", Kind: ReferenceParam, Path: "participant.individual", Targets: []string{"Practitioner", "PractitionerRole", "RelatedPerson"}},
			{Name: "reason-code", Kind: TokenParam, Path: "reasonCode"},
			{Name: "service-provider", Kind: ReferenceParam, Path: "serviceProvider", Targets: []string{"Organization"}},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/encounter-status"},
			{Name: "type", Kind: TokenParam, Path: "type"},
		},
		Order: "period",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "class", Kind: KindCoding, Required: true},
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "type", Kind: KindConcept, List: true},
			{Path: "period", Kind: KindPeriod},
			{Path: "participant", Kind: KindObject, List: true},
			{Path: "participant.individual", Kind: KindReference},
			{Path: "reasonCode", Kind: KindConcept, List: true},
			{Path: "serviceProvider", Kind: KindReference},
			{Path: "location", Kind: KindObject, List: true},
			{Path: "location.location", Kind: KindReference},
			{Path: "identifier", Kind: KindIdentifier, List: true},
		},
		Title: Title{One: Words{"Visit", "Visita"}, Many: Words{"Visits", "Visitas"}},
		Show: []Field{
			{"type|class", ShowCoded, Words{"Visit", "Visita"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"period", ShowPeriod, Words{"When", "Cuándo"}},
			{"participant.individual", ShowReference, Words{"With", "Con"}},
			{"reasonCode", ShowCoded, Words{"Reason", "Motivo"}},
			{"location.location", ShowReference, Words{"Where", "Dónde"}},
			{"serviceProvider", ShowReference, Words{"Clinic", "Clínica"}},
		},
		Example: `{"resourceType":"Encounter","id":"rosa-visit","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"type":[{"text":"Check-up"}],"subject":{"reference":"Patient/rosa"},"period":{"start":"2026-03-02T09:00:00-06:00","end":"2026-03-02T09:30:00-06:00"}}`,
	}
}
