package person

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// bytes16 draws the content of an identifier.
func bytes16(t *rapid.T, label string) []byte {
	return rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label)
}

// offered is how one kind's identifiers are made outside this package.
type offered[K Kind] struct {
	draw  func(io.Reader) (ID[K], error)
	parse func(string) (ID[K], error)
	load  func([]byte) (ID[K], error)
}

// roundTrip checks every way in and out of an identifier of one kind.
func roundTrip[K Kind](t *testing.T, prefix string, o offered[K]) {
	rapid.Check(t, func(t *rapid.T) {
		raw := bytes16(t, "raw")
		drawn, err := o.draw(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("draw: %v", err)
		}
		stored, err := o.load(drawn.Bytes())
		if err != nil || stored != drawn {
			t.Fatalf("stored form: %v, %v", stored, err)
		}
		s := drawn.String()
		if !strings.HasPrefix(s, prefix) || len(s) != len(prefix)+26 {
			t.Fatalf("text form %q", s)
		}
		parsed, err := o.parse(s)
		if err != nil || parsed != drawn {
			t.Fatalf("parse %q: %v, %v", s, parsed, err)
		}
		if drawn.IsZero() != bytes.Equal(raw, make([]byte, 16)) {
			t.Fatalf("IsZero of % x is %v", raw, drawn.IsZero())
		}
	})
}

func TestIDRoundTrip(t *testing.T) {
	t.Run("patient", func(t *testing.T) {
		roundTrip(t, "pat-", offered[patientKind]{NewPatientID, ParsePatientID, PatientIDFromBytes})
	})
	t.Run("account", func(t *testing.T) {
		roundTrip(t, "acc-", offered[accountKind]{NewAccountID, ParseAccountID, AccountIDFromBytes})
	})
	t.Run("resource", func(t *testing.T) {
		roundTrip(t, "", offered[resourceKind]{NewResourceID, ParseResourceID, ResourceIDFromBytes})
	})
	t.Run("clinic", func(t *testing.T) {
		roundTrip(t, "org-", offered[clinicKind]{NewClinicID, ParseClinicID, ClinicIDFromBytes})
	})
}

// A patient is not an account: the text of one kind is never parsed as another.
func TestParseIDRefusesAnotherKind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := bytes16(t, "raw")
		patient := PatientID{[16]byte(raw)}.String()
		account := AccountID{[16]byte(raw)}.String()
		resource := ResourceID{[16]byte(raw)}.String()
		clinic := ClinicID{[16]byte(raw)}.String()
		refused(t, "patient", func(s string) error { _, err := ParsePatientID(s); return err }, account, resource, clinic)
		refused(t, "account", func(s string) error { _, err := ParseAccountID(s); return err }, patient, resource, clinic)
		refused(t, "resource", func(s string) error { _, err := ParseResourceID(s); return err }, patient, account, clinic)
		refused(t, "clinic", func(s string) error { _, err := ParseClinicID(s); return err }, patient, account, resource)
	})
}

func refused(t *rapid.T, kind string, parse func(string) error, texts ...string) {
	for _, s := range texts {
		if err := parse(s); !errors.Is(err, ErrBadID) {
			t.Fatalf("%s from %q: %v", kind, s, err)
		}
	}
}

// One identifier has one spelling, so that it has one URL.
func TestParseIDIsCanonical(t *testing.T) {
	good := PatientID{[16]byte{1, 2, 3}}.String()
	for name, s := range map[string]string{
		"empty":           "",
		"prefix alone":    "pat-",
		"upper case":      strings.ToUpper(good),
		"padding":         good + "=",
		"shorter":         good[:len(good)-1],
		"space before":    " " + good[:len(good)-1],
		"newline within":  good[:10] + "\n" + good[11:],
		"outside base32":  good[:len(good)-1] + "1",
		"trailing bits":   good[:len(good)-1] + "b",
		"another kind":    "acc-" + good[4:],
		"bidi mark":       good[:len(good)-3] + "\u202e",
		"prefix repeated": "pat-" + good[:26],
	} {
		if id, err := ParsePatientID(s); !errors.Is(err, ErrBadID) || !id.IsZero() {
			t.Errorf("%s: %v, %v", name, id, err)
		}
	}
}

func TestIDFromBytesWantsSixteen(t *testing.T) {
	for _, n := range []int{0, 15, 17} {
		if _, err := PatientIDFromBytes(make([]byte, n)); !errors.Is(err, ErrBadID) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// A source of randomness that runs dry gives no identifier at all.
func TestNewIDNeedsSixteenBytes(t *testing.T) {
	id, err := NewPatientID(bytes.NewReader(make([]byte, 15)))
	if err == nil || !id.IsZero() {
		t.Fatalf("got %v, %v", id, err)
	}
}

// The chart and its Patient resource share their 128 bits.
func TestPatientResource(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := PatientID{[16]byte(bytes16(t, "raw"))}
		r := PatientResource(p)
		if PatientOf(r) != p || "pat-"+r.String() != p.String() {
			t.Fatalf("%v became %v", p, r)
		}
	})
}

func TestOwner(t *testing.T) {
	p, a, c := PatientID{[16]byte{1}}, AccountID{[16]byte{1}}, ClinicID{[16]byte{1}}
	owners := map[Owner]string{Patient(p): p.String(), Account(a): a.String(), Clinic(c): c.String(), {}: "nobody"}
	if len(owners) != 4 {
		t.Fatal("two kinds of owner with the same bits are one owner")
	}
	for o, want := range owners {
		if o.String() != want {
			t.Errorf("owner prints %q, want %q", o, want)
		}
		if b := o.Bytes(); len(b) != 17 || b[0] != byte(o.Kind) || !bytes.Equal(b[1:], o.ID[:]) {
			t.Errorf("%v as bytes: % x", o, b)
		}
		if o.IsZero() != (want == "nobody") {
			t.Errorf("%v: IsZero is %v", o, o.IsZero())
		}
		back, err := OwnerFromBytes(o.Bytes())
		if known := want != "nobody"; (err == nil) != known || known && back != o {
			t.Errorf("%v from its bytes: %v, %v", o, back, err)
		}
		gotP, isP := o.AsPatient()
		if isP != (o.Kind == OwnerPatient) || isP && gotP != p {
			t.Errorf("%v as patient: %v %v", o, gotP, isP)
		}
		gotA, isA := o.AsAccount()
		if isA != (o.Kind == OwnerAccount) || isA && gotA != a {
			t.Errorf("%v as account: %v %v", o, gotA, isA)
		}
	}
}

// Associated data that no owner has names nobody.
func TestOwnerFromBytesRefuses(t *testing.T) {
	for _, b := range [][]byte{nil, make([]byte, 17), make([]byte, 16), append([]byte{1}, make([]byte, 17)...), append([]byte{4}, make([]byte, 16)...)} {
		if o, err := OwnerFromBytes(b); !errors.Is(err, ErrBadID) || !o.IsZero() {
			t.Errorf("% x: %v, %v", b, o, err)
		}
	}
}

// The kinds of owner are stored: their numbers never change.
func TestOwnerKindsAreFixed(t *testing.T) {
	if OwnerPatient != 1 || OwnerAccount != 2 || OwnerClinic != 3 {
		t.Fatal("an owner kind was renumbered; stored rows would change hands")
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("pat-aaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Add("acc-")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParsePatientID(s); err == nil && id.String() != s {
			t.Fatalf("%q parsed as %q", s, id)
		}
		if id, err := ParseResourceID(s); err == nil && id.String() != s {
			t.Fatalf("%q parsed as %q", s, id)
		}
	})
}
