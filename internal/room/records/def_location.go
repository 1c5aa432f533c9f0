package records

// defLocation defines a place where care is given. A patient's home is an address of the
// Patient, not a Location: a Location is readable without a chart.
func defLocation() Definition {
	return Definition{
		Type:   "Location",
		Shared: true,
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/location-status",
			Codes:  []string{"active", "suspended", "inactive"},
		},
		Search: []Param{
			{Name: "address", Kind: StringParam, Path: "address"},
			{Name: "address-city", Kind: StringParam, Path: "address.city"},
			{Name: "address-postalcode", Kind: StringParam, Path: "address.postalCode"},
			{Name: "address-state", Kind: StringParam, Path: "address.state"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "name", Kind: StringParam, Path: "name|alias"},
			{Name: "organization", Kind: ReferenceParam, Path: "managingOrganization", Targets: []string{"Organization"}},
			{Name: "partof", Kind: ReferenceParam, Path: "partOf", Targets: []string{"Location"}},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/location-status"},
			{Name: "type", Kind: TokenParam, Path: "type"},
		},
		Shape: []Element{
			{Path: "identifier", Kind: KindIdentifier, List: true},
			{Path: "name", Kind: KindString},
			{Path: "type", Kind: KindConcept, List: true},
			{Path: "telecom", Kind: KindObject, List: true},
			{Path: "address", Kind: KindObject},
			{Path: "managingOrganization", Kind: KindReference},
			{Path: "partOf", Kind: KindReference},
		},
		Title: Title{One: Words{"Place", "Lugar"}, Many: Words{"Places", "Lugares"}},
		Show: []Field{
			{"name", ShowText, Words{"Place", "Lugar"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"telecom", ShowContact, Words{"Contact", "Contacto"}},
			{"managingOrganization", ShowReference, Words{"Belongs to", "Pertenece a"}},
		},
		Example: `{"resourceType":"Location","id":"room-2","status":"active","name":"Hillside Clinic, room 2"}`,
	}
}
