package records

// defQuestionnaireResponse defines answers to a questionnaire.
func defQuestionnaireResponse() Definition {
	return Definition{
		Type:        "QuestionnaireResponse",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/questionnaire-answers-status",
			Codes:  []string{"in-progress", "completed", "amended", "entered-in-error", "stopped"},
		},
		Search: []Param{
			{Name: "author", Kind: ReferenceParam, Path: "author", Targets: []string{"Device", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}},
			{Name: "authored", Kind: DateParam, Path: "authored"},
			{Name: "encounter", Kind: ReferenceParam, Path: "encounter", Targets: []string{"Encounter"}},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "questionnaire", Kind: ReferenceParam, Path: "questionnaire"},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/questionnaire-answers-status"},
		},
		Order: "authored",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "authored", Kind: KindDate},
			{Path: "item", Kind: KindObject, List: true},
		},
		Title: Title{One: Words{"Form with answers", "Formulario con respuestas"}, Many: Words{"Forms with answers", "Formularios con respuestas"}},
		Show: []Field{
			{"item", ShowAnswers, Words{"Answers", "Respuestas"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"authored", ShowDate, Words{"Filled in on", "Llenado el"}},
			{"source", ShowReference, Words{"Filled in by", "Lo llenó"}},
		},
		Example: `{"resourceType":"QuestionnaireResponse","id":"rosa-answers","status":"completed","subject":{"reference":"Patient/rosa"},"authored":"2026-03-02"}`,
	}
}
