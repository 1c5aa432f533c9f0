package records

// defOrganization defines a clinic, a laboratory or a payer.
func defOrganization() Definition {
	return Definition{
		Type:   "Organization",
		Shared: true,
		Search: []Param{
			{Name: "address", Kind: StringParam, Path: "address"},
			{Name: "address-city", Kind: StringParam, Path: "address.city"},
			{Name: "address-postalcode", Kind: StringParam, Path: "address.postalCode"},
			{Name: "address-state", Kind: StringParam, Path: "address.state"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "name", Kind: StringParam, Path: "name|alias"},
			{Name: "partof", Kind: ReferenceParam, Path: "partOf", Targets: []string{"Organization"}},
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
