package records

// defAllergyIntolerance defines an allergy or intolerance.
func defAllergyIntolerance() Definition {
	return Definition{
		Type:        "AllergyIntolerance",
		Compartment: Compartment{Paths: []string{"patient"}},
		Search: []Param{
			{Name: "category", Kind: TokenParam, Path: "category", System: "http://hl7.org/fhir/allergy-intolerance-category"},
			{Name: "clinical-status", Kind: TokenParam, Path: "clinicalStatus"},
			{Name: "code", Kind: TokenParam, Path: "code|reaction.substance"},
			{Name: "criticality", Kind: TokenParam, Path: "criticality", System: "http://hl7.org/fhir/allergy-intolerance-criticality"},
			{Name: "date", Kind: DateParam, Path: "recordedDate"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "onset", Kind: DateParam, Path: "reaction.onset"},
			{Name: "recorder", Kind: ReferenceParam, Path: "recorder", Targets: []string{"Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}},
			{Name: "type", Kind: TokenParam, Path: "type", System: "http://hl7.org/fhir/allergy-intolerance-type"},
			{Name: "verification-status", Kind: TokenParam, Path: "verificationStatus"},
		},
		Order: "recordedDate|onsetDateTime",
		Shape: []Element{
			{Path: "patient", Kind: KindReference, Required: true},
			{Path: "clinicalStatus", Kind: KindConcept},
			{Path: "verificationStatus", Kind: KindConcept},
			{Path: "type", Kind: KindCode, Codes: []string{"allergy", "intolerance"}},
			{Path: "category", Kind: KindCode, List: true, Codes: []string{"food", "medication", "environment", "biologic"}},
			{Path: "criticality", Kind: KindCode, Codes: []string{"low", "high", "unable-to-assess"}},
			{Path: "code", Kind: KindConcept},
			{Path: "encounter", Kind: KindReference},
			{Path: "onsetDateTime", Kind: KindDate},
			{Path: "recordedDate", Kind: KindDate},
			{Path: "reaction", Kind: KindObject, List: true},
			{Path: "reaction.manifestation", Kind: KindConcept, List: true},
			{Path: "note", Kind: KindObject, List: true},
			{Path: "identifier", Kind: KindIdentifier, List: true},
		},
		Title: Title{One: Words{"Allergy", "Alergia"}, Many: Words{"Allergies", "Alergias"}},
		Show: []Field{
			{"code", ShowCoded, Words{"Allergic to", "Alergia a"}},
			{"clinicalStatus", ShowStatus, Words{"Is it still so", "¿Sigue igual?"}},
			{"criticality", ShowStatus, Words{"Risk", "Riesgo"}},
			{"reaction.manifestation", ShowCoded, Words{"What happens", "Qué pasa"}},
			{"onsetDateTime", ShowDate, Words{"Since", "Desde"}},
			{"recordedDate", ShowDate, Words{"Written down on", "Anotada el"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"AllergyIntolerance","id":"rosa-peanut","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"category":["food"],"criticality":"high","code":{"text":"Peanut"},"patient":{"reference":"Patient/rosa"},"reaction":[{"manifestation":[{"text":"Hives"}]}]}`,
	}
}
