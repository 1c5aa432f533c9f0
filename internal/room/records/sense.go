package records

import (
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
)

// Sense is how a resource is to be read as a whole. FHIR has elements that turn the
// meaning of all others around (modifier elements): an order never to give penicillin has
// the same medicine, dates and status as one to give it. It is read from the resource
// each time, so nothing stored or indexed has to know of it.
type Sense string

// The senses, the gravest first; a resource has one.
const (
	Mistake   Sense = "mistake"   // entered in error: nothing of it counts
	Refuted   Sense = "refuted"   // somebody looked, and it is not so
	Forbidden Sense = "forbidden" // doNotPerform: what must not be done or taken
	Partly    Sense = "partly"    // a step of it says what must not be done
	Weak      Sense = "weak"      // isSubpotent: a dose that may not count
	Proposed  Sense = "proposed"  // intent proposal or option: nobody ordered it
	Planned   Sense = "plan"      // intent plan: written as a plan, or as the patient told it
	Plain     Sense = ""          // as it reads
)

// senseOf reads the modifier elements that FHIR R4 gives the type, and that no page of
// the type reads by itself.
func senseOf(typ string, v rawjson.Value) Sense {
	if v.Get("status").Text() == "entered-in-error" {
		return Mistake
	}
	switch typ {
	case "Condition", "AllergyIntolerance":
		switch verification(v.Get("verificationStatus")) {
		case "entered-in-error":
			return Mistake
		case "refuted":
			return Refuted
		}
	case "Goal":
		if v.Get("lifecycleStatus").Text() == "entered-in-error" {
			return Mistake
		}
	case "DocumentReference":
		if v.Get("docStatus").Text() == "entered-in-error" {
			return Mistake
		}
	case "Immunization":
		if claimed(v.Get("isSubpotent")) {
			return Weak
		}
	case "MedicationRequest", "ServiceRequest", "CarePlan":
		return requestSense(typ, v)
	}
	return Plain
}

func requestSense(typ string, v rawjson.Value) Sense {
	if claimed(v.Get("doNotPerform")) {
		return Forbidden
	}
	for a := range at(v, "activity.detail") {
		if typ == "CarePlan" && claimed(a.Get("doNotPerform")) {
			return Partly
		}
	}
	switch intent := v.Get("intent").Text(); {
	case intent == "proposal" || intent == "option" && typ != "CarePlan": // of a CarePlan it is one of several plans, each in use
		return Proposed
	case intent == "plan" && typ == "ServiceRequest":
		return Proposed
	case intent == "plan" && typ == "MedicationRequest":
		return Planned
	}
	return Plain
}

// claimed reads a modifier that is true. One in a form that FHIR does not know is taken
// for true: to warn once too often is the smaller error.
func claimed(v rawjson.Value) bool {
	return v.Type() != rawjson.Absent && (v.Type() != rawjson.Bool || v.IsTrue())
}

// ownCodes reports whether a code system is one of HL7's own, whose codes pages know. Why
// data are absent is none that says what they are.
func ownCodes(system string) bool {
	return !strings.HasSuffix(system, "data-absent-reason") && (strings.HasPrefix(system, "http://terminology.hl7.org/CodeSystem/") || strings.HasPrefix(system, "http://hl7.org/fhir/"))
}
