package deid

import "math"

// none marks a missing end of a reference range.
const none = math.MinInt64

// measure is a kind of number that a laboratory or a nurse writes down. Values
// and limits are integers in units of 10^-places.
type measure struct {
	loinc, display, text string
	unit, ucum           string
	places               int
	low, high            int64
	goal                 string // set when the range is a goal agreed with this person, with the words for it
	vital                bool
}

// within is the measure with another reference range: ranges belong to sex,
// age and person, not to the code.
func (m measure) within(low, high int64) measure { m.low, m.high = low, high; return m }

// aim is the measure with a goal instead of the laboratory's range.
func (m measure) aim(low, high int64, words string) measure {
	m.low, m.high, m.goal = low, high, words
	return m
}

func (m measure) quantity(v int64) quantity {
	return quantity{Value: decimal(v, m.places), Unit: m.unit, System: sysUCUM, Code: m.ucum}
}

// judge is the interpretation code of v, none without a range.
func (m measure) judge(v int64) []concept {
	switch {
	case m.low == none && m.high == none:
		return nil
	case m.low != none && v < m.low:
		return []concept{term("v3-ObservationInterpretation", "L", "Low")}
	case m.high != none && v > m.high:
		return []concept{term("v3-ObservationInterpretation", "H", "High")}
	default:
		return []concept{term("v3-ObservationInterpretation", "N", "Normal")}
	}
}

func (m measure) ranges() []referenceRange {
	if m.low == none && m.high == none {
		return nil
	}
	var r referenceRange
	if m.low != none {
		q := m.quantity(m.low)
		r.Low = &q
	}
	if m.high != none {
		q := m.quantity(m.high)
		r.High = &q
	}
	kind := term("referencerange-meaning", "normal", "Normal Range")
	if m.goal != "" {
		kind = term("referencerange-meaning", "treatment", "Treatment")
	}
	r.Type, r.Text = &kind, m.goal
	return []referenceRange{r}
}

func lab(loinc, display, text, unit, ucum string, places int, low, high int64) measure {
	return measure{loinc: loinc, display: display, text: text, unit: unit, ucum: ucum, places: places, low: low, high: high}
}

func vital(loinc, display, text, unit, ucum string, places int, low, high int64) measure {
	m := lab(loinc, display, text, unit, ucum, places, low, high)
	m.vital = true
	return m
}

// The measures, with the ranges of a healthy adult. Functions, not variables:
// the package keeps no mutable state.

func a1c() measure {
	return lab("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "Hemoglobin A1c", "%", "%", 1, 40, 56)
}
func glucose() measure {
	return lab("1558-6", "Fasting glucose [Mass/volume] in Serum or Plasma", "Glucose, fasting", "mg/dL", "mg/dL", 0, 70, 99)
}

// The same substances as the hospital's laboratory writes them.

func glucoseMolar() measure {
	return lab("14771-0", "Fasting glucose [Moles/volume] in Serum or Plasma", "Glucose, fasting", "mmol/L", "mmol/L", 1, 39, 55)
}
func cholesterolMolar() measure {
	return lab("14647-2", "Cholesterol [Moles/volume] in Serum or Plasma", "Total cholesterol", "mmol/L", "mmol/L", 1, none, 51)
}
func hdlMolar() measure {
	return lab("14646-4", "Cholesterol in HDL [Moles/volume] in Serum or Plasma", "HDL cholesterol", "mmol/L", "mmol/L", 1, 10, none)
}
func ldlMolar() measure {
	return lab("39469-2", "Cholesterol in LDL [Moles/volume] in Serum or Plasma by calculation", "LDL cholesterol", "mmol/L", "mmol/L", 1, none, 26)
}
func creatinine() measure {
	return lab("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "Creatinine", "mg/dL", "mg/dL", 2, 74, 135)
}
func egfr() measure {
	return lab("98979-8", "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum, Plasma or Blood by Creatinine-based formula (CKD-EPI 2021)",
		"Estimated kidney filtration (eGFR)", "mL/min/1.73 m²", "mL/min/{1.73_m2}", 0, 60, none)
}
func urineAlbumin() measure {
	return lab("9318-7", "Albumin/Creatinine [Mass Ratio] in Urine", "Urine albumin to creatinine ratio", "mg/g", "mg/g", 0, none, 29)
}
func potassium() measure {
	return lab("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "Potassium", "mmol/L", "mmol/L", 1, 35, 51)
}
func sodium() measure {
	return lab("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "Sodium", "mmol/L", "mmol/L", 0, 136, 145)
}
func cholesterol() measure {
	return lab("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "Total cholesterol", "mg/dL", "mg/dL", 0, none, 199)
}
func ldl() measure {
	return lab("13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation", "LDL cholesterol", "mg/dL", "mg/dL", 0, none, 129)
}
func hdl() measure {
	return lab("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "HDL cholesterol", "mg/dL", "mg/dL", 0, 40, none)
}
func triglycerides() measure {
	return lab("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "Triglycerides", "mg/dL", "mg/dL", 0, none, 149)
}
func hemoglobin() measure {
	return lab("718-7", "Hemoglobin [Mass/volume] in Blood", "Hemoglobin", "g/dL", "g/dL", 1, 135, 175)
}
func ferritin() measure {
	return lab("2276-4", "Ferritin [Mass/volume] in Serum or Plasma", "Ferritin", "ng/mL", "ng/mL", 0, 15, 150)
}
func tsh() measure {
	return lab("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "Thyroid stimulating hormone (TSH)", "mIU/L", "m[IU]/L", 2, 40, 400)
}

// ntProBNP has the range that laboratories print for people over 75: what a heart
// that fails has on its good days is far above it.
func ntProBNP() measure {
	return lab("33762-6", "Natriuretic peptide.B prohormone N-Terminal [Mass/volume] in Serum or Plasma", "NT-proBNP", "pg/mL", "pg/mL", 0, none, 450)
}
func bloodLead() measure {
	return lab("5671-3", "Lead [Mass/volume] in Blood", "Lead in blood", "µg/dL", "ug/dL", 1, none, 34)
}
func systolic() measure {
	return vital("8480-6", "Systolic blood pressure", "Systolic", "mmHg", "mm[Hg]", 0, 90, 129)
}
func diastolic() measure {
	return vital("8462-4", "Diastolic blood pressure", "Diastolic", "mmHg", "mm[Hg]", 0, 60, 80)
}
func heartRate() measure {
	return vital("8867-4", "Heart rate", "Heart rate", "beats/min", "/min", 0, 60, 100)
}
func temperature() measure {
	return vital("8310-5", "Body temperature", "Body temperature", "°C", "Cel", 1, 361, 375)
}
func oxygen() measure {
	return vital("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "Oxygen saturation", "%", "%", 0, 95, 100)
}
func weight() measure {
	return vital("29463-7", "Body weight", "Weight", "kg", "kg", 1, none, none)
}
func height() measure {
	return vital("8302-2", "Body height", "Height", "cm", "cm", 1, none, none)
}
func bmi() measure {
	return vital("39156-5", "Body mass index (BMI) [Ratio]", "Body mass index", "kg/m²", "kg/m2", 1, 185, 249)
}

// A panel is what one report holds together.
type panel struct{ loinc, display, text string }

func panelMetabolic() panel {
	return panel{"51990-0", "Basic metabolic panel - Blood", "Kidney and salts (basic metabolic panel)"}
}
func panelLipids() panel {
	return panel{"24331-1", "Lipid 1996 panel - Serum or Plasma", "Cholesterol (lipid panel)"}
}
func panelBlood() panel {
	return panel{"58410-2", "CBC panel - Blood by Automated count", "Blood count"}
}
func panelA1c() panel {
	return panel{"4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "Average blood sugar (A1c)"}
}
func panelThyroid() panel {
	return panel{"3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "Thyroid (TSH)"}
}
func panelHeart() panel {
	return panel{"33762-6", "Natriuretic peptide.B prohormone N-Terminal [Mass/volume] in Serum or Plasma", "Heart strain (NT-proBNP)"}
}
func panelIron() panel {
	return panel{"2276-4", "Ferritin [Mass/volume] in Serum or Plasma", "Iron store (ferritin)"}
}
func panelLead() panel {
	return panel{"5671-3", "Lead [Mass/volume] in Blood", "Lead in blood"}
}

// filtration is the CKD-EPI 2021 estimate for a creatinine in hundredths of
// mg/dL, so that the two results of a chart never contradict each other.
func filtration(creatinine int64, age int, female bool) int64 {
	kappa, alpha, sex := 0.9, -0.302, 1.0
	if female {
		kappa, alpha, sex = 0.7, -0.241, 1.012
	}
	r := float64(creatinine) / 100 / kappa
	f := 142 * math.Pow(min(r, 1), alpha) * math.Pow(max(r, 1), -1.2) * math.Pow(0.9938, float64(age)) * sex
	return int64(math.Round(f))
}

// bodyMass is the BMI in tenths from tenths of kg and tenths of cm.
func bodyMass(kg, cm int64) int64 { return (kg*1_000_000 + cm*cm/2) / (cm * cm) }

// lowDensity is Friedewald's LDL.
func lowDensity(total, hdl, trig int64) int64 { return total - hdl - (trig+2)/5 }

// point is a value at a number of steps (weeks, months, quarters) before today.
type point struct {
	ago   int
	value int64
}

// curve is a story in numbers: points from the oldest to the newest, straight
// lines between them.
type curve []point

func (c curve) at(ago int) int64 {
	if ago >= c[0].ago {
		return c[0].value
	}
	for i := 1; i < len(c); i++ {
		a, b := c[i-1], c[i]
		if ago >= b.ago {
			return b.value + (a.value-b.value)*int64(ago-b.ago)/int64(a.ago-b.ago)
		}
	}
	return c[len(c)-1].value
}
