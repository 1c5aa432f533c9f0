package ucum

import "math/big"

// atom is a unit of the table: so many of a product of base units.
type atom struct {
	factor string // a fraction or decimal, as big.Rat reads it
	dims   string // "g.m-1.s-2"
	metric bool   // takes prefixes
}

// atomOf finds a unit. The table holds the units of laboratories, vital signs and
// prescriptions, and no others (UCUM 2.2, tables 1 to 6, 10, 13 to 15, 19, 24).
func atomOf(name string) (atom, bool) {
	for _, table := range []func(string) (atom, bool){baseUnit, customaryUnit, countedUnit} {
		if a, ok := table(name); ok {
			return a, true
		}
	}
	return atom{}, false
}

func baseUnit(name string) (atom, bool) {
	switch name {
	case "m", "s", "g", "K", "cd", "C", "rad", "mol", "eq":
		return atom{"1", name, true}, true
	case "osm": // a mole of particles
		return atom{"1", "osm", true}, true
	case "L", "l":
		return atom{"1/1000", "m3", true}, true
	case "min":
		return atom{"60", "s", false}, true
	case "h":
		return atom{"3600", "s", false}, true
	case "d":
		return atom{"86400", "s", false}, true
	case "wk":
		return atom{"604800", "s", false}, true
	case "mo": // mean Julian month
		return atom{"2629800", "s", false}, true
	case "a": // mean Julian year
		return atom{"31557600", "s", false}, true
	case "Hz":
		return atom{"1", "s-1", true}, true
	case "N":
		return atom{"1000", "g.m.s-2", true}, true
	case "Pa":
		return atom{"1000", "g.m-1.s-2", true}, true
	case "J":
		return atom{"1000", "g.m2.s-2", true}, true
	case "W":
		return atom{"1000", "g.m2.s-3", true}, true
	case "bar":
		return atom{"100000000", "g.m-1.s-2", true}, true
	case "t":
		return atom{"1000000", "g", true}, true
	case "cal":
		return atom{"4184", "g.m2.s-2", true}, true
	case "kat":
		return atom{"1", "mol.s-1", true}, true
	case "U": // enzyme unit: 1 umol/min
		return atom{"1/60000000", "mol.s-1", true}, true
	case "Bq":
		return atom{"1", "s-1", true}, true
	case "Gy", "Sv":
		return atom{"1", "m2.s-2", true}, true
	}
	return atom{}, false
}

func customaryUnit(name string) (atom, bool) {
	switch name {
	case "m[Hg]": // a column of mercury
		return atom{"133322387", "g.m-1.s-2", true}, true
	case "m[H2O]":
		return atom{"9806650", "g.m-1.s-2", true}, true
	case "[in_i]":
		return atom{"254/10000", "m", false}, true
	case "[ft_i]":
		return atom{"3048/10000", "m", false}, true
	case "[mi_i]":
		return atom{"1609344/1000", "m", false}, true
	case "[lb_av]":
		return atom{"45359237/100000", "g", false}, true
	case "[oz_av]":
		return atom{"45359237/1600000", "g", false}, true
	case "[foz_us]":
		return atom{"295735295625/10000000000000000", "m3", false}, true
	case "[tsp_us]":
		return atom{"492892159375/100000000000000000", "m3", false}, true
	case "[tbs_us]":
		return atom{"1478676478125/100000000000000000", "m3", false}, true
	case "[Cal]":
		return atom{"4184000", "g.m2.s-2", false}, true
	}
	return atom{}, false
}

// countedUnit holds numbers, and units that are defined by a procedure: each of
// those is comparable with itself alone.
func countedUnit(name string) (atom, bool) {
	switch name {
	case "10*", "10^":
		return atom{"10", "", false}, true
	case "%":
		return atom{"1/100", "", false}, true
	case "[ppth]":
		return atom{"1/1000", "", false}, true
	case "[ppm]":
		return atom{"1/1000000", "", false}, true
	case "[ppb]":
		return atom{"1/1000000000", "", false}, true
	case "[iU]", "[IU]":
		return atom{"1", "[iU]", true}, true
	case "[arb'U]", "[USP'U]", "[CFU]", "[PFU]", "[GPL'U]", "[MPL'U]", "[APL'U]", "[AU]", "[BAU]", "[CCID_50]", "[hnsf'U]", "[pH]", "[drp]", "[PRU]", "[diop]", "[HPF]", "[LPF]":
		return atom{"1", name, false}, true
	}
	return atom{}, false
}

// prefixOf is the power of ten of a prefix.
func prefixOf(p string) (int, bool) {
	switch p {
	case "T":
		return 12, true
	case "G":
		return 9, true
	case "M":
		return 6, true
	case "k":
		return 3, true
	case "h":
		return 2, true
	case "da":
		return 1, true
	case "d":
		return -1, true
	case "c":
		return -2, true
	case "m":
		return -3, true
	case "u":
		return -6, true
	case "n":
		return -9, true
	case "p":
		return -12, true
	case "f":
		return -15, true
	}
	return 0, false
}

// written is the UCUM code of a unit that its source wrote as text and did not code.
// The list is closed: a spelling that could mean two things is not in it.
func written(text string) string {
	switch text {
	case "mmHg", "mm Hg":
		return "mm[Hg]"
	case "°C", "degC", "C°":
		return "Cel"
	case "°F", "degF", "F°":
		return "[degF]"
	case "lb", "lbs", "pounds":
		return "[lb_av]"
	case "in", "inches":
		return "[in_i]"
	case "mcg", "µg", "μg":
		return "ug"
	case "mg/dl", "mg/100 mL", "mg/100mL":
		return "mg/dL"
	case "g/dl":
		return "g/dL"
	case "mmol/l":
		return "mmol/L"
	case "µmol/L", "μmol/L", "umol/l", "µmol/l":
		return "umol/L"
	case "µg/dL", "μg/dL", "mcg/dL":
		return "ug/dL"
	case "µg/L", "μg/L", "mcg/L":
		return "ug/L"
	case "mEq/L", "meq/l":
		return "meq/L"
	case "IU/L":
		return "[iU]/L"
	case "mIU/L":
		return "m[iU]/L"
	case "uIU/mL", "µIU/mL", "μIU/mL":
		return "u[iU]/mL"
	case "K/uL", "K/µL", "x10E3/uL", "10^3/uL", "10*3/uL":
		return "10*3/uL"
	case "M/uL", "M/µL", "x10E6/uL", "10^6/uL", "10*6/uL":
		return "10*6/uL"
	case "10^9/L", "x10^9/L", "10*9/L":
		return "10*9/L"
	case "10^12/L", "x10^12/L", "10*12/L":
		return "10*12/L"
	case "bpm", "beats/min", "breaths/min":
		return "/min"
	case "mg/dL", "g/dL", "mmol/L", "umol/L", "mmol/mol", "mg/L", "g/L", "ug/dL", "ug/L", "ng/mL", "ng/dL", "pg/mL", "U/L", "%", "kg", "g", "cm", "mm", "mL/min", "fL", "pg", "/min", "meq/L", "nmol/L", "pmol/L", "kg/m2", "mm[Hg]":
		return text
	}
	return ""
}

// Say is how people write the unit with this code.
func Say(code string) string {
	switch code {
	case "mm[Hg]":
		return "mmHg"
	case "Cel":
		return "°C"
	case "[degF]":
		return "°F"
	case "[lb_av]":
		return "lb"
	case "[in_i]":
		return "in"
	case "umol/L":
		return "µmol/L"
	case "ug/dL":
		return "µg/dL"
	case "ug/L":
		return "µg/L"
	}
	return code
}

func rat(s string) *big.Rat {
	r, _ := new(big.Rat).SetString(s) // of the tables alone: a test reads each
	return r
}
