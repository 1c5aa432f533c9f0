package records

// defRelatedPerson defines someone in the patient's life. It gives nobody a right:
// who may act for whom is the consent room's.
func defRelatedPerson() Definition {
	return Definition{
		Type:        "RelatedPerson",
		Compartment: Compartment{Paths: []string{"patient"}},
		Search: []Param{
			{Name: "birthdate", Kind: DateParam, Path: "birthDate"},
			{Name: "family", Kind: StringParam, Path: "name.family"},
			{Name: "gender", Kind: TokenParam, Path: "gender", System: "http://hl7.org/fhir/administrative-gender"},
			{Name: "given", Kind: StringParam, Path: "name.given"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "name", Kind: StringParam, Path: "name"},
			{Name: "relationship", Kind: TokenParam, Path: "relationship"},
		},
		Order: "period",
		Shape: []Element{
			{Path: "patient", Kind: KindReference, Required: true},
			{Path: "relationship", Kind: KindConcept, List: true},
			{Path: "name", Kind: KindName, List: true},
			{Path: "telecom", Kind: KindObject, List: true},
			{Path: "birthDate", Kind: KindDate},
			{Path: "period", Kind: KindPeriod},
		},
		Title: Title{One: Words{"Person in your life", "Persona cercana"}, Many: Words{"People in your life", "Personas cercanas"}},
		Show: []Field{
			{"name", ShowName, Words{"Name", "Nombre"}},
			{"relationship", ShowCoded, Words{"Who they are to you", "Qué relación tienen"}},
			{"telecom", ShowContact, Words{"Contact", "Contacto"}},
			{"birthDate", ShowDate, Words{"Born on", "Nació el"}},
			{"period", ShowPeriod, Words{"Time", "Tiempo"}},
		},
		Example: `{"resourceType":"RelatedPerson","id":"rosa-sister","patient":{"reference":"Patient/rosa"},"relationship":[{"text":"sister"}],"name":[{"family":"Field","given":["June"]}]}`,
	}
}
