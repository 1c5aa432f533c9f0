package records

// defAppointment defines a visit to come.
func defAppointment() Definition {
	return Definition{
		Type:        "Appointment",
		Compartment: Compartment{Paths: []string{"participant.actor"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/appointmentstatus",
			Codes:  []string{"proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow", "entered-in-error", "checked-in", "waitlist"},
		},
		Search: []Param{
			{Name: "actor", Kind: ReferenceParam, Path: "participant.actor", Targets: []string{"Device", "Location", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}},
			{Name: "appointment-type", Kind: TokenParam, Path: "appointmentType"},
			{Name: "date", Kind: DateParam, Path: "start"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "location", Kind: ReferenceParam, Path: "participant.actor", Targets: []string{"Location"}},
			{Name: "practitioner", Kind: ReferenceParam, Path: "participant.actor", Targets: []string{"Practitioner"}},
			{Name: "reason-code", Kind: TokenParam, Path: "reasonCode"},
			{Name: "service-type", Kind: TokenParam, Path: "serviceType"},
			{Name: "specialty", Kind: TokenParam, Path: "specialty"},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/appointmentstatus"},
		},
		Order: "start",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "participant", Kind: KindObject, List: true, Required: true},
			{Path: "participant.actor", Kind: KindReference},
			{Path: "start", Kind: KindDate},
			{Path: "end", Kind: KindDate},
		},
		Example: `{"resourceType":"Appointment","id":"rosa-next","status":"booked","start":"2027-01-11T09:00:00-06:00","end":"2027-01-11T09:30:00-06:00","participant":[{"actor":{"reference":"Patient/rosa"},"status":"accepted"}]}`,
	}
}
