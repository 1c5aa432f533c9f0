package ucum

import (
	"math"
	"math/big"
	"slices"
	"strings"
)

// Measure is a unit with the test that it measures; the zero Test is any.
type Measure struct {
	Unit Unit
	Test Test
}

// Converted is a value in another unit.
type Converted struct {
	Exact *big.Rat // for drawing and comparing
	Text  string   // rounded to the digits that the written value had, for showing
	Same  bool     // the units are two spellings of one: Text is the value as it was written
}

// Float is the value as a number.
func (c Converted) Float() float64 { f, _ := c.Exact.Float64(); return f }

// Convert turns a written decimal into another unit. It reports false where the two do
// not measure the same thing, where a unit is not known, and for what is no decimal.
func Convert(written string, from, to Measure) (Converted, bool) {
	value, ok := Decimal(written)
	if !ok || from.Unit.IsZero() || to.Unit.IsZero() || from.Test.Key != to.Test.Key {
		return Converted{}, false
	}
	l, ok := lineOf(from, to)
	if !ok {
		return Converted{}, false
	}
	if l.slope.Cmp(unity) == 0 && l.offset.Sign() == 0 {
		return Converted{Exact: value, Text: written, Same: true}, true
	}
	exact := new(big.Rat).Add(new(big.Rat).Mul(value, l.slope), l.offset)
	return Converted{Exact: exact, Text: l.round(exact, written)}, true
}

var unity = big.NewRat(1, 1)

// line is to = from * slope + offset: every conversion here is one.
type line struct{ slope, offset *big.Rat }

func lineOf(from, to Measure) (line, bool) {
	if from.Test.a1c {
		return a1cLine(from.Unit.code, to.Unit.code)
	}
	a, b := from.perMole(), to.perMole()
	if a.scale != ratio || b.scale != ratio {
		return temperatureLine(a, b)
	}
	// The same kind of quantity, of the same substance. Two substances of one key
	// (urea, and the nitrogen in it) meet only as amounts of it.
	if !a.Comparable(b) || a.weighs() && from.Test.molar != to.Test.molar {
		a, b = from.substance(), to.substance()
	}
	if !a.Comparable(b) {
		return line{}, false
	}
	return line{new(big.Rat).Quo(a.factor, b.factor), new(big.Rat)}, true
}

// a1cLine joins the two scales of HbA1c by the master equation of NGSP and IFCC:
// NGSP = 0.09148 IFCC + 2.152. As UCUM has it, both are plain fractions, and 53 mmol/mol
// would be 5.3 % where it is 7.0 %.
func a1cLine(from, to string) (line, bool) {
	known := func(code string) bool { return code == "%" || code == "mmol/mol" }
	slope, offset := big.NewRat(9148, 100_000), big.NewRat(2152, 1000)
	switch {
	case !known(from) || !known(to):
		return line{}, false
	case from == to:
		return line{unity, new(big.Rat)}, true
	case to == "%":
		return line{slope, offset}, true
	}
	inverse := new(big.Rat).Inv(slope)
	return line{inverse, new(big.Rat).Neg(new(big.Rat).Mul(offset, inverse))}, true
}

// temperatureLine goes over kelvin.
func temperatureLine(a, b Unit) (line, bool) {
	if !a.Comparable(b) {
		return line{}, false
	}
	zero := func(u Unit) *big.Rat {
		switch u.scale {
		case celsius:
			return big.NewRat(27315, 100)
		case fahrenheit:
			return big.NewRat(45967*5, 900)
		default:
			return new(big.Rat)
		}
	}
	offset := new(big.Rat).Sub(zero(a), zero(b))
	return line{new(big.Rat).Quo(a.factor, b.factor), offset.Quo(offset, b.factor)}, true
}

// weighs reports whether the unit is one of mass, or of mass in something.
func (u Unit) weighs() bool {
	return slices.Contains(u.dims, power{"g", 1}) && !slices.ContainsFunc(u.dims, func(d power) bool { return d.name == "s" })
}

// perMole is the unit of a ratio by the amount of what something is compared with:
// milligrams to a gram of creatinine, as grams to a mole. Every other unit is itself.
func (m Measure) perMole() Unit {
	u := m.Unit
	if m.Test.under == "" || u.scale != ratio || len(u.dims) > 0 {
		return u
	}
	return Unit{code: u.code, factor: new(big.Rat).Mul(u.factor, rat(m.Test.under)), dims: []power{{"g", 1}, {"mol", -1}}}
}

// substance is the unit as an amount of substance: grams over the molar mass,
// equivalents over the valence.
func (m Measure) substance() Unit {
	u := m.Unit
	var per *big.Rat
	var name string
	switch {
	case u.weighs() && m.Test.molar != "":
		per, name = rat(m.Test.molar), "g"
	case slices.Contains(u.dims, power{"eq", 1}) && m.Test.valence != 0:
		per, name = big.NewRat(m.Test.valence, 1), "eq"
	default:
		return u
	}
	out := Unit{code: u.code, factor: new(big.Rat).Quo(u.factor, per)}
	for _, d := range u.dims {
		if d.name != name {
			out.dims = append(out.dims, d)
		}
	}
	out, err := out.times(Unit{factor: unity, dims: []power{{"mol", 1}}}, 1)
	if err != nil {
		return Unit{}
	}
	return out
}

// Digits of what is shown of a converted value.
const (
	fewestDigits  = 2
	mostDigits    = 3 // with decimals
	decimalsMost  = 18
	temperatureIn = 1 // decimals, at least
)

// round writes a converted value with about the precision of the written one: its
// last digit becomes the power of ten at or below it, and decimals go on to the third digit.
func (l line) round(exact *big.Rat, written string) string {
	slope, _ := l.slope.Float64()
	step := int(math.Floor(math.Log10(slope)+0.05)) - decimals(written)
	if l.offset.Sign() != 0 { // a temperature, or HbA1c: no digits that the scale does not use
		step = -decimals(written)
		if slope < 2 && slope > 0.5 {
			step = -max(temperatureIn, decimals(written))
		}
		if slope > 5 {
			step = 0
		}
		if slope < 0.2 {
			step = -temperatureIn
		}
	}
	size, _ := exact.Float64()
	if size == 0 {
		return "0"
	}
	first := int(math.Floor(math.Log10(math.Abs(size))))
	step = min(max(step, min(0, first-mostDigits+1)), first-fewestDigits+1)
	if step >= 0 {
		ten := powerOfTen(step)
		whole := new(big.Rat).Quo(exact, ten).FloatString(0)
		return strings.TrimPrefix(whole+strings.Repeat("0", step), "-0")
	}
	return exact.FloatString(min(-step, decimalsMost))
}

// decimals counts the digits after the point of a written decimal.
func decimals(written string) int {
	mantissa, _, _ := strings.Cut(strings.ToLower(written), "e")
	_, after, _ := strings.Cut(mantissa, ".")
	return len(after)
}

// Decimal reads a number as charts write it, exactly. One with an exponent beyond
// what is measured, or with a hundred digits, is none.
func Decimal(s string) (*big.Rat, bool) {
	mantissa, exponent, has := strings.Cut(strings.ToLower(s), "e")
	if len(mantissa) > 40 || len(exponent) > 3 || has && exponent == "" || strings.Trim(mantissa, "+-.0123456789") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// Difference is b minus a as a written decimal: with the longer one's decimals, or
// where about, because one of them was rounded, with the shorter one's.
func Difference(a, b string, about bool) (text string, sign int, ok bool) {
	x, okX := Decimal(a)
	y, okY := Decimal(b)
	if !okX || !okY {
		return "", 0, false
	}
	d := new(big.Rat).Sub(y, x)
	places := max(decimals(a), decimals(b))
	if about {
		places = min(decimals(a), decimals(b))
	}
	return new(big.Rat).Abs(d).FloatString(min(places, decimalsMost)), d.Sign(), true
}
