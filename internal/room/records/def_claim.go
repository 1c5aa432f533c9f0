package records

// defClaim defines a bill to a payer.
func defClaim() Definition {
	return Definition{
		Type:        "Claim",
		Compartment: Compartment{Paths: []string{"patient"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/fm-status",
			Codes:  []string{"active", "cancelled", "draft", "entered-in-error"},
		},
		Search: []Param{
			{Name: "created", Kind: DateParam, Path: "created"},
			{Name: "encounter", Kind: ReferenceParam, Path: "item.encounter", Targets: []string{"Encounter"}},
			{Name: "facility", Kind: ReferenceParam, Path: "facility", Targets: []string{"Location"}},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "insurer", Kind: ReferenceParam, Path: "insurer", Targets: []string{"Organization"}},
			{Name: "provider", Kind: ReferenceParam, Path: "provider", Targets: []string{"Organization", "Practitioner", "PractitionerRole"}},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/fm-status"},
			{Name: "use", Kind: TokenParam, Path: "use", System: "http://hl7.org/fhir/claim-use"},
		},
		Order: "created",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "type", Kind: KindConcept, Required: true},
			{Path: "use", Kind: KindCode, Required: true, Codes: []string{"claim", "preauthorization", "predetermination"}},
			{Path: "patient", Kind: KindReference, Required: true},
			{Path: "created", Kind: KindDate, Required: true},
			{Path: "billablePeriod", Kind: KindPeriod},
			{Path: "provider", Kind: KindReference, Required: true},
			{Path: "priority", Kind: KindConcept, Required: true},
			{Path: "insurance", Kind: KindObject, List: true, Required: true},
		},
		Title: Title{One: Words{"Bill to your insurance", "Cuenta para su seguro"}, Many: Words{"Bills to your insurance", "Cuentas para su seguro"}},
		Show: []Field{
			{"item.productOrService|type", ShowCoded, Words{"For", "Por"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"created", ShowDate, Words{"Sent on", "Enviada el"}},
			{"billablePeriod", ShowPeriod, Words{"Day of the visit", "Día de la visita"}},
			{"provider", ShowReference, Words{"Asked by", "La pide"}},
			{"insurer", ShowReference, Words{"Insurance", "Seguro"}},
			{"total", ShowMoney, Words{"Amount asked", "Cantidad pedida"}},
		},
		Example: `{"resourceType":"Claim","id":"rosa-claim","status":"active","type":{"text":"professional"},"use":"claim","patient":{"reference":"Patient/rosa"},"created":"2026-03-02","provider":{"display":"Hillside Clinic"},"priority":{"text":"normal"},"insurance":[{"sequence":1,"focal":true,"coverage":{"display":"Acme Health"}}]}`,
	}
}
