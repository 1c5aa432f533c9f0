package records

// defDevice defines a device in or with the patient. One that no
// patient is named for belongs to no chart and is refused.
func defDevice() Definition {
	return Definition{
		Type:        "Device",
		Compartment: Compartment{Paths: []string{"patient"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/device-status",
			Codes:  []string{"active", "inactive", "entered-in-error", "unknown"},
		},
		Search: []Param{
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "location", Kind: ReferenceParam, Path: "location", Targets: []string{"Location"}},
			{Name: "manufacture-date", Kind: DateParam, Path: "manufactureDate"},
			{Name: "organization", Kind: ReferenceParam, Path: "owner", Targets: []string{"Organization"}},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/device-status"},
			{Name: "type", Kind: TokenParam, Path: "type"},
		},
		Order: "manufactureDate",
		Shape: []Element{
			{Path: "patient", Kind: KindReference, Required: true},
			{Path: "type", Kind: KindConcept},
			{Path: "manufactureDate", Kind: KindDate},
		},
		Title: Title{One: Words{"Device", "Aparato"}, Many: Words{"Devices", "Aparatos"}},
		Show: []Field{
			{"type|deviceName.name", ShowCoded, Words{"Device", "Aparato"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"deviceName.name", ShowText, Words{"Name", "Nombre"}},
			{"manufacturer", ShowText, Words{"Made by", "Fabricante"}},
			{"modelNumber", ShowText, Words{"Model", "Modelo"}},
			{"serialNumber", ShowText, Words{"Serial number", "Número de serie"}},
			{"udiCarrier.deviceIdentifier", ShowText, Words{"Device identifier (UDI)", "Identificador del aparato (UDI)"}},
			{"manufactureDate", ShowDate, Words{"Made on", "Fecha de fabricación"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"Device","id":"rosa-inhaler-counter","status":"active","type":{"text":"Inhaler counter"},"patient":{"reference":"Patient/rosa"}}`,
	}
}
