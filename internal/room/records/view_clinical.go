package records

import (
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/phi"
)

// Condition is a problem or diagnosis as a page shows it.
type Condition struct {
	Common
	Name         Coded
	Clinical     string // active, resolved, ...; empty when the source does not say
	Verification string // confirmed, refuted, entered-in-error, ...
	Severity     Coded
	Categories   []Coded
	Onset        Date
	Abated       Date
	Recorded     Date
	Notes        []phi.Text
}

// ViewCondition reads a stored Condition.
func ViewCondition(doc phi.Doc) (Condition, error) {
	v, common, err := open(doc, "Condition")
	if err != nil {
		return Condition{}, err
	}
	return Condition{
		Common: common, Name: coded(v.Get("code")),
		Clinical: conceptCode(v.Get("clinicalStatus")), Verification: verification(v.Get("verificationStatus")),
		Severity: coded(v.Get("severity")), Categories: codedList(v, "category"),
		Onset: date(v, "onsetDateTime|onsetPeriod"), Abated: date(v, "abatementDateTime|abatementPeriod"),
		Recorded: date(v, "recordedDate"), Notes: notes(v),
	}, nil
}

// Dosage is how a medicine is taken. Text is the prescriber's; the rest is what
// the structured part says, in written form.
type Dosage struct {
	Text      phi.Text
	Patient   phi.Text // instructions written for the patient
	AsNeeded  bool
	Dose      Quantity
	Frequency phi.Text // times
	Period    phi.Text // per so many
	Unit      string   // of the period, UCUM: h, d, wk, mo
	Extra     []Coded  // "with food"
}

// MedicationRequest is a prescription as a page shows it.
type MedicationRequest struct {
	Common
	Name      Coded
	Medicine  Link // when the medicine is a resource of its own
	Status    string
	Why       Coded // its status
	Authored  Date
	Requester Link
	Reasons   []Coded
	ReasonFor []Link
	Dosages   []Dosage
	Notes     []phi.Text
}

// ViewMedicationRequest reads a stored MedicationRequest.
func ViewMedicationRequest(doc phi.Doc) (MedicationRequest, error) {
	v, common, err := open(doc, "MedicationRequest")
	if err != nil {
		return MedicationRequest{}, err
	}
	m := MedicationRequest{
		Common: common, Name: coded(v.Get("medicationCodeableConcept")), Medicine: reference(v.Get("medicationReference")),
		Status: plainCode(v.Get("status").Text()), Why: coded(v.Get("statusReason")),
		Authored: date(v, "authoredOn"), Requester: reference(v.Get("requester")),
		Reasons: codedList(v, "reasonCode"), ReasonFor: links(v, "reasonReference"), Notes: notes(v),
	}
	if m.Name.IsZero() {
		m.Name = contained(v, "Medication", v.Get("medicationReference").Get("reference").Text())
	}
	for d := range at(v, "dosageInstruction") {
		m.Dosages = append(m.Dosages, dosage(d))
	}
	return m, nil
}

// contained is the code of the contained resource that a local reference ("#x")
// names.
func contained(v rawjson.Value, typ, ref string) Coded {
	id, local := strings.CutPrefix(ref, "#")
	for x := range at(v, "contained") {
		if local && x.Get("resourceType").Text() == typ && x.Get("id").Text() == id {
			return coded(x.Get("code"))
		}
	}
	return Coded{}
}

// Medication is a product as a page shows it.
type Medication struct {
	Common
	Name Coded
}

// ViewMedication reads a stored Medication.
func ViewMedication(doc phi.Doc) (Medication, error) {
	v, common, err := open(doc, "Medication")
	if err != nil {
		return Medication{}, err
	}
	return Medication{Common: common, Name: coded(v.Get("code"))}, nil
}

func dosage(v rawjson.Value) Dosage {
	repeat := v.Get("timing").Get("repeat")
	d := Dosage{
		Text: show(v.Get("text").Text()), Patient: show(v.Get("patientInstruction").Text()),
		AsNeeded: v.Get("asNeededBoolean").IsTrue() || v.Get("asNeededCodeableConcept").Type() == rawjson.Object,
		Dose:     quantity(first(v, "doseAndRate.doseQuantity")), Extra: codedList(v, "additionalInstruction"),
		Frequency: show(repeat.Get("frequency").Number()), Period: show(repeat.Get("period").Number()),
	}
	switch u := repeat.Get("periodUnit").Text(); u {
	case "s", "min", "h", "d", "wk", "mo", "a":
		d.Unit = u
	}
	return d
}

// Reaction is how an allergy showed.
type Reaction struct {
	Manifestations []Coded
	Severity       string // mild, moderate, severe
	Text           phi.Text
}

// AllergyIntolerance is an allergy as a page shows it.
type AllergyIntolerance struct {
	Common
	Name         Coded
	Clinical     string
	Verification string
	Kind         string // allergy or intolerance
	Categories   []string
	Criticality  string
	Onset        Date
	Recorded     Date
	Reactions    []Reaction
	Notes        []phi.Text
}

// ViewAllergyIntolerance reads a stored AllergyIntolerance.
func ViewAllergyIntolerance(doc phi.Doc) (AllergyIntolerance, error) {
	v, common, err := open(doc, "AllergyIntolerance")
	if err != nil {
		return AllergyIntolerance{}, err
	}
	a := AllergyIntolerance{
		Common: common, Name: coded(v.Get("code")),
		Clinical: conceptCode(v.Get("clinicalStatus")), Verification: verification(v.Get("verificationStatus")),
		Kind: plainCode(v.Get("type").Text()), Criticality: plainCode(v.Get("criticality").Text()),
		Onset: date(v, "onsetDateTime"), Recorded: date(v, "recordedDate"), Notes: notes(v),
	}
	for c := range at(v, "category") {
		if s := plainCode(c.Text()); s != "" {
			a.Categories = append(a.Categories, s)
		}
	}
	for r := range at(v, "reaction") {
		a.Reactions = append(a.Reactions, Reaction{codedList(r, "manifestation"), plainCode(r.Get("severity").Text()), show(r.Get("description").Text())})
	}
	return a, nil
}

// Immunization is a vaccination as a page shows it.
type Immunization struct {
	Common
	Vaccine Coded
	Status  string
	Reason  Coded // why it was not done
	Given   Date
	Lot     phi.Text
	Site    Coded
	Dose    phi.Text // number in the series, in written form
	Notes   []phi.Text
}

// ViewImmunization reads a stored Immunization.
func ViewImmunization(doc phi.Doc) (Immunization, error) {
	v, common, err := open(doc, "Immunization")
	if err != nil {
		return Immunization{}, err
	}
	dose := first(v, "protocolApplied.doseNumberPositiveInt").Number()
	if dose == "" {
		dose = text(v, "protocolApplied.doseNumberString")
	}
	return Immunization{
		Common: common, Vaccine: coded(v.Get("vaccineCode")), Status: plainCode(v.Get("status").Text()),
		Reason: coded(v.Get("statusReason")), Given: date(v, "occurrenceDateTime"),
		Lot: show(v.Get("lotNumber").Text()), Site: coded(v.Get("site")), Dose: show(dose), Notes: notes(v),
	}, nil
}
