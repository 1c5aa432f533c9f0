package records

// defCondition defines a problem or diagnosis.
func defCondition() Definition {
	return Definition{
		Type:        "Condition",
		Compartment: Compartment{Paths: []string{"subject"}},
		Search: []Param{
			{Name: "abatement-date", Kind: DateParam, Path: "abatementDateTime|abatementPeriod"},
			{Name: "category", Kind: TokenParam, Path: "category"},
			{Name: "clinical-status", Kind: TokenParam, Path: "clinicalStatus"},
			{Name: "code", Kind: TokenParam, Path: "code"},
			{Name: "date", Kind: DateParam, Path: "onsetDateTime|onsetPeriod|recordedDate"},
			{Name: "encounter", Kind: ReferenceParam, Path: "encounter", Targets: []string{"Encounter"}},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "onset-date", Kind: DateParam, Path: "onsetDateTime|onsetPeriod"},
			{Name: "recorded-date", Kind: DateParam, Path: "recordedDate"},
			{Name: "severity", Kind: TokenParam, Path: "severity"},
			{Name: "verification-status", Kind: TokenParam, Path: "verificationStatus"},
		},
		Order: "onsetDateTime|onsetPeriod|recordedDate",
		Shape: []Element{
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "clinicalStatus", Kind: KindConcept},
			{Path: "verificationStatus", Kind: KindConcept},
			{Path: "category", Kind: KindConcept, List: true},
			{Path: "severity", Kind: KindConcept},
			{Path: "code", Kind: KindConcept},
			{Path: "bodySite", Kind: KindConcept, List: true},
			{Path: "encounter", Kind: KindReference},
			{Path: "onsetDateTime", Kind: KindDate},
			{Path: "abatementDateTime", Kind: KindDate},
			{Path: "recordedDate", Kind: KindDate},
			{Path: "note", Kind: KindObject, List: true},
			{Path: "identifier", Kind: KindIdentifier, List: true},
		},
		Title: Title{One: Words{"Health problem", "Problema de salud"}, Many: Words{"Health problems", "Problemas de salud"}},
		Show: []Field{
			{"code", ShowCoded, Words{"Problem", "Problema"}},
			{"clinicalStatus", ShowStatus, Words{"Is it still so", "¿Sigue igual?"}},
			{"severity", ShowCoded, Words{"How bad", "Qué tan grave"}},
			{"onsetDateTime|onsetPeriod", ShowDate, Words{"Since", "Desde"}},
			{"abatementDateTime|abatementPeriod", ShowDate, Words{"Ended", "Terminó"}},
			{"recordedDate", ShowDate, Words{"Written down on", "Anotado el"}},
			{"bodySite", ShowCoded, Words{"Where", "Dónde"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"Condition","id":"rosa-asthma","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"coding":[{"system":"http://snomed.info/sct","code":"195967001","display":"Asthma"}],"text":"Asthma"},"subject":{"reference":"Patient/rosa"},"onsetDateTime":"2009-04"}`,
	}
}
