package ucum_test

import (
	"math"
	"os"
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"postern.example/postern/internal/room/records/ucum"
	"postern.example/postern/test/synthea"
)

func unit(t testing.TB, code string) ucum.Unit {
	t.Helper()
	u, err := ucum.Parse(code)
	if err != nil {
		t.Fatalf("%s: %v", code, err)
	}
	return u
}

func of(t testing.TB, loinc, code string) ucum.Measure {
	t.Helper()
	test, _ := ucum.TestOf(loinc)
	return ucum.Measure{Unit: unit(t, code), Test: test}
}

// What laboratories on both sides of an ocean would write for one sample.
func TestConversions(t *testing.T) {
	for _, c := range []struct {
		what               string
		written, from      string
		loincFrom, loincTo string
		to, want           string
	}{
		{"sugar", "5.1", "mmol/L", "14749-6", "2345-7", "mg/dL", "92"},
		{"sugar", "92", "mg/dL", "2345-7", "14749-6", "mmol/L", "5.11"},
		{"sugar, one code", "7.0", "mmol/L", "2345-7", "2345-7", "mg/dL", "126"},
		{"cholesterol", "200", "mg/dL", "2093-3", "14647-2", "mmol/L", "5.17"},
		{"LDL", "3.4", "mmol/L", "39469-2", "13457-7", "mg/dL", "131"},
		{"triglycerides", "150", "mg/dL", "2571-8", "14927-8", "mmol/L", "1.69"},
		{"creatinine", "1.1", "mg/dL", "2160-0", "14682-9", "umol/L", "97"},
		{"urea nitrogen", "15", "mg/dL", "3094-0", "22664-7", "mmol/L", "5.4"},
		{"urea by weight", "32", "mg/dL", "3091-6", "3094-0", "mg/dL", "14.9"},
		{"uric acid", "6.0", "mg/dL", "3084-1", "14933-6", "umol/L", "357"},
		{"calcium", "9.5", "mg/dL", "17861-6", "2000-8", "mmol/L", "2.37"},
		{"calcium, equivalents", "4.8", "meq/L", "17861-6", "17861-6", "mg/dL", "9.6"},
		{"sodium", "140", "meq/L", "2951-2", "2951-2", "mmol/L", "140"},
		{"bilirubin", "1.0", "mg/dL", "1975-2", "14631-6", "umol/L", "17"},
		{"hemoglobin", "13.5", "g/dL", "718-7", "59260-0", "mmol/L", "8.38"},
		{"hemoglobin per liter", "13.5", "g/dL", "718-7", "718-7", "g/L", "135"},
		{"iron", "100", "ug/dL", "2498-4", "14798-3", "umol/L", "17.9"},
		{"HbA1c", "7.0", "%", "4548-4", "59261-8", "mmol/mol", "53"},
		{"HbA1c back", "53", "mmol/mol", "59261-8", "4548-4", "%", "7.0"},
		{"fever", "98.6", "[degF]", "8310-5", "8310-5", "Cel", "37.0"},
		{"fever back", "37.5", "Cel", "8310-5", "8310-5", "[degF]", "99.5"},
		{"height", "170", "cm", "", "", "[in_i]", "66.9"},
		{"the mistake of a factor of ten", "2.1", "cm", "", "", "mm", "21"},
		{"weight", "180", "[lb_av]", "", "", "kg", "81.6"},
		{"blood cells", "4.5", "10*6/uL", "", "", "10*12/L", "4.5"},
		{"hematocrit", "0.45", "1", "", "", "%", "45"},
		{"TSH", "2.10", "u[iU]/mL", "", "", "m[iU]/L", "2.10"},
		{"enzymes", "35", "U/L", "", "", "ukat/L", "0.58"},
	} {
		got, ok := ucum.Convert(c.written, of(t, c.loincFrom, c.from), of(t, c.loincTo, c.to))
		if !ok || got.Text != c.want {
			t.Errorf("%s: %s %s is %q %s (%v), want %s", c.what, c.written, c.from, got.Text, c.to, ok, c.want)
		}
	}
}

// What must never meet.
func TestRefuses(t *testing.T) {
	for _, c := range []struct{ what, loinc, from, to string }{
		{"an unknown substance has no molar mass", "", "mg/dL", "mmol/L"},
		{"enzyme units are no International Units", "", "U/L", "[iU]/L"},
		{"a mole is no number", "", "mmol/L", "/L"},
		{"an equivalent is no mole where the valence is not known", "", "meq/L", "mmol/L"},
		{"HbA1c is no plain fraction", "4548-4", "%", "1"},
		{"HbA1c is no plain fraction", "59261-8", "mmol/mol", "[ppth]"},
		{"pressure is no mass", "2345-7", "mm[Hg]", "mmol/L"},
		{"length and weight", "", "cm", "kg"},
		{"two kinds of arbitrary units", "", "[arb'U]/mL", "[iU]/mL"},
		{"a temperature is no length", "", "Cel", "m"},
	} {
		if got, ok := ucum.Convert("5", of(t, c.loinc, c.from), of(t, c.loinc, c.to)); ok {
			t.Errorf("%s: 5 %s became %s %s", c.what, c.from, got.Text, c.to)
		}
	}
	if _, ok := ucum.Convert("5", of(t, "2345-7", "mg/dL"), of(t, "2093-3", "mg/dL")); ok {
		t.Error("sugar became cholesterol")
	}
	for _, bad := range []string{"", "five", "1e99999", "0x10", "1/3", "5,1", "--5", "Inf"} {
		if _, ok := ucum.Convert(bad, of(t, "", "cm"), of(t, "", "mm")); ok {
			t.Errorf("%q is a number", bad)
		}
	}
	if _, ok := ucum.Convert("5", ucum.Measure{}, ucum.Measure{}); ok {
		t.Error("no unit converts")
	}
}

func TestWhatIsNoUnit(t *testing.T) {
	for _, code := range []string{"", "mg/", "/", "(mg", "mg)", "mg//dL", "pH", "(score)", "mgdL", "m0", "m99", "{", "}", "{a{b}", "Cel/min", "mCel", "[degF]2",
		"kmin", "mg dL", "1.5", "10*", "((((((mg))))))", "xyz", "m-", "2"} {
		u, err := ucum.Parse(code)
		if code == "10*" || code == "2" {
			if err != nil {
				t.Errorf("%s: %v", code, err)
			}
			continue
		}
		if err == nil || !u.IsZero() {
			t.Errorf("%q is a unit: %v", code, u)
		}
	}
}

// A unit that nobody coded is read from a closed list; a code of another system never.
func TestOf(t *testing.T) {
	for _, c := range []struct{ system, code, text, want string }{
		{"http://unitsofmeasure.org", "mm[Hg]", "mmHg", "mm[Hg]"},
		{"", "", "mmHg", "mm[Hg]"},
		{"", "", "mg/dl", "mg/dL"},
		{"", "", "K/uL", "10*3/uL"},
		{"", "", "drops", ""},
		{"", "mg/dL", "drops", ""},
		{"urn:other", "mg/dL", "mg/dL", ""},
		{"http://unitsofmeasure.org", "nonsense", "mg/dL", ""},
	} {
		if u := ucum.Of(c.system, c.code, c.text); u.Code() != c.want {
			t.Errorf("%v is %q", c, u.Code())
		}
	}
}

// Every unit of the Synthea charts is known, or listed here as none.
func TestUnitsOfSynthea(t *testing.T) {
	none := map[string]bool{"(score)": true, "pH": true}
	find := regexp.MustCompile(`"system":\s*"http://unitsofmeasure.org",\s*"code":\s*"([^"]+)"`)
	for _, f := range synthea.Files(t) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range find.FindAllSubmatch(b, -1) {
			if _, err := ucum.Parse(string(m[1])); (err != nil) != none[string(m[1])] {
				t.Errorf("%s: %v", m[1], err)
			}
		}
	}
}

var codes = []string{"mg/dL", "g/L", "ng/mL", "mmol/L", "umol/L", "cm", "mm", "[in_i]", "m", "kg", "[lb_av]", "g", "mm[Hg]", "kPa", "Cel", "[degF]", "K",
	"%", "1", "10*3/uL", "10*9/L", "U/L", "ukat/L", "[iU]/L", "m[iU]/L", "/min", "Hz", "mL/min", "meq/L", "mmol/mol", "h", "d", "kg/m2"}

// There and back again is the same value; what goes one way goes the other; and without a
// known test only the same kind of quantity converts.
func TestRoundTrips(t *testing.T) {
	tests := []string{"", "2345-7", "4548-4", "2160-0", "17861-6", "718-7", "8310-5"}
	rapid.Check(t, func(r *rapid.T) {
		loinc := rapid.SampledFrom(tests).Draw(r, "test")
		from := of(t, loinc, rapid.SampledFrom(codes).Draw(r, "from"))
		to := of(t, loinc, rapid.SampledFrom(codes).Draw(r, "to"))
		written := rapid.StringMatching(`[1-9][0-9]{0,3}(\.[0-9]{1,3})?`).Draw(r, "value")
		there, ok := ucum.Convert(written, from, to)
		_, back := ucum.Convert("1", to, from)
		if ok != back {
			r.Fatalf("%s to %s: %v, back %v", from.Unit.Code(), to.Unit.Code(), ok, back)
		}
		if loinc == "" && ok != from.Unit.Comparable(to.Unit) {
			r.Fatalf("%s and %s: converts %v", from.Unit.Code(), to.Unit.Code(), ok)
		}
		if !ok {
			return
		}
		exact := there.Exact.FloatString(30)
		again, ok := ucum.Convert(exact[:min(40, len(exact))], to, from)
		want, _ := ucum.Decimal(written)
		w, _ := want.Float64()
		if !ok || math.Abs(again.Float()-w) > 1e-9*w {
			r.Fatalf("%s %s is %s %s is %v", written, from.Unit.Code(), there.Text, to.Unit.Code(), again.Float())
		}
		if shown, ok := ucum.Decimal(there.Text); ok {
			s, _ := shown.Float64()
			if math.Abs(s-there.Float()) > 0.051*math.Abs(there.Float()) {
				r.Fatalf("%s %s is %v %s, shown as %s", written, from.Unit.Code(), there.Float(), to.Unit.Code(), there.Text)
			}
		} else {
			r.Fatalf("%q is shown", there.Text)
		}
	})
}

func TestDifference(t *testing.T) {
	for _, c := range []struct {
		a, b, want string
		sign       int
	}{{"100", "112", "12", 1}, {"1.10", "0.9", "0.20", -1}, {"7.0", "7", "0.0", 0}} {
		if got, sign, ok := ucum.Difference(c.a, c.b, false); !ok || got != c.want || sign != c.sign {
			t.Errorf("%s to %s: %s %d %v", c.a, c.b, got, sign, ok)
		}
	}
	if got, _, _ := ucum.Difference("8.94", "8.6", true); got != "0.3" {
		t.Errorf("about %s", got)
	}
	if _, _, ok := ucum.Difference("1", "negative", false); ok {
		t.Error("words have a difference")
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range append(codes, "(mg)/(dL.h)", "{a}", "/{HPF}", "mL/min/{1.73_m2}", "10*-3", "m[H2O]", "((", "m2147483647", "10*18.10*18.10*18.10*18") {
		f.Add(c, "7.25")
	}
	f.Fuzz(func(t *testing.T, code, value string) {
		u, err := ucum.Parse(code)
		if err != nil {
			if !u.IsZero() {
				t.Fatal("an error, and a unit")
			}
			return
		}
		m := ucum.Measure{Unit: u}
		got, ok := ucum.Convert(value, m, m)
		if _, number := ucum.Decimal(value); ok != number || ok && (!got.Same || got.Text != value) {
			t.Fatalf("%q in %q became %q", value, code, got.Text)
		}
	})
}
