package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"os"
	"strings"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/test/covers"
)

// somePatient is a well-formed id.
const (
	somePatient = "pat-buonwgpz7nesu7gb4anlv6kgza"
	someAccount = "acc-buonwgpz7nesu7gb4anlv6kgza"
	someDigest  = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)

func proposalOf(command string, args any, files ...map[string]any) string {
	order := map[string]any{"command": command, "args": args}
	if files != nil {
		order["files"] = files
	}
	b, _ := json.Marshal(order) // maps of strings and numbers
	return string(b)
}

type fields = map[string]any

func someFile(change fields) fields {
	f := fields{"name": "bundle.json", "size": 120, "digest": someDigest}
	for k, v := range change {
		f[k] = v
	}
	return f
}

// A proposal that is not in order reaches nobody: the answer names the field.
func TestProposalsAreCheckedBeforeAPersonSeesThem(t *testing.T) {
	covers.Covers(t, "CH-5")
	c := production(t, apptest.Options{})
	many := make([]map[string]any, 101)
	for i := range many {
		many[i] = someFile(nil)
	}
	long := strings.Repeat("x", 201)
	size := c.Log.Size()
	for says, body := range map[string]string{
		`unknown role \"king\"`:                      proposalOf("account add", fields{"role": "king"}),
		`unknown role \"system\"`:                    proposalOf("account add", fields{"role": "system"}),
		`unknown role \"nurse\\u202e\"`:              proposalOf("account add", fields{"role": "nurse\u202e"}),
		"account add: --patient":                     proposalOf("account add", fields{"role": "patient", "patient": "x"}),
		"--patient needs --role patient":             proposalOf("account add", fields{"role": "nurse", "patient": somePatient}),
		"account add: --name has a control":          proposalOf("account add", fields{"role": "nurse", "name": "a\nb"}),
		"account add: --name is longer than 120":     proposalOf("account add", fields{"role": "nurse", "name": long}),
		"account add: --reason has a control":        proposalOf("account add", fields{"role": "nurse", "reason": "good\u202edab"}),
		"account add: --reason is longer than 200":   proposalOf("account add", fields{"role": "nurse", "reason": long}),
		"account assign: --clinician":                proposalOf("account assign", fields{"clinician": "x", "patient": somePatient}),
		"account assign: --patient":                  proposalOf("account assign", fields{"clinician": someAccount, "patient": "x"}),
		"account assign: --reason has a control":     proposalOf("account assign", fields{"clinician": someAccount, "patient": somePatient, "reason": "\u200b"}),
		"account list: --reason has a control":       proposalOf("account list", fields{"reason": "a\x1b[2J"}),
		"account list: it takes no files":            proposalOf("account list", fields{}, someFile(nil)),
		"import: no files":                           proposalOf("import", fields{}),
		"at most 100 files for one approval":         proposalOf("import", fields{}, many...),
		"--max-bundle is 1 to 1073741824":            proposalOf("import", fields{"bundle": -1}, someFile(nil)),
		"--max-resource is 1 to":                     proposalOf("import", fields{"resource": 1 << 40}, someFile(nil)),
		"--max-depth is 1 to 1000":                   proposalOf("import", fields{"depth": 1001}, someFile(nil)),
		"import: --reason has a control":             proposalOf("import", fields{"reason": "a\rb"}, someFile(nil)),
		"file 1: the digest is not SHA-256":          proposalOf("import", fields{}, someFile(fields{"digest": "approve me"})),
		"file 2: the digest is not SHA-256":          proposalOf("import", fields{}, someFile(nil), someFile(fields{"digest": strings.ToUpper(someDigest)})),
		"file 1: it is empty":                        proposalOf("import", fields{}, someFile(fields{"size": 0})),
		"a bundle at most 67108864":                  proposalOf("import", fields{}, someFile(fields{"size": 64<<20 + 1})),
		"file 1: its name has a control":             proposalOf("import", fields{}, someFile(fields{"name": "a\u2066b"})),
		"file 1: its name is longer than 1024":       proposalOf("import", fields{}, someFile(fields{"name": strings.Repeat("x", 1025)})),
		"read command: something follows it":         proposalOf("account list", fields{}) + "{}",
		`read command: json: unknown field \"root\"`: proposalOf("account list", fields{"root": true}),
	} {
		code, got := c.call(t, "POST", "/propose", body)
		if code != http.StatusBadRequest || !strings.Contains(got, says) {
			t.Errorf("%s: %d %s", says, code, got)
		}
		if strings.ContainsAny(got, "\u202e\u2066\u200b\x1b\r") {
			t.Errorf("%s: the answer repeats what hides: %q", says, got)
		}
	}
	if c.Log.Size() != size {
		t.Errorf("%d entries for proposals that reached nobody", c.Log.Size()-size)
	}
}

// What a person approves says everything that is not as usual.
func TestWordsSayWhatIsNotAsUsual(t *testing.T) {
	covers.Covers(t, "CH-5")
	c := production(t, apptest.Options{})
	for body, words := range map[string]string{
		proposalOf("account add", fields{"role": "nurse", "name": `Bo". Reason: "none`, "reason": "new here"}):                        `Add an account with the role nurse and the name "Bo\". Reason: \"none". Reason: new here`,
		proposalOf("account add", fields{"role": "patient", "patient": somePatient}):                                                  "Add an account with the role patient for the chart " + somePatient + ".",
		proposalOf("import", fields{"bundle": 64 << 20, "resource": 1 << 20, "depth": 64, "reason": "first patients"}, someFile(nil)): "Import 1 FHIR bundles; 120 bytes, SHA-256 " + someDigest + ". Reason: first patients",
		proposalOf("import", fields{"bundle": 1 << 30, "resource": 5, "depth": 999}, someFile(fields{"size": 65 << 20})): "Import 1 FHIR bundles; with other limits than usual: bytes of a bundle 1073741824 instead of 67108864, " +
			"bytes of a resource 5 instead of 1048576, depth 999 instead of 64; 68157440 bytes, SHA-256 " + someDigest + ".",
	} {
		code, got := c.call(t, "POST", "/propose", body)
		if code != http.StatusOK {
			t.Fatalf("propose %s: %d %s", body, code, got)
		}
		var p struct{ ID string }
		must(t, json.Unmarshal([]byte(got), &p))
		if page := html.UnescapeString(string(c.admin.Get(t, "/approve/"+p.ID).Body)); !strings.Contains(page, words) {
			t.Errorf("the page does not say %s\n%s", words, page)
		}
	}
}

// A flood of proposals shuts out neither other commands nor the newest of its
// own, and the log says which user of the system ran them.
func TestAFloodOfProposalsShutsNobodyOut(t *testing.T) {
	covers.Covers(t, "CH-5")
	c := production(t, apptest.Options{})
	url, end := propose(t, c.add("nurse"))
	oldURL, oldEnd := propose(t, func(ctx context.Context, say func(string)) ([]app.AccountRow, error) {
		return app.AccountList(ctx, app.AccountListOptions{Place: c.Place, Say: say})
	})
	from := c.Log.Size()
	for i := range 150 {
		if code, got := c.call(t, "POST", "/propose", proposalOf("account list", fields{"reason": fmt.Sprint(i)})); code != http.StatusOK {
			t.Fatalf("number %d: %d %s", i, code, got)
		}
	}
	if got := c.admin.Get(t, strings.TrimPrefix(oldURL, c.Origin)); got.Status != http.StatusNotFound {
		t.Errorf("the oldest of the flood's kind: %d", got.Status)
	}
	_, err := oldEnd()
	refused(t, "the oldest is told", err, "newer proposals")
	if got := c.admin.Approve(t, url); got.Status != http.StatusOK {
		t.Fatalf("another command was shut out: %d %s", got.Status, got.Body)
	}
	_, err = end()
	must(t, err)
	newest, newestEnd := propose(t, func(ctx context.Context, say func(string)) ([]app.AccountRow, error) {
		return app.AccountList(ctx, app.AccountListOptions{Place: c.Place, Say: say})
	})
	if got := c.admin.Approve(t, newest); got.Status != http.StatusOK {
		t.Fatalf("the newest of its kind: %d %s", got.Status, got.Body)
	}
	_, err = newestEnd()
	must(t, err)
	user := fmt.Sprintf("uid %d", os.Getuid())
	if e := entries(t, c.App, from)[0]; e.Caller.Source != user {
		t.Errorf("proposed by %q, want %q", e.Caller.Source, user)
	}
}

// A third administrator's account is made by command, its link is not: that
// takes two, on the pages. Nor does a command make a link into a used account.
func TestACommandMakesNoSecondSelf(t *testing.T) {
	covers.Covers(t, "CH-5", "HC-6a")
	c := production(t, apptest.Options{})
	if got := c.Browser().Enrol(t, c.approved(t, "administrator").Link); got.Status != http.StatusOK {
		t.Fatalf("the second: %d %s", got.Status, got.Body)
	}
	third := c.approved(t, "administrator")
	if third.Link != "" || third.Account == "" {
		t.Errorf("the third: %+v", third)
	}
	if nurse := c.approved(t, "nurse"); nurse.Link == "" {
		t.Error("a nurse has no link")
	}
	in := apptest.Start(t, apptest.Options{Environment: keys.Demo, Fill: true})
	if _, err := app.AccountAdd(t.Context(), app.AccountAddOptions{Place: in.Place, Role: "nurse"}); err != nil {
		t.Error(err)
	}
}
