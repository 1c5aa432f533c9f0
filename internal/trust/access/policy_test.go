package access_test

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// files is a copy of the embedded policies.
func files(t *testing.T) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	names, err := fs.Glob(os.DirFS("."), "policies/*")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out[n] = &fstest.MapFile{Data: b}
	}
	return out
}

// unreadable lists a policy that cannot be read.
type unreadable struct{ fstest.MapFS }

func (u unreadable) ReadFile(name string) ([]byte, error) {
	if strings.HasSuffix(name, "care.cedar") {
		return nil, errors.New("bad sector")
	}
	return u.MapFS.ReadFile(name)
}

func TestBadPoliciesStopTheStart(t *testing.T) {
	const schema = "policies/schema.cedarschema"
	edit := func(name, old, text string) func(fstest.MapFS) fs.FS {
		return func(m fstest.MapFS) fs.FS {
			b := string(m[name].Data)
			if !strings.Contains(b, old) {
				t.Fatalf("%s does not hold %q", name, old)
			}
			m[name].Data = []byte(strings.Replace(b, old, text, 1))
			return m
		}
	}
	add := func(text string) func(fstest.MapFS) fs.FS {
		return func(m fstest.MapFS) fs.FS {
			m["policies/zz.cedar"] = &fstest.MapFile{Data: []byte(text)}
			return m
		}
	}
	for name, c := range map[string]struct {
		change func(fstest.MapFS) fs.FS
		want   string
	}{
		"no schema":                     {func(m fstest.MapFS) fs.FS { delete(m, schema); return m }, "read policy schema"},
		"a schema that is none":         {edit(schema, "entity Role;", "entity"), "parse policy schema"},
		"an unknown type":               {edit(schema, "entity Person in [Role];", "entity Person in [Nobody];"), "resolve policy schema"},
		"no policies":                   {func(m fstest.MapFS) fs.FS { return fstest.MapFS{schema: m[schema]} }, "none found"},
		"unreadable":                    {func(m fstest.MapFS) fs.FS { return unreadable{m} }, "read policies"},
		"a policy that is none":         {add(`permit everything`), "parse policies"},
		"a policy without id":           {add(`permit (principal, action, resource);`), "no @id"},
		"an unknown attribute":          {add(`@id("x") permit (principal is Person, action == Action::"readChart", resource) when { context.nice };`), "validate policy x"},
		"a comparison that never holds": {add(`@id("x") permit (principal is Person, action == Action::"readChart", resource) when { context.kind == 1 };`), "validate policy x"},
		"an id used twice":              {add(`@id("person.signs-out") permit (principal is Person, action == Action::"signOut", resource);`), "used twice"},
		"an action of the list missing": {edit(schema, "addPasskey, ", ""), "policy"},
		"an action too many":            {edit(schema, "action signIn, ", "action shredChart, signIn, "), "check actions"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := access.New(config(t, c.change(files(t))))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := access.New(config(t, files(t))); err != nil {
		t.Fatalf("the policies themselves: %v", err)
	}
}

func config(t *testing.T, policies fs.FS) access.Config {
	return access.Config{Log: audittest.New(t), Refusals: nothing{}, Directory: vaulttest.NewPeople(), Volume: vaulttest.Endless{}, Environment: keys.Test,
		Clock: time.Now, Random: strings.NewReader(""), Alert: (&kit{}).alert, Policies: policies}
}

func TestTheListOfActionsIsTheSchemas(t *testing.T) {
	var names []string
	known := map[audit.Event]bool{}
	for _, e := range audit.Events() {
		known[e] = true
	}
	for _, d := range access.Actions() {
		names = append(names, string(d.Action))
		if !known[audit.Event(d.Event)] {
			t.Errorf("%s has the unknown event %s", d.Action, d.Event)
		}
	}
	defs := access.Actions()
	if err := access.CheckActions(defs, names); err != nil {
		t.Fatal(err)
	}
	if access.CheckActions(defs, names[1:]) == nil {
		t.Error("a list that differs from the schema passed")
	}
	slices.Reverse(defs)
	if access.CheckActions(defs, names) == nil {
		t.Error("an unsorted list passed")
	}
}

// A policy that fails while it is evaluated (an overflow, which no validation can
// see) denies everything it was asked about, even where another policy permits.
func TestAPolicyErrorDeniesAndAlerts(t *testing.T) {
	m := files(t)
	m["policies/zz.cedar"] = &fstest.MapFile{Data: []byte(
		`@id("broken") permit (principal, action, resource) when { 9223372036854775807 + 1 > 0 };`)}
	k := newKit(t, options{policies: m})
	mine := patientID(t)
	c := k.person(t, mine, person.RolePatient)
	ask := access.Ask{Caller: c, Action: access.ReadChart, Owner: person.Patient(mine)}
	if _, err := k.Decide(t.Context(), ask); !fault.Is(err, fault.NotFound) {
		t.Fatalf("got %v, want the refusal", err)
	}
	if a := k.takeAlerts(); len(a) != 1 || !strings.Contains(a[0], "policy error: evaluate policy broken") {
		t.Fatalf("alerts %v", a)
	}
	if e := k.newest(t); e.Event != audit.EventRefused || e.Patient != mine {
		t.Fatalf("entry %+v", e)
	}
	if _, err := k.Propose(t.Context(), ask, "x"); err == nil || len(k.takeAlerts()) != 1 {
		t.Fatalf("proposed: %v", err)
	}
}
