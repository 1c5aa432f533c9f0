package records

// defPractitioner defines a person who gives care. Shared: one clinician treats many.
func defPractitioner() Definition {
	return Definition{
		Type:   "Practitioner",
		Shared: true,
		Search: []Param{
			{Name: "family", Kind: StringParam, Path: "name.family"},
			{Name: "gender", Kind: TokenParam, Path: "gender", System: "http://hl7.org/fhir/administrative-gender"},
			{Name: "given", Kind: StringParam, Path: "name.given"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "name", Kind: StringParam, Path: "name"},
		},
		Shape: []Element{
			{Path: "identifier", Kind: KindIdentifier, List: true},
			{Path: "active", Kind: KindBool},
			{Path: "name", Kind: KindName, List: true},
			{Path: "telecom", Kind: KindObject, List: true},
			{Path: "gender", Kind: KindCode, Codes: []string{"male", "female", "other", "unknown"}},
			{Path: "qualification", Kind: KindObject, List: true},
		},
		Title: Title{One: Words{"Clinician", "Profesional"}, Many: Words{"Clinicians", "Profesionales"}},
		Show: []Field{
			{"name", ShowName, Words{"Name", "Nombre"}},
			{"active", ShowYesNo, Words{"Works here", "Trabaja aquí"}},
			{"telecom", ShowContact, Words{"Contact", "Contacto"}},
		},
		Example: `{"resourceType":"Practitioner","id":"osei","active":true,"name":[{"family":"Osei","given":["Ama"],"prefix":["Dr."]}]}`,
	}
}
