package records

// defPatient defines the person that a chart is about. Its compartment is itself; the
// resource id and the chart id are the same 128 bits (person.PatientResource).
func defPatient() Definition {
	return Definition{
		Type:        "Patient",
		Order:       "birthDate",
		Compartment: Compartment{Self: true},
		Search: []Param{
			{Name: "birthdate", Kind: DateParam, Path: "birthDate"},
			{Name: "death-date", Kind: DateParam, Path: "deceasedDateTime"},
			{Name: "family", Kind: StringParam, Path: "name.family"},
			{Name: "gender", Kind: TokenParam, Path: "gender", System: "http://hl7.org/fhir/administrative-gender"},
			{Name: "general-practitioner", Kind: ReferenceParam, Path: "generalPractitioner", Targets: []string{"Organization", "Practitioner", "PractitionerRole"}},
			{Name: "given", Kind: StringParam, Path: "name.given"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "name", Kind: StringParam, Path: "name"},
			{Name: "organization", Kind: ReferenceParam, Path: "managingOrganization", Targets: []string{"Organization"}},
		},
		Shape: []Element{
			{Path: "identifier", Kind: KindIdentifier, List: true, Most: numbersMost},
			{Path: "active", Kind: KindBool},
			{Path: "name", Kind: KindName, List: true, Most: namesMost},
			{Path: "telecom", Kind: KindObject, List: true},
			{Path: "gender", Kind: KindCode, Codes: []string{"male", "female", "other", "unknown"}},
			{Path: "birthDate", Kind: KindDate},
			{Path: "deceasedDateTime", Kind: KindDate},
			{Path: "deceasedBoolean", Kind: KindBool},
			{Path: "address", Kind: KindObject, List: true},
			{Path: "address.line", Kind: KindString, List: true},
			{Path: "communication.language", Kind: KindConcept},
			{Path: "contact", Kind: KindObject, List: true},
			{Path: "generalPractitioner", Kind: KindReference, List: true},
			{Path: "managingOrganization", Kind: KindReference},
			{Path: "link", Kind: KindObject, List: true},
		},
		Title: Title{One: Words{"Personal details", "Datos personales"}, Many: Words{"Personal details", "Datos personales"}},
		Show: []Field{
			{"name", ShowName, Words{"Name", "Nombre"}},
			{"birthDate", ShowDate, Words{"Born on", "Nació el"}},
			{"gender", ShowStatus, Words{"Sex", "Sexo"}},
			{"telecom", ShowContact, Words{"Contact", "Contacto"}},
			{"communication.language", ShowCoded, Words{"Language", "Idioma"}},
			{"contact.name", ShowName, Words{"Whom we call", "A quién llamamos"}},
			{"generalPractitioner", ShowReference, Words{"Family doctor", "Médico de cabecera"}},
			{"managingOrganization", ShowReference, Words{"Clinic", "Clínica"}},
		},
		Example: `{"resourceType":"Patient","id":"rosa","name":[{"family":"Field","given":["Rosa"]}],"gender":"female","birthDate":"1984-05-01"}`,
	}
}
