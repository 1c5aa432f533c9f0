package ucum

import (
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Unit is a unit of measure. The zero Unit is none: it converts to nothing.
type Unit struct {
	code   string
	factor *big.Rat // how many of the product of base units
	dims   []power  // sorted by name, no zeros
	scale  scale    // of a temperature, which does not begin at zero
}

type power struct {
	name string
	n    int
}

type scale uint8

const (
	ratio      scale = iota // everything but the two below
	celsius                 // Cel
	fahrenheit              // [degF]
)

// Bounds of a code. The longest that laboratories use has some 30 characters.
const (
	maxCode  = 64
	maxDepth = 4
	maxPower = 18
)

var errUnit = errors.New("ucum: not a unit that this package knows")

// IsZero reports whether there is no unit.
func (u Unit) IsZero() bool { return u.factor == nil }

// Code is the unit as it was parsed.
func (u Unit) Code() string { return u.code }

// Comparable reports whether both units measure the same kind of quantity, so that
// a value can go from one to the other without knowing what was measured.
func (u Unit) Comparable(other Unit) bool {
	return !u.IsZero() && !other.IsZero() && slices.Equal(u.dims, other.dims)
}

// Parse reads a UCUM code in its case-sensitive form.
func Parse(code string) (Unit, error) {
	if code == "" || len(code) > maxCode {
		return Unit{}, errUnit
	}
	switch code {
	case "Cel":
		return Unit{code, big.NewRat(1, 1), []power{{"K", 1}}, celsius}, nil
	case "[degF]":
		return Unit{code, big.NewRat(5, 9), []power{{"K", 1}}, fahrenheit}, nil
	}
	p := parser{rest: code}
	u, err := p.term(0)
	if err != nil || p.rest != "" {
		return Unit{}, errUnit
	}
	u.code = code
	return u, nil
}

// Of is the unit of a quantity as a chart holds it: system and code, or where nobody
// coded it, one of a closed list of written units.
func Of(system, code, text string) Unit {
	if system != "" && system != "http://unitsofmeasure.org" {
		return Unit{}
	}
	if system == "" {
		if code = written(text); code == "" {
			return Unit{}
		}
	}
	u, err := Parse(code)
	if err != nil {
		return Unit{}
	}
	return u
}

// parser is the grammar of UCUM 2.2 (10): terms of components, joined by "." and "/".
type parser struct{ rest string }

func (p *parser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) term(depth int) (Unit, error) {
	if depth > maxDepth {
		return Unit{}, errUnit
	}
	out := one()
	sign := 1
	if p.take('/') {
		sign = -1
	}
	for {
		u, err := p.component(depth)
		if err != nil {
			return Unit{}, err
		}
		if out, err = out.times(u, sign); err != nil {
			return Unit{}, err
		}
		switch {
		case p.take('.'):
			// "1.5" would be one times five: nobody who writes it means that.
			if p.rest != "" && p.rest[0] >= '0' && p.rest[0] <= '9' {
				return Unit{}, errUnit
			}
			sign = 1
		case p.take('/'):
			sign = -1
		default:
			return out, nil
		}
	}
}

func (p *parser) component(depth int) (Unit, error) {
	if p.take('(') {
		u, err := p.term(depth + 1)
		if err != nil || !p.take(')') {
			return Unit{}, errUnit
		}
		return u, nil
	}
	if ok, err := p.annotation(); ok || err != nil {
		return one(), err
	}
	end := p.atomEnd()
	word := p.rest[:end]
	p.rest = p.rest[end:]
	u, err := simple(word)
	if err != nil {
		return Unit{}, err
	}
	_, err = p.annotation()
	return u, err
}

// annotation skips "{cells}", which says what was counted and changes no unit.
func (p *parser) annotation() (bool, error) {
	if !p.take('{') {
		return false, nil
	}
	i := strings.IndexAny(p.rest, "{}")
	if i < 0 || p.rest[i] != '}' {
		return false, errUnit
	}
	p.rest = p.rest[i+1:]
	return true, nil
}

// atomEnd is where the next atom with its exponent ends. What stands in brackets
// belongs to it.
func (p *parser) atomEnd() int {
	inside := false
	for i := range len(p.rest) {
		switch c := p.rest[i]; {
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case !inside && strings.IndexByte("./(){}", c) >= 0:
			return i
		}
	}
	return len(p.rest)
}

func one() Unit { return Unit{factor: big.NewRat(1, 1)} }

// simple reads a number, or an optional prefix, an atom and an optional exponent.
func simple(word string) (Unit, error) {
	if word == "" || strings.HasPrefix(word, "[deg") || strings.Contains(word, "Cel") {
		return Unit{}, errUnit // a temperature scale stands alone
	}
	if n, err := strconv.ParseUint(word, 10, 31); err == nil && n > 0 {
		u := one()
		u.factor.SetInt64(int64(n)) //#nosec G115 -- 31 bits
		return u, nil
	}
	name, n, err := exponent(word)
	if err != nil {
		return Unit{}, err
	}
	if a, ok := atomOf(name); ok {
		return a.unit(0, n)
	}
	for _, size := range []int{2, 1} {
		if len(name) <= size {
			continue
		}
		ten, known := prefixOf(name[:size])
		if a, ok := atomOf(name[size:]); ok && known && a.metric {
			return a.unit(ten, n)
		}
	}
	return Unit{}, errUnit
}

// exponent cuts "m2" into "m" and 2, "s-1" into "s" and -1, "10*3" into "10*" and 3.
func exponent(word string) (string, int, error) {
	i := len(word)
	for i > 0 && word[i-1] >= '0' && word[i-1] <= '9' {
		i--
	}
	if i == len(word) {
		return word, 1, nil
	}
	if i > 0 && (word[i-1] == '-' || word[i-1] == '+') {
		i--
	}
	if i == 0 {
		return "", 0, errUnit
	}
	n, err := strconv.Atoi(word[i:])
	if err != nil || n == 0 || n > maxPower || n < -maxPower {
		return "", 0, errUnit
	}
	return word[:i], n, nil
}

// unit is the atom with a prefix of so many powers of ten, to the power of n.
func (a atom) unit(ten, n int) (Unit, error) {
	base := Unit{factor: rat(a.factor)}
	base.factor.Mul(base.factor, powerOfTen(ten))
	for _, d := range strings.Split(a.dims, ".") {
		if d == "" {
			continue
		}
		name, k := d, 1
		if d[len(d)-1] >= '0' && d[len(d)-1] <= '9' {
			name, k, _ = exponent(d) // of the tables
		}
		base.dims = append(base.dims, power{name, k})
	}
	out := one()
	for range max(n, -n) {
		var err error
		if out, err = out.times(base, min(max(n, -1), 1)); err != nil {
			return Unit{}, err
		}
	}
	return out, nil
}

// times is u times other to the power of sign, which is 1 or -1.
func (u Unit) times(other Unit, sign int) (Unit, error) {
	out := Unit{factor: new(big.Rat)}
	if sign < 0 {
		out.factor.Quo(u.factor, other.factor)
	} else {
		out.factor.Mul(u.factor, other.factor)
	}
	if out.factor.Num().BitLen() > 512 || out.factor.Denom().BitLen() > 512 {
		return Unit{}, errUnit
	}
	out.dims = slices.Clone(u.dims)
	for _, d := range other.dims {
		i := slices.IndexFunc(out.dims, func(x power) bool { return x.name == d.name })
		if i < 0 {
			i = len(out.dims)
			out.dims = append(out.dims, power{name: d.name})
		}
		if out.dims[i].n += sign * d.n; out.dims[i].n > maxPower || out.dims[i].n < -maxPower {
			return Unit{}, errUnit
		}
	}
	out.dims = slices.DeleteFunc(out.dims, func(x power) bool { return x.n == 0 })
	slices.SortFunc(out.dims, func(a, b power) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// powerOfTen is ten to the power of n.
func powerOfTen(n int) *big.Rat {
	p := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n, -n))), nil))
	if n < 0 {
		p.Inv(p)
	}
	return p
}
