package ucum_test

import (
	"math"
	"testing"

	"postern.example/postern/internal/room/records/ucum"
)

// The factors that laboratories print in their handbooks, for one of the first unit.
func TestFactorsOfTheHandbooks(t *testing.T) {
	for _, c := range []struct {
		codes    []string
		from, to string
		factor   float64
	}{
		{[]string{"2339-0", "15074-8", "1558-6", "14771-0"}, "mg/dL", "mmol/L", 0.05551},
		{[]string{"18262-6", "69419-0", "2089-1", "22748-8", "2085-9", "14646-4", "43396-1", "70204-3"}, "mg/dL", "mmol/L", 0.02586},
		{[]string{"38483-4", "59826-8"}, "mg/dL", "umol/L", 88.4},
		{[]string{"6299-2"}, "mg/dL", "mmol/L", 0.357},
		{[]string{"49765-1", "2000-8"}, "mg/dL", "mmol/L", 0.2495},
		{[]string{"19123-9", "2601-3"}, "mg/dL", "mmol/L", 0.4114},
		{[]string{"2777-1", "14879-1"}, "mg/dL", "mmol/L", 0.3229},
		{[]string{"1968-7", "14629-0"}, "mg/dL", "umol/L", 17.1},
		{[]string{"2500-7", "14800-7"}, "ug/dL", "umol/L", 0.179},
		{[]string{"5671-3"}, "ug/dL", "umol/L", 0.04826},
		{[]string{"2132-9", "14685-2"}, "pg/mL", "pmol/L", 0.7378},
		{[]string{"2284-8", "14732-2"}, "ng/mL", "nmol/L", 2.266},
		{[]string{"3024-7", "14920-3"}, "ng/dL", "pmol/L", 12.87},
		{[]string{"2143-6", "14675-3"}, "ug/dL", "nmol/L", 27.59},
		{[]string{"2986-8", "14913-8"}, "ng/dL", "nmol/L", 0.03467},
		{[]string{"2947-0", "2823-3", "6298-4", "2075-0", "2069-3", "1963-8", "2028-9", "20565-8"}, "meq/L", "mmol/L", 1},
		{[]string{"9318-7", "14959-1", "30000-4", "32294-1", "2890-2", "34366-5"}, "mg/g", "mg/mmol", 0.1131},
		{[]string{"9318-7"}, "ug/mg", "g/mol", 0.1131}, {[]string{"9318-7"}, "mg/mmol", "mg/g", 8.84}, {[]string{"9318-7"}, "g/mol", "mg/mmol", 1},
		{[]string{"", "8310-5"}, "[ft_i]", "[in_i]", 12}, {[]string{""}, "[mi_i]", "m", 1609.344}, {[]string{""}, "[lb_av]", "[oz_av]", 16},
		{[]string{""}, "[tbs_us]", "[tsp_us]", 3}, {[]string{""}, "[foz_us]", "mL", 29.5735}, {[]string{""}, "[Cal]", "kcal", 1},
		{[]string{""}, "wk", "d", 7}, {[]string{""}, "a", "mo", 12}, {[]string{""}, "h", "min", 60}, {[]string{""}, "kPa", "mm[Hg]", 7.50062},
		{[]string{""}, "bar", "kPa", 100}, {[]string{""}, "cm[H2O]", "Pa", 98.0665}, {[]string{""}, "J", "N.m", 1}, {[]string{""}, "W.s", "J", 1},
		{[]string{""}, "t", "kg", 1000}, {[]string{""}, "ukat/L", "U/L", 60}, {[]string{""}, "kHz", "/s", 1000}, {[]string{""}, "MBq", "/s", 1e6},
		{[]string{""}, "mSv", "mGy", 1}, {[]string{""}, "[ppth]", "[ppm]", 1000}, {[]string{""}, "[ppm]", "[ppb]", 1000}, {[]string{""}, "hL", "daL", 10},
		{[]string{""}, "Gg", "Mg", 1000}, {[]string{""}, "fmol", "pmol", 0.001}, {[]string{""}, "Tm", "Gm", 1000}, {[]string{""}, "mosm", "osm", 0.001},
	} {
		for _, code := range c.codes {
			test, known := ucum.TestOf(code)
			if known != (code != "") {
				t.Errorf("%s: known %v", code, known)
			}
			from, to := ucum.Measure{Unit: unit(t, c.from), Test: test}, ucum.Measure{Unit: unit(t, c.to), Test: test}
			got, ok := ucum.Convert("1000", from, to)
			if !ok || math.Abs(got.Float()/1000/c.factor-1) > 0.002 {
				t.Errorf("%s: 1 %s is %v %s (%v), want %v", code, c.from, got.Float()/1000, c.to, ok, c.factor)
			}
			if other := test.Other(from.Unit); other != "" && other != c.to {
				t.Errorf("%s: elsewhere %s is %s, want %s", code, c.from, other, c.to)
			}
		}
	}
}

// What people write without a code is read where it can mean one thing alone, and
// units are said as people write them.
func TestUnitsAsPeopleWriteThem(t *testing.T) {
	for text, code := range map[string]string{"mm Hg": "mm[Hg]", "°C": "Cel", "degF": "[degF]", "lbs": "[lb_av]", "inches": "[in_i]", "mcg": "ug", "mg/100 mL": "mg/dL", "g/dl": "g/dL",
		"mmol/l": "mmol/L", "μmol/L": "umol/L", "mcg/dL": "ug/dL", "µg/L": "ug/L", "mEq/L": "meq/L", "IU/L": "[iU]/L", "mIU/L": "m[iU]/L", "µIU/mL": "u[iU]/mL",
		"K/uL": "10*3/uL", "M/µL": "10*6/uL", "x10^9/L": "10*9/L", "10^12/L": "10*12/L", "bpm": "/min", "pg": "pg"} {
		if got := ucum.Of("", "", text); got.Code() != code {
			t.Errorf("%q is %q, want %q", text, got.Code(), code)
		}
	}
	for _, text := range []string{"", "units", "x", "mil", "cc"} {
		if got := ucum.Of("", "", text); !got.IsZero() {
			t.Errorf("%q is %q", text, got.Code())
		}
	}
	for code, said := range map[string]string{"mm[Hg]": "mmHg", "Cel": "°C", "[degF]": "°F", "[lb_av]": "lb", "[in_i]": "in", "umol/L": "µmol/L", "ug/dL": "µg/dL", "ug/L": "µg/L", "mg/dL": "mg/dL"} {
		if got := ucum.Say(code); got != said {
			t.Errorf("%s is said %q", code, got)
		}
	}
}
