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
		Title: Title{One: Words{"Appointment", "Cita"}, Many: Words{"Appointments", "Citas"}},
		Show: []Field{
			{"appointmentType|serviceType|description", ShowCoded, Words{"Visit", "Visita"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"start", ShowDate, Words{"Starts", "Empieza"}},
			{"end", ShowDate, Words{"Ends", "Termina"}},
			{"participant.actor", ShowReference, Words{"With", "Con"}},
			{"reasonCode", ShowCoded, Words{"Reason", "Motivo"}},
			{"patientInstruction", ShowText, Words{"How to get ready", "Cómo prepararse"}},
			{"cancelationReason", ShowCoded, Words{"Why it was cancelled", "Por qué se canceló"}},
			{"comment", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"Appointment","id":"rosa-next","status":"booked","start":"2027-01-11T09:00:00-06:00","end":"2027-01-11T09:30:00-06:00","participant":[{"actor":{"reference":"Patient/rosa"},"status":"accepted"}]}`,
	}
}
