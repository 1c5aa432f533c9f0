package records

// defExplanationOfBenefit defines what a payer decided.
func defExplanationOfBenefit() Definition {
	return Definition{
		Type:        "ExplanationOfBenefit",
		Compartment: Compartment{Paths: []string{"patient"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/explanationofbenefit-status",
			Codes:  []string{"active", "cancelled", "draft", "entered-in-error"},
		},
		Search: []Param{
			{Name: "claim", Kind: ReferenceParam, Path: "claim", Targets: []string{"Claim"}},
			{Name: "coverage", Kind: ReferenceParam, Path: "insurance.coverage", Targets: []string{"Coverage"}},
			{Name: "created", Kind: DateParam, Path: "created"},
			{Name: "encounter", Kind: ReferenceParam, Path: "item.encounter", Targets: []string{"Encounter"}},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "provider", Kind: ReferenceParam, Path: "provider", Targets: []string{"Organization", "Practitioner", "PractitionerRole"}},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/explanationofbenefit-status"},
		},
		Order: "created",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "type", Kind: KindConcept, Required: true},
			{Path: "use", Kind: KindCode, Required: true, Codes: []string{"claim", "preauthorization", "predetermination"}},
			{Path: "patient", Kind: KindReference, Required: true},
			{Path: "created", Kind: KindDate, Required: true},
			{Path: "billablePeriod", Kind: KindPeriod},
			{Path: "insurer", Kind: KindReference, Required: true},
			{Path: "provider", Kind: KindReference, Required: true},
			{Path: "outcome", Kind: KindCode, Required: true, Codes: []string{"queued", "complete", "error", "partial"}},
			{Path: "insurance", Kind: KindObject, List: true, Required: true},
		},
		Title: Title{One: Words{"Answer of your insurance", "Respuesta de su seguro"}, Many: Words{"Answers of your insurance", "Respuestas de su seguro"}},
		Show: []Field{
			{"item.productOrService|type", ShowCoded, Words{"For", "Por"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"outcome", ShowStatus, Words{"Decision", "Decisión"}},
			{"created", ShowDate, Words{"Decided on", "Decidida el"}},
			{"billablePeriod", ShowPeriod, Words{"Day of the visit", "Día de la visita"}},
			{"insurer", ShowReference, Words{"Insurance", "Seguro"}},
			{"provider", ShowReference, Words{"Clinic", "Clínica"}},
			{"payment.amount", ShowMoney, Words{"Insurance paid", "El seguro pagó"}},
			{"processNote.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"ExplanationOfBenefit","id":"rosa-eob","status":"active","type":{"text":"professional"},"use":"claim","patient":{"reference":"Patient/rosa"},"created":"2026-03-09","insurer":{"display":"Acme Health"},"provider":{"display":"Hillside Clinic"},"outcome":"complete","insurance":[{"focal":true,"coverage":{"display":"Acme Health"}}]}`,
	}
}
