package person

import "io"

// The kinds of identifier are closed: only this package can name them, so each
// function of ID is offered once per kind.

// NewPatientID draws a chart's identifier.
func NewPatientID(random io.Reader) (PatientID, error) { return NewID[patientKind](random) }

// NewAccountID draws an account's identifier.
func NewAccountID(random io.Reader) (AccountID, error) { return NewID[accountKind](random) }

// NewResourceID draws a resource's identifier.
func NewResourceID(random io.Reader) (ResourceID, error) { return NewID[resourceKind](random) }

// NewClinicID draws the clinic's identifier.
func NewClinicID(random io.Reader) (ClinicID, error) { return NewID[clinicKind](random) }

// ParsePatientID reads a chart's identifier.
func ParsePatientID(s string) (PatientID, error) { return ParseID[patientKind](s) }

// ParseAccountID reads an account's identifier.
func ParseAccountID(s string) (AccountID, error) { return ParseID[accountKind](s) }

// ParseResourceID reads a resource's identifier.
func ParseResourceID(s string) (ResourceID, error) { return ParseID[resourceKind](s) }

// ParseClinicID reads the clinic's identifier.
func ParseClinicID(s string) (ClinicID, error) { return ParseID[clinicKind](s) }

// PatientIDFromBytes rebuilds a chart's identifier from its stored bytes.
func PatientIDFromBytes(b []byte) (PatientID, error) { return IDFromBytes[patientKind](b) }

// AccountIDFromBytes rebuilds an account's identifier from its stored bytes.
func AccountIDFromBytes(b []byte) (AccountID, error) { return IDFromBytes[accountKind](b) }

// ResourceIDFromBytes rebuilds a resource's identifier from its stored bytes.
func ResourceIDFromBytes(b []byte) (ResourceID, error) { return IDFromBytes[resourceKind](b) }

// ClinicIDFromBytes rebuilds the clinic's identifier from its stored bytes.
func ClinicIDFromBytes(b []byte) (ClinicID, error) { return IDFromBytes[clinicKind](b) }
