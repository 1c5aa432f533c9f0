// Package deid owns Postern's fictional people: the cast of the demo, whole
// populations for tests and benches, and the public name and age tables that
// both are drawn from. De-identification of real charts will live here too; no
// line of it exists yet.
//
// It guarantees that the same seed and the same day give the same bytes on
// every machine, that every date lies before the given day (except appointments, the
// targets of goals, and the ends of plans and of insurance), that each bundle is
// a FHIR R4 transaction in strict JSON with exactly one Patient, whose
// references all resolve inside it, and that shared resources (the clinic, its
// laboratory, its staff) are the same bytes in every bundle. Every resource
// carries the HTEST tag ("test health data"). Telephone numbers lie in the
// block reserved for fiction (555-0100 to 555-0199), mail addresses and
// identifier systems under .example, postal codes in a block never assigned.
// A bundle is written as it is made: memory does not grow with its size.
//
// It never reads, holds or resembles the record of a real person, never asks a
// clock or the system's randomness, does no I/O beyond the writer it is given,
// and keeps no secret: its identifiers are predictable on purpose, so nothing
// made here may serve as a key, a token or a password. The medicine is
// plausible for stories and no advice for anyone.
package deid
