package person

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"postern.example/postern/test/covers"
)

// The names of roles stand in policies, entries and provisioning: fixed.
func TestRoles(t *testing.T) {
	want := "patient clinician nurse front-desk records-office billing administrator compliance auditor system"
	var got []string
	for _, r := range Roles() {
		got = append(got, string(r))
		if back, ok := ParseRole(string(r)); !ok || back != r {
			t.Errorf("ParseRole(%q) = %q, %v", r, back, ok)
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("roles are %q, want %q", got, want)
	}
	for _, s := range []string{"", "Patient", "root", "patient "} {
		if r, ok := ParseRole(s); ok {
			t.Errorf("ParseRole(%q) = %q", s, r)
		}
	}
}

func TestPurposes(t *testing.T) {
	seen := map[Purpose]bool{}
	for _, p := range Purposes() {
		if seen[p] {
			t.Errorf("purpose %q twice", p)
		}
		seen[p] = true
		if back, ok := ParsePurpose(string(p)); !ok || back != p {
			t.Errorf("ParsePurpose(%q) = %q, %v", p, back, ok)
		}
	}
	for _, s := range []string{"", "treat", "ANY"} {
		if p, ok := ParsePurpose(s); ok {
			t.Errorf("ParsePurpose(%q) = %q", s, p)
		}
	}
}

// The names of kinds stand in policies and entries: fixed.
func TestKinds(t *testing.T) {
	for k, want := range map[CallerKind]string{KindStranger: "stranger", KindPerson: "person", KindToken: "token",
		KindSystem: "system", KindOperator: "operator", KindOperator + 1: "stranger"} {
		if k.String() != want {
			t.Errorf("kind %d is %q, want %q", k, k.String(), want)
		}
	}
}

// A Caller that somebody forgot to fill is a stranger without account or role.
func TestZeroCallerIsAStranger(t *testing.T) {
	var c Caller
	if c.Kind() != KindStranger || !c.Account().IsZero() || c.Role() != "" || c.Purpose() != "" || c.Proof() != (Proof{}) {
		t.Fatalf("the zero Caller is %+v", c)
	}
}

// Every log entry names a natural person or a client, so every field given to
// a constructor must come out again.
func TestCallersSayWhoTheyAre(t *testing.T) {
	covers.Covers(t, "HC-6a")
	id := AccountID{[16]byte{7}}
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	req := Request{ID: "req-1", Client: "web", Source: "192.0.2.7"}
	cfg := PersonConfig{Account: id, Role: RoleNurse, Purpose: PurposeTreatment,
		Proof: Proof{Method: "passkey", At: at}, Device: "dev-1", Request: req}

	p := NewPerson(cfg)
	if p.Kind() != KindPerson || p.Account() != id || p.Role() != RoleNurse || p.Purpose() != PurposeTreatment ||
		p.Proof() != cfg.Proof || p.Device() != "dev-1" || p.Name() != "" || p.Request() != req {
		t.Errorf("person: %+v", p)
	}
	cfg.Token = true
	if k := NewPerson(cfg).Kind(); k != KindToken {
		t.Errorf("token: kind %v", k)
	}
	if s := NewSystem("fold-index", PurposeOperations, req); s.Kind() != KindSystem || s.Role() != RoleSystem ||
		s.Name() != "fold-index" || !s.Account().IsZero() || s.Purpose() != PurposeOperations {
		t.Errorf("system: %+v", s)
	}
	if o := NewOperator("import", id, PurposeRecords, req); o.Kind() != KindOperator || o.Role() != RoleSystem ||
		o.Name() != "import" || o.Account() != id || o.Purpose() != PurposeRecords {
		t.Errorf("operator: %+v", o)
	}
	if s := Stranger(req); s.Kind() != KindStranger || s.Request() != req {
		t.Errorf("stranger: %+v", s)
	}
}

// Stating a purpose changes the purpose of the copy and nothing else.
func TestForChangesPurposeAlone(t *testing.T) {
	nurse := NewPerson(PersonConfig{Account: AccountID{[16]byte{7}}, Role: RoleNurse, Purpose: PurposeOperations})
	got := nurse.For(PurposeTreatment)
	if got.Purpose() != PurposeTreatment || nurse.Purpose() != PurposeOperations {
		t.Fatalf("purposes: %q, %q", got.Purpose(), nurse.Purpose())
	}
	if got.For(PurposeOperations) != nurse {
		t.Fatal("For changed more than the purpose")
	}
}

// Refusals are counted per Caller: two people, two devices, two commands and
// two sources must not share a counter.
func TestKeySeparatesCallers(t *testing.T) {
	a, b := AccountID{[16]byte{1}}, AccountID{[16]byte{2}}
	callers := []Caller{
		Stranger(Request{Source: "192.0.2.1"}),
		Stranger(Request{Source: "192.0.2.2"}),
		NewPerson(PersonConfig{Account: a, Device: "d1"}),
		NewPerson(PersonConfig{Account: a, Device: "d2"}),
		NewPerson(PersonConfig{Account: b, Device: "d1"}),
		NewSystem("fold", PurposeOperations, Request{}),
		NewOperator("import", AccountID{}, PurposeRecords, Request{}),
	}
	seen := map[string]int{}
	for i, c := range callers {
		if j, dup := seen[c.Key()]; dup {
			t.Errorf("callers %d and %d share the key %q", i, j, c.Key())
		}
		seen[c.Key()] = i
	}
	same := NewPerson(PersonConfig{Account: a, Device: "d1", Request: Request{ID: "another"}})
	if same.Key() != callers[2].Key() {
		t.Error("the key depends on the request; identical refusals would never add up")
	}
}

// A Caller cannot be assembled field by field outside this package.
func TestCallerHasNoExportedField(t *testing.T) {
	typ := reflect.TypeFor[Caller]()
	for i := range typ.NumField() {
		if typ.Field(i).IsExported() {
			t.Errorf("field %s is exported", typ.Field(i).Name)
		}
	}
}
