package records

// partsMost bounds what one result can make a page cost that shows it.
const partsMost = 256

// defObservation defines a result, vital sign or answer.
func defObservation() Definition {
	return Definition{
		Type:        "Observation",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/observation-status",
			Codes:  []string{"registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"},
		},
		Search: []Param{
			{Name: "category", Kind: TokenParam, Path: "category"},
			{Name: "code", Kind: TokenParam, Path: "code"},
			{Name: "date", Kind: DateParam, Path: "effectiveDateTime|effectivePeriod|effectiveInstant"},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/observation-status"},
		},
		Order: "effectiveDateTime|effectivePeriod|effectiveInstant|issued",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "code", Kind: KindConcept, Required: true},
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "category", Kind: KindConcept, List: true},
			{Path: "encounter", Kind: KindReference},
			{Path: "effectiveDateTime", Kind: KindDate},
			{Path: "effectivePeriod", Kind: KindPeriod},
			{Path: "effectiveInstant", Kind: KindDate},
			{Path: "issued", Kind: KindDate},
			{Path: "valueQuantity", Kind: KindQuantity},
			{Path: "valueCodeableConcept", Kind: KindConcept},
			{Path: "valueString", Kind: KindString},
			{Path: "valueBoolean", Kind: KindBool},
			{Path: "valueInteger", Kind: KindNumber},
			{Path: "valueRange", Kind: KindObject},
			{Path: "valueRatio", Kind: KindObject},
			{Path: "valueSampledData", Kind: KindObject},
			{Path: "valueTime", Kind: KindString},
			{Path: "valueDateTime", Kind: KindDate},
			{Path: "valuePeriod", Kind: KindPeriod},
			{Path: "dataAbsentReason", Kind: KindConcept},
			{Path: "interpretation", Kind: KindConcept, List: true},
			{Path: "note", Kind: KindObject, List: true},
			{Path: "referenceRange", Kind: KindObject, List: true},
			{Path: "referenceRange.low|referenceRange.high", Kind: KindQuantity},
			{Path: "referenceRange.text", Kind: KindString},
			{Path: "component", Kind: KindObject, List: true, Most: partsMost},
			{Path: "component.code", Kind: KindConcept},
			{Path: "component.valueQuantity", Kind: KindQuantity},
			{Path: "component.valueCodeableConcept", Kind: KindConcept},
			{Path: "component.valueString", Kind: KindString},
			{Path: "performer", Kind: KindReference, List: true},
			{Path: "hasMember", Kind: KindReference, List: true},
			{Path: "identifier", Kind: KindIdentifier, List: true},
		},
		Title: Title{One: Words{"Result", "Resultado"}, Many: Words{"Results", "Resultados"}},
		Show: []Field{
			{"code", ShowCoded, Words{"Test", "Prueba"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"valueQuantity", ShowQuantity, Words{"Value", "Valor"}},
			{"valueCodeableConcept|valueString", ShowCoded, Words{"Result", "Resultado"}},
			{"interpretation", ShowCoded, Words{"Meaning", "Significado"}},
			{"effectiveDateTime|effectivePeriod|effectiveInstant", ShowDate, Words{"Day of the test", "Día de la prueba"}},
			{"performer", ShowReference, Words{"From", "De"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"Observation","id":"rosa-glucose","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2339-0","display":"Glucose"}],"text":"Glucose"},"subject":{"reference":"Patient/rosa"},"effectiveDateTime":"2026-03-02T09:10:00-06:00","valueQuantity":{"value":88.10,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},"referenceRange":[{"low":{"value":70,"unit":"mg/dL"},"high":{"value":99,"unit":"mg/dL"}}]}`,
	}
}
