package records

// defProvenance defines what a source claims about who made a resource. It is stored as that
// source's claim and decides nothing; Postern's own provenance is its log.
func defProvenance() Definition {
	return Definition{
		Type:        "Provenance",
		Compartment: Compartment{Paths: []string{"target"}, Through: true},
		Search: []Param{
			{Name: "agent", Kind: ReferenceParam, Path: "agent.who", Targets: []string{"Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}},
			{Name: "agent-type", Kind: TokenParam, Path: "agent.type"},
			{Name: "recorded", Kind: DateParam, Path: "recorded"},
			{Name: "target", Kind: ReferenceParam, Path: "target", Targets: []string{anyTarget}},
		},
		Order: "recorded",
		Shape: []Element{
			{Path: "target", Kind: KindReference, List: true, Required: true},
			{Path: "recorded", Kind: KindDate, Required: true},
			{Path: "agent", Kind: KindObject, List: true, Required: true},
			{Path: "agent.who", Kind: KindReference},
		},
		Title: Title{One: Words{"Where it came from", "De dónde viene"}, Many: Words{"Where records came from", "De dónde vienen los datos"}},
		Show: []Field{
			{"agent.who", ShowReference, Words{"Who says so", "Quién lo dice"}},
			{"recorded", ShowDate, Words{"Written down on", "Anotado el"}},
			{"activity", ShowCoded, Words{"What was done", "Qué se hizo"}},
			{"target", ShowReference, Words{"About", "Sobre"}},
		},
		Example: `{"resourceType":"Provenance","id":"rosa-provenance","target":[{"reference":"Patient/rosa"}],"recorded":"2026-03-02T15:00:00Z","agent":[{"who":{"display":"Hillside Clinic"}}]}`,
	}
}
