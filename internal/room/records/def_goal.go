package records

// defGoal defines what care should reach.
func defGoal() Definition {
	return Definition{
		Type:        "Goal",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "lifecycleStatus",
			System: "http://hl7.org/fhir/goal-status",
			Codes:  []string{"proposed", "planned", "accepted", "active", "on-hold", "completed", "cancelled", "entered-in-error", "rejected"},
		},
		Search: []Param{
			{Name: "achievement-status", Kind: TokenParam, Path: "achievementStatus"},
			{Name: "category", Kind: TokenParam, Path: "category"},
			{Name: "description", Kind: TokenParam, Path: "description"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "lifecycle-status", Kind: TokenParam, Path: "lifecycleStatus", System: "http://hl7.org/fhir/goal-status"},
			{Name: "start-date", Kind: DateParam, Path: "startDate"},
			{Name: "target-date", Kind: DateParam, Path: "target.dueDate"},
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
		Title: Title{One: Words{"Goal", "Meta"}, Many: Words{"Goals", "Metas"}},
		Show: []Field{
			{"description", ShowCoded, Words{"Goal", "Meta"}},
			{"lifecycleStatus", ShowStatus, Words{"Status", "Estado"}},
			{"achievementStatus", ShowStatus, Words{"Progress", "Progreso"}},
			{"startDate", ShowDate, Words{"Since", "Desde"}},
			{"target.measure", ShowCoded, Words{"Measured by", "Se mide con"}},
			{"target.detailQuantity", ShowQuantity, Words{"Target", "Objetivo"}},
			{"target.detailString", ShowText, Words{"Target", "Objetivo"}},
			{"target.dueDate", ShowDate, Words{"By", "Para el"}},
			{"addresses", ShowReference, Words{"For", "Para"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"Goal","id":"rosa-goal","lifecycleStatus":"active","description":{"text":"Walk half an hour a day"},"subject":{"reference":"Patient/rosa"}}`,
	}
}
