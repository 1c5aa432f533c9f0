package records

// defPractitionerRole defines what a practitioner does at an organization.
func defPractitionerRole() Definition {
	return Definition{
		Type:   "PractitionerRole",
		Shared: true,
		Search: []Param{
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "location", Kind: ReferenceParam, Path: "location", Targets: []string{"Location"}},
			{Name: "organization", Kind: ReferenceParam, Path: "organization", Targets: []string{"Organization"}},
			{Name: "practitioner", Kind: ReferenceParam, Path: "practitioner", Targets: []string{"Practitioner"}},
			{Name: "role", Kind: TokenParam, Path: "code"},
			{Name: "specialty", Kind: TokenParam, Path: "specialty"},
		},
		Shape: []Element{
			{Path: "identifier", Kind: KindIdentifier, List: true},
			{Path: "active", Kind: KindBool},
			{Path: "practitioner", Kind: KindReference},
			{Path: "organization", Kind: KindReference},
			{Path: "code", Kind: KindConcept, List: true},
			{Path: "specialty", Kind: KindConcept, List: true},
			{Path: "location", Kind: KindReference, List: true},
			{Path: "telecom", Kind: KindObject, List: true},
		},
		Title: Title{One: Words{"Role", "Puesto"}, Many: Words{"Roles", "Puestos"}},
		Show: []Field{
			{"practitioner", ShowReference, Words{"Who", "Quién"}},
			{"code", ShowCoded, Words{"Role", "Puesto"}},
			{"specialty", ShowCoded, Words{"Specialty", "Especialidad"}},
			{"active", ShowYesNo, Words{"Works here", "Trabaja aquí"}},
			{"location", ShowReference, Words{"Where", "Dónde"}},
		},
		Example: `{"resourceType":"PractitionerRole","id":"osei-role","practitioner":{"display":"Dr. Ama Osei"},"code":[{"text":"Family doctor"}]}`,
	}
}
