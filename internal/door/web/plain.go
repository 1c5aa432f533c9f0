package web

import (
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/person"
)

// loinc is the code system of laboratory tests and vital signs.
const loinc = "http://loinc.org"

// plainTest is the key of the plain name of a test ("test.<key>" in the
// catalogues, and "test.<key>.about" for what it shows), empty for a test that
// nobody has written words for. Codes that measure the same thing in another
// specimen share a key.
func plainTest(code string) string {
	switch code {
	case "4548-4", "17856-6":
		return "a1c"
	case "2345-7", "2339-0":
		return "glucose"
	case "1558-6":
		return "fasting-glucose"
	case "2160-0", "38483-4":
		return "creatinine"
	case "98979-8", "33914-3":
		return "egfr"
	case "9318-7", "14959-1":
		return "urine-albumin"
	case "3094-0", "6299-2":
		return "urea"
	case "2823-3", "6298-4":
		return "potassium"
	case "2951-2", "2947-0":
		return "sodium"
	case "2075-0", "2069-3":
		return "chloride"
	case "17861-6", "49765-1":
		return "calcium"
	case "2028-9", "20565-8":
		return "carbon-dioxide"
	case "2093-3":
		return "cholesterol"
	case "13457-7", "18262-6":
		return "ldl"
	case "2085-9":
		return "hdl"
	case "2571-8":
		return "triglycerides"
	default:
		return plainMore(code)
	}
}

// plainMore is the second half of plainTest: blood counts, organs, vital signs.
func plainMore(code string) string {
	switch code {
	case "718-7":
		return "hemoglobin"
	case "4544-3":
		return "hematocrit"
	case "789-8":
		return "red-cells"
	case "6690-2":
		return "white-cells"
	case "777-3":
		return "platelets"
	case "2276-4":
		return "ferritin"
	case "3016-3":
		return "tsh"
	case "33762-6":
		return "nt-probnp"
	case "5671-3":
		return "lead"
	case "1742-6":
		return "alt"
	case "1920-8":
		return "ast"
	case "6768-6":
		return "alkaline-phosphatase"
	case "1975-2":
		return "bilirubin"
	case "85354-9", "55284-4":
		return "blood-pressure"
	case "8480-6":
		return "systolic"
	case "8462-4":
		return "diastolic"
	case "8867-4":
		return "heart-rate"
	case "9279-1":
		return "breaths"
	case "8310-5":
		return "temperature"
	case "59408-5", "2708-6":
		return "oxygen"
	case "29463-7":
		return "weight"
	case "8302-2":
		return "height"
	case "39156-5":
		return "body-mass"
	case "72514-3":
		return "pain"
	default:
		return ""
	}
}

// plain is how a patient's page calls a test, and one line on what it shows.
// Without words of ours both are empty, and the chart's own name stands. Staff
// read the chart's own names: they talk to the laboratory with them.
func (v *Visit) plain(c records.Coded) (name, about string) {
	if v.caller.Role() != person.RolePatient || c.System.Reveal() != loinc {
		return "", ""
	}
	key := plainTest(c.Code.Reveal())
	if key == "" {
		return "", ""
	}
	words := v.door.c.Catalog.Language(v.language())
	// A key without words would be a hole in the catalogues, which a test looks for.
	name, _ = words.Text("test." + key)
	if id := "test." + key + ".about"; words.Has(id) {
		about, _ = words.Text(id)
	}
	return name, about
}
