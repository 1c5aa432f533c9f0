package person

import (
	"encoding/base32"
	"errors"
	"fmt"
	"io"
)

// ErrBadID is returned by Parse for a text that is not the canonical form of
// an identifier of the wanted kind.
var ErrBadID = errors.New("person: not an identifier of this kind")

// text is base32 in lower case, because an identifier appears in URLs, file
// names and FHIR ids ([A-Za-z0-9\-\.]{1,64}), and is read out on the phone.
var text = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Kind separates identifiers that must not be mistaken for each other.
type Kind interface{ prefix() string }

type (
	patientKind  struct{}
	accountKind  struct{}
	resourceKind struct{}
	clinicKind   struct{}
)

func (patientKind) prefix() string  { return "pat-" }
func (accountKind) prefix() string  { return "acc-" }
func (resourceKind) prefix() string { return "" }
func (clinicKind) prefix() string   { return "org-" }

// ID is a 128-bit random identifier that Postern assigned. Two kinds are two
// types: a patient is not an account, and Parse refuses another kind's text.
// The zero ID names nobody.
type ID[K Kind] struct{ b [16]byte }

type (
	// PatientID names a chart and the person it is about.
	PatientID = ID[patientKind]
	// AccountID names one natural person's means of signing in. It is never reused.
	AccountID = ID[accountKind]
	// ResourceID names one FHIR resource; its text is the FHIR id.
	ResourceID = ID[resourceKind]
	// ClinicID names the one covered entity of an installation, which owns
	// shared resources (practitioners, places) and the log's payloads.
	ClinicID = ID[clinicKind]
)

// NewID draws an identifier from random.
func NewID[K Kind](random io.Reader) (ID[K], error) {
	var id ID[K]
	if _, err := io.ReadFull(random, id.b[:]); err != nil {
		return ID[K]{}, fmt.Errorf("draw identifier: %w", err)
	}
	return id, nil
}

// IDFromBytes rebuilds an identifier from its 16 stored bytes.
func IDFromBytes[K Kind](b []byte) (ID[K], error) {
	var id ID[K]
	if len(b) != len(id.b) {
		return ID[K]{}, ErrBadID
	}
	copy(id.b[:], b)
	return id, nil
}

// ParseID reads the text form. It accepts the canonical spelling only, so that
// one identifier has one URL.
func ParseID[K Kind](s string) (ID[K], error) {
	var id ID[K]
	var kind K
	p := kind.prefix()
	if len(s) != len(p)+26 || s[:len(p)] != p {
		return ID[K]{}, ErrBadID
	}
	n, err := text.Decode(id.b[:], []byte(s[len(p):]))
	if err != nil || n != len(id.b) || id.String() != s {
		return ID[K]{}, ErrBadID
	}
	return id, nil
}

// String is the prefix of the kind and 26 base32 characters.
func (id ID[K]) String() string {
	var kind K
	return kind.prefix() + text.EncodeToString(id.b[:])
}

// Bytes is the stored form.
func (id ID[K]) Bytes() []byte { return id.b[:] }

// IsZero reports whether the identifier names nobody.
func (id ID[K]) IsZero() bool { return id == ID[K]{} }

// PatientResource is the id of the Patient resource that describes p: the same
// 128 bits, so that the chart and its Patient resource cannot drift apart.
func PatientResource(p PatientID) ResourceID { return ResourceID(p) }

// PatientOf is the inverse of PatientResource.
func PatientOf(r ResourceID) PatientID { return PatientID(r) }

// OwnerKind says what an Owner is. Values are stored: never renumber.
type OwnerKind uint8

// The owners of sealed rows and keys.
const (
	OwnerPatient OwnerKind = 1
	OwnerAccount OwnerKind = 2
	OwnerClinic  OwnerKind = 3
)

// Owner is whose keys seal a row: one patient, one account or the clinic.
type Owner struct {
	Kind OwnerKind
	ID   [16]byte
}

// Patient is the owner of a chart.
func Patient(id PatientID) Owner { return Owner{OwnerPatient, id.b} }

// Account is the owner of sign-in data.
func Account(id AccountID) Owner { return Owner{OwnerAccount, id.b} }

// Clinic is the owner of shared data and the log's payloads.
func Clinic(id ClinicID) Owner { return Owner{OwnerClinic, id.b} }

// IsZero reports whether nobody owns it.
func (o Owner) IsZero() bool { return o == Owner{} }

// Bytes is kind and identifier, 17 bytes, the form that associated data binds.
func (o Owner) Bytes() []byte { return append([]byte{byte(o.Kind)}, o.ID[:]...) }

// OwnerFromBytes is the inverse of Bytes.
func OwnerFromBytes(b []byte) (Owner, error) {
	if len(b) != 17 || b[0] < byte(OwnerPatient) || b[0] > byte(OwnerClinic) {
		return Owner{}, ErrBadID
	}
	return Owner{OwnerKind(b[0]), [16]byte(b[1:])}, nil
}

// AsPatient returns the chart that o is, if it is one.
func (o Owner) AsPatient() (PatientID, bool) { return PatientID{o.ID}, o.Kind == OwnerPatient }

// AsAccount returns the account that o is, if it is one.
func (o Owner) AsAccount() (AccountID, bool) { return AccountID{o.ID}, o.Kind == OwnerAccount }

// String is the identifier's text form.
func (o Owner) String() string {
	switch o.Kind {
	case OwnerPatient:
		return PatientID{o.ID}.String()
	case OwnerAccount:
		return AccountID{o.ID}.String()
	case OwnerClinic:
		return ClinicID{o.ID}.String()
	default:
		return "nobody"
	}
}
