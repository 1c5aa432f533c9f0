package records

// defGoal defines what care should reach; so far stored and readable only.
func defGoal() Definition {
	return Definition{
		Type:        "Goal",
		Compartment: Compartment{Paths: []string{"subject"}},
		StoredOnly:  true,
		Status: Codes{
			Path:   "lifecycleStatus",
			System: "http://hl7.org/fhir/goal-status",
			Codes:  []string{"proposed", "planned", "accepted", "active", "on-hold", "completed", "cancelled", "entered-in-error", "rejected"},
		},
		Order: "startDate|statusDate",
		Shape: []Element{
			{Path: "lifecycleStatus", Kind: KindCode, Required: true},
			{Path: "description", Kind: KindConcept, Required: true},
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "achievementStatus", Kind: KindConcept},
			{Path: "startDate", Kind: KindDate},
			{Path: "statusDate", Kind: KindDate},
			{Path: "target", Kind: KindObject, List: true},
		},
		Example: `{"resourceType":"Goal","id":"rosa-goal","lifecycleStatus":"active","description":{"text":"Walk half an hour a day"},"subject":{"reference":"Patient/rosa"}}`,
	}
}
