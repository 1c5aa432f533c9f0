package ucum

// Test says what a laboratory test measures, as far as a conversion needs it. The
// zero Test is one of which nothing is known: it converts only what is the same
// kind of quantity.
type Test struct {
	Key    string    // tests with one key measure the same thing in the same specimen, in whatever unit
	Code   string    // the LOINC code that stands for the key: names of tests are found by it
	Common [2]string // the two units that laboratories report it in, in UCUM; empty when there is one

	molar   string // grams of a mole of what is weighed; empty when it is not known
	valence int64  // equivalents of a mole; 0 when it is no ion
	under   string // grams of a mole of what it is compared with, for a ratio of two things
	a1c     bool   // two scales of their own
}

// TestOf finds a test by its LOINC code. Where the same test has one code for its mass
// and another for its amount of substance, both have the same Key.
//
// Molar masses are those of the laboratories' usual factors: triglycerides as triolein, hemoglobin
// as its monomer with one iron, urea nitrogen as the nitrogen of one urea, phosphate as phosphorus.
func TestOf(loinc string) (Test, bool) {
	for _, find := range []func(string) (Test, bool){sugarAndFat, saltAndKidney, bloodAndHormone} {
		if t, ok := find(loinc); ok {
			return t, true
		}
	}
	return Test{}, false
}

func mass(code, key, molar, massUnit, molarUnit string) (Test, bool) {
	return Test{Key: key, Code: code, molar: molar, Common: [2]string{massUnit, molarUnit}}, true
}

func ion(code, key, molar string, valence int64) (Test, bool) {
	return Test{Key: key, Code: code, molar: molar, valence: valence}, true
}

func sugarAndFat(loinc string) (Test, bool) {
	const glucose, cholesterol, fat = "180.156", "386.65", "885.7"
	switch loinc {
	case "2345-7", "14749-6":
		return mass("2345-7", "glucose", glucose, "mg/dL", "mmol/L")
	case "2339-0", "15074-8":
		return mass("2339-0", "glucose-blood", glucose, "mg/dL", "mmol/L")
	case "1558-6", "14771-0":
		return mass("1558-6", "glucose-fasting", glucose, "mg/dL", "mmol/L")
	case "4548-4", "59261-8", "17856-6":
		return Test{Key: "a1c", Code: "4548-4", a1c: true, Common: [2]string{"%", "mmol/mol"}}, true
	case "2093-3", "14647-2":
		return mass("2093-3", "cholesterol", cholesterol, "mg/dL", "mmol/L")
	case "13457-7", "39469-2":
		return mass("13457-7", "ldl-calculated", cholesterol, "mg/dL", "mmol/L")
	case "18262-6", "69419-0":
		return mass("18262-6", "ldl-direct", cholesterol, "mg/dL", "mmol/L")
	case "2089-1", "22748-8":
		return mass("2089-1", "ldl", cholesterol, "mg/dL", "mmol/L")
	case "2085-9", "14646-4":
		return mass("2085-9", "hdl", cholesterol, "mg/dL", "mmol/L")
	case "43396-1", "70204-3":
		return mass("43396-1", "non-hdl", cholesterol, "mg/dL", "mmol/L")
	case "2571-8", "14927-8":
		return mass("2571-8", "triglycerides", fat, "mg/dL", "mmol/L")
	}
	return Test{}, false
}

func saltAndKidney(loinc string) (Test, bool) {
	const creatinine, urea, nitrogen, calcium, magnesium = "113.12", "60.055", "28.014", "40.078", "24.305"
	switch loinc {
	case "2160-0", "14682-9":
		return mass("2160-0", "creatinine", creatinine, "mg/dL", "umol/L")
	case "38483-4", "59826-8":
		return mass("38483-4", "creatinine-blood", creatinine, "mg/dL", "umol/L")
	case "3094-0", "14937-7", "22664-7":
		return mass("3094-0", "urea", nitrogen, "mg/dL", "mmol/L")
	case "3091-6":
		return mass("3094-0", "urea", urea, "mg/dL", "mmol/L")
	case "6299-2":
		return mass("6299-2", "urea-blood", nitrogen, "mg/dL", "mmol/L")
	case "3084-1", "14933-6":
		return mass("3084-1", "uric-acid", "168.11", "mg/dL", "umol/L")
	case "17861-6", "2000-8":
		return Test{Key: "calcium", Code: "17861-6", molar: calcium, valence: 2, Common: [2]string{"mg/dL", "mmol/L"}}, true
	case "49765-1":
		return Test{Key: "calcium-blood", Code: "49765-1", molar: calcium, valence: 2, Common: [2]string{"mg/dL", "mmol/L"}}, true
	case "19123-9", "2601-3":
		return Test{Key: "magnesium", Code: "19123-9", molar: magnesium, valence: 2, Common: [2]string{"mg/dL", "mmol/L"}}, true
	case "9318-7", "14959-1", "30000-4", "32294-1":
		return Test{Key: "albumin-creatinine", Code: "9318-7", under: creatinine, Common: [2]string{"mg/g", "mg/mmol"}}, true
	case "2890-2", "34366-5":
		return Test{Key: "protein-creatinine", Code: "2890-2", under: creatinine, Common: [2]string{"mg/g", "mg/mmol"}}, true
	case "2777-1", "14879-1":
		return mass("2777-1", "phosphate", "30.974", "mg/dL", "mmol/L")
	case "2951-2":
		return ion("2951-2", "sodium", "22.990", 1)
	case "2947-0":
		return ion("2947-0", "sodium-blood", "22.990", 1)
	case "2823-3":
		return ion("2823-3", "potassium", "39.098", 1)
	case "6298-4":
		return ion("6298-4", "potassium-blood", "39.098", 1)
	case "2075-0":
		return ion("2075-0", "chloride", "35.453", 1)
	case "2069-3":
		return ion("2069-3", "chloride-blood", "35.453", 1)
	case "1963-8":
		return ion("1963-8", "bicarbonate", "61.017", 1)
	case "2028-9":
		return ion("2028-9", "carbon-dioxide", "", 1)
	case "20565-8":
		return ion("20565-8", "carbon-dioxide-blood", "", 1)
	}
	return Test{}, false
}

func bloodAndHormone(loinc string) (Test, bool) {
	const bilirubin, iron, lead = "584.66", "55.845", "207.2"
	switch loinc {
	case "1975-2", "14631-6":
		return mass("1975-2", "bilirubin", bilirubin, "mg/dL", "umol/L")
	case "1968-7", "14629-0":
		return mass("1968-7", "bilirubin-direct", bilirubin, "mg/dL", "umol/L")
	case "718-7", "59260-0":
		return mass("718-7", "hemoglobin", "16114", "g/dL", "mmol/L")
	case "2498-4", "14798-3":
		return mass("2498-4", "iron", iron, "ug/dL", "umol/L")
	case "2500-7", "14800-7":
		return mass("2500-7", "iron-binding", iron, "ug/dL", "umol/L")
	case "5671-3":
		return mass("5671-3", "lead", lead, "ug/dL", "umol/L")
	case "2132-9", "14685-2":
		return mass("2132-9", "vitamin-b12", "1355.37", "pg/mL", "pmol/L")
	case "2284-8", "14732-2":
		return mass("2284-8", "folate", "441.40", "ng/mL", "nmol/L")
	case "3024-7", "14920-3":
		return mass("3024-7", "free-t4", "776.87", "ng/dL", "pmol/L")
	case "2143-6", "14675-3":
		return mass("2143-6", "cortisol", "362.46", "ug/dL", "nmol/L")
	case "2986-8", "14913-8":
		return mass("2986-8", "testosterone", "288.42", "ng/dL", "nmol/L")
	case "8310-5":
		return Test{Key: "temperature", Code: "8310-5", Common: [2]string{"Cel", "[degF]"}}, true
	}
	return Test{}, false
}

// Other is the unit that laboratories elsewhere report this test in, for a value in
// unit; empty when there is none.
func (t Test) Other(unit Unit) string {
	for i, code := range t.Common {
		if code != "" && unit.code == code {
			return t.Common[1-i]
		}
	}
	return ""
}
