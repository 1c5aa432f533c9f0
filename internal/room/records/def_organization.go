package records

// defOrganization defines a clinic, a laboratory or a payer.
func defOrganization() Definition {
	return Definition{
		Type:   "Organization",
		Shared: true,
		Search: []Param{
			{Name: "type", Kind: TokenParam, Path: "type"},
		},
		Shape: []Element{
			{Path: "identifier", Kind: KindIdentifier, List: true},
			{Path: "active", Kind: KindBool},
			{Path: "type", Kind: KindConcept, List: true},
			{Path: "name", Kind: KindString},
			{Path: "telecom", Kind: KindObject, List: true},
			{Path: "address", Kind: KindObject, List: true},
			{Path: "partOf", Kind: KindReference},
		},
		Title: Title{One: Words{"Organization", "Organización"}, Many: Words{"Organizations", "Organizaciones"}},
		Show: []Field{
			{"name", ShowText, Words{"Name", "Nombre"}},
			{"active", ShowYesNo, Words{"Active", "Activa"}},
			{"type", ShowCoded, Words{"Kind", "Tipo"}},
			{"telecom", ShowContact, Words{"Contact", "Contacto"}},
		},
		Example: `{"resourceType":"Organization","id":"hillside","active":true,"name":"Hillside Clinic"}`,
	}
}
