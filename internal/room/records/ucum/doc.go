// Package ucum owns units of measure: it reads codes of the Unified Code for Units
// of Measure (https://ucum.org) and turns a measured value from one unit into another.
//
// It guarantees:
//
//   - A value is converted only where the two units measure the same thing: the same
//     powers of the same base units, or for a test of the table in analyte.go, an
//     amount of substance and its mass, a ratio to either of them, or the two scales of
//     HbA1c. Everything else is refused; nothing is guessed.
//   - An amount of substance (mol), an electric equivalent (eq), and each arbitrary unit
//     ([iU]) are base units of their own, unlike in UCUM, where a mole is a number:
//     2 mmol/L can then never pass for 1.2e21 per litre, nor an International Unit for
//     an enzyme unit.
//   - Arithmetic is exact, in fractions. What comes out is rounded once, to the digits that
//     the written value had.
//   - A code that is not understood is an error and no unit. Every code is bounded in
//     length, depth and exponent, so that none costs much.
//
// It never decides what is usual or healthy, holds no chart data and reads nothing.
package ucum
