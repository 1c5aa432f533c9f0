package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/test/covers"
)

var update = flag.Bool("update", false, "write testdata anew")

func TestMain(m *testing.M) { dbtest.Main(m) }

// postern runs a command line and returns its exit code and what it printed.
func postern(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, env{stdout: &out, stderr: &err})
	return code, out.String(), err.String()
}

// must runs a command line that has to succeed and returns what it printed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, err := postern(t, args...)
	if code != 0 {
		t.Fatalf("postern %s: exit %d\n%s%s", strings.Join(args, " "), code, out, err)
	}
	return out
}

// leaves are the commands of the command line, sorted.
func leaves(t *testing.T) (out []string) {
	t.Helper()
	p, err := kong.New(&cli{}, kong.Name("postern"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range p.Model.Leaves(false) {
		name := strings.TrimPrefix(n.FullPath(), "postern ")
		name, _, _ = strings.Cut(name, " <")
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Every command has a class, and there is no command without one.
func TestEveryCommandHasAClass(t *testing.T) {
	covers.Covers(t, "CH-5")
	var classed []string
	for _, c := range app.Commands() {
		classed = append(classed, c.Name)
	}
	if got := leaves(t); !slices.Equal(got, classed) {
		t.Errorf("command line %v\nclasses      %v", got, classed)
	}
}

// --help of every command names its flags and the exit codes.
func TestHelp(t *testing.T) {
	flags := map[string][]string{
		"demo": {"--addr", "--data"}, "init": {"--data", "--origin", "--database", "--migrate-database", "--env", "--checkpoint-file", "--passphrase-file", "--plain-key", "--renew-link"},
		"migrate": {"--config"}, "serve": {"--config", "--passphrase-file"}, "check": {"--config"},
		"import":         {"--data", "--config", "--passphrase-file", "--json"},
		"account add":    {"--data", "--config", "--role", "--patient", "--name", "--passphrase-file"},
		"account list":   {"--data", "--config", "--passphrase-file"},
		"account assign": {"--clinician", "--patient", "--data", "--config", "--passphrase-file"},
		"audit verify":   {"--data", "--config", "--export", "--key", "--proof", "--checkpoint", "--json"},
		"audit export":   {"--data", "--config", "--out"}, "routes": {"--json"},
		"token": {"--data", "--config", "--account", "--minutes", "--passphrase-file"},
	}
	for _, name := range leaves(t) {
		out := must(t, append(strings.Fields(name), "--help")...)
		if !strings.Contains(out, "Exit codes:") || !strings.Contains(out, "  2  the command line") {
			t.Errorf("%s --help does not print the exit codes:\n%s", name, out)
		}
		if len(flags[name]) == 0 {
			t.Errorf("%s is not in the issue", name)
		}
		for _, f := range flags[name] {
			if !regexp.MustCompile(`(^|[\s,])` + f + `($|[\s=])`).MatchString(out) {
				t.Errorf("%s --help does not name %s", name, f)
			}
		}
	}
	if out := must(t, "--help"); !strings.Contains(out, "Exit codes:") {
		t.Errorf("--help:\n%s", out)
	}
}

// What cannot be read is 2, what is refused is 1.
func TestExitCodes(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	must(t, "init", "--data", data, "--origin", "http://localhost:8443", "--env", "test", "--plain-key")
	config := filepath.Join(data, "postern.yaml")
	if _, _, warned := postern(t, "check", "--config", config); !strings.Contains(warned, "placeholders of postern init") {
		t.Errorf("check does not know what init writes by itself:\n%s", warned)
	}
	broken := filepath.Join(dir, "broken.yaml")
	write(t, broken, "origin: https://portal.example\nsurprise: 1\n")
	bad := filepath.Join(dir, "bad.json")
	write(t, bad, "{")
	for line, want := range map[string]int{
		"":                                2,
		"nonsense":                        2,
		"serve":                           2,
		"serve --config " + broken:        2,
		"serve --config " + dir + "/none": 2,
		"check --config " + config:        0,
		"check --config " + broken:        1,
		"init --data " + data + " --origin http://localhost:1 --env test --plain-key":               1,
		"init --data " + dir + "/x --origin http://portal.example --env test --plain-key":           2,
		"init --data " + dir + "/x --origin https://portal.example --plain-key":                     2,
		"init --data " + dir + "/x --origin https://portal.example --env staging":                   2,
		"init --data " + dir + "/x --origin https://portal.example":                                 2,
		"init --data " + dir + "/x --origin https://portal.example --plain-key --passphrase-file y": 2,
		"migrate --config " + config:                                   2,
		"import " + bad:                                                2,
		"import --data " + data:                                        2,
		"import --data " + data + " " + bad:                            1,
		"import --data " + data + " " + dir + "/none.json":             1,
		"import --data " + data + " --config " + config + " " + bad:    2,
		"account add --data " + data:                                   2,
		"account add --data " + data + " --role wizard":                1,
		"account list --data " + data:                                  0,
		"account list":                                                 2,
		"account assign --data " + data + " --clinician x --patient y": 1,
		"audit verify --data " + data:                                  0,
		"audit verify":                                                 2,
		"audit verify --data " + dir + "/none":                         2,
		"audit verify --proof " + bad + " --key " + data + "/log.vkey": 2,
		"audit verify --proof " + bad:                                  2,
		"audit verify --export " + dir + " --key nonsense":             2,
		"audit export --data " + data + " --out " + dir + "/export":    0,
		"audit export --data " + data + " --out " + data:               1,
		"routes":               0,
		"token --data " + data: 2,
		"token --data " + data + " --account nobody": 1,
		"demo --addr 0.0.0.0:8080":                   2,
		"demo --addr localhost:8080":                 2,
		"demo --addr 127.0.0.1:0 --data " + dir:      1,
	} {
		code, out, err := postern(t, strings.Fields(line)...)
		if code != want {
			t.Errorf("postern %s: exit %d, want %d\n%s%s", line, code, want, out, err)
		}
		if code != 0 && strings.TrimSpace(err+out) == "" {
			t.Errorf("postern %s: exit %d without a word", line, code)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Covers CH-1, CH-13: the routes are a contract; each names its action and event.
func TestRoutesGolden(t *testing.T) {
	covers.Covers(t, "CH-1", "CH-13")
	out := must(t, "routes", "--json")
	golden := filepath.Join("testdata", "routes.json")
	if *update {
		write(t, golden, out)
	}
	want, err := os.ReadFile(golden)
	if err != nil || out != string(want) {
		t.Errorf("routes changed (%v); if that is meant: go test ./cmd/postern -update", err)
	}
	var rows []map[string]string
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if len(r) != 5 || r["method"] == "" || !strings.HasPrefix(r["path"], "/") || r["action"] == "" || r["audit"] == "" ||
			!slices.Contains([]string{"web", "fhirapi", "demo"}, r["door"]) {
			t.Errorf("row %v", r)
		}
	}
	if table := must(t, "routes"); strings.Count(table, "\n") != len(rows)+1 {
		t.Errorf("the table has %d lines for %d routes", strings.Count(table, "\n"), len(rows))
	}
}

var verdict = regexp.MustCompile(`^\{"ok":(true|false),"anchored":(true|false),"size":[0-9]+,"root":"([A-Za-z0-9+/=]*)","first_bad":(null|[0-9]+),"reason":"[^"]*"\}\n$`)

// audit verify --json prints one object with its fields in order, alone, and
// appends nothing.
func TestAuditVerifyJSON(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Fill: true, Stopped: true})
	in.Stop(t)
	outside := filepath.Join(t.TempDir(), "checkpoint")
	b, err := os.ReadFile(filepath.Join(in.Dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, outside, string(b))
	check := func(wantCode int, begins string, args ...string) {
		t.Helper()
		code, out, _ := postern(t, append([]string{"audit", "verify", "--json"}, args...)...)
		m := verdict.FindStringSubmatch(out)
		if code != wantCode || m == nil || !strings.HasPrefix(out, begins) {
			t.Errorf("audit verify %v: exit %d, %s", args, code, out)
			return
		}
		if root, err := base64.StdEncoding.DecodeString(m[3]); wantCode == 0 && (err != nil || len(root) != 32) {
			t.Errorf("root %q: %v", m[3], err)
		}
	}
	before := logFiles(t, in.Dir)
	check(0, `{"ok":true,"anchored":false,`, "--data", in.Dir)
	check(0, `{"ok":true,"anchored":true,`, "--data", in.Dir, "--checkpoint", outside)
	export := filepath.Join(t.TempDir(), "export")
	must(t, "audit", "export", "--data", in.Dir, "--out", export)
	vkey := filepath.Join(in.Dir, "log.vkey")
	check(0, `{"ok":true,"anchored":false,`, "--export", export, "--key", vkey)
	check(0, `{"ok":true,"anchored":true,`, "--export", export, "--key", vkey, "--checkpoint", outside)
	if after := logFiles(t, in.Dir); after != before {
		t.Error("verify or export changed the log")
	}
	if code, out, err := postern(t, "audit", "verify", "--json", "--data", in.Dir, "--checkpoint", filepath.Join(export, "none")); code != 2 || out != "" || err == "" {
		t.Errorf("no such checkpoint: exit %d, %q, %q", code, out, err)
	}
	// Somebody turns a bit in an old entry.
	segments, err := filepath.Glob(filepath.Join(in.Dir, "log", "*"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("%v, %v", segments, err)
	}
	var largest string
	var size int64
	_ = filepath.WalkDir(filepath.Join(in.Dir, "log"), func(path string, d os.DirEntry, err error) error {
		if info, e := d.Info(); err == nil && e == nil && info.Mode().IsRegular() && info.Size() > size && !strings.Contains(path, "reserve") {
			largest, size = path, info.Size()
		}
		return nil
	})
	raw, err := os.ReadFile(largest)
	if err != nil {
		t.Fatal(err)
	}
	raw[600] ^= 1
	write(t, largest, string(raw))
	check(1, `{"ok":false,`, "--data", in.Dir)
}

// logFiles is the content of the log, joined.
func logFiles(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(filepath.Join(dir, "log"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all.WriteString(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// token prints the token alone; import --json prints the summary alone.
func TestTokenAndImportPrint(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Stopped: true})
	in.Stop(t)
	p, _ := deid.Find(deid.Family(time.Now()), "child")
	var b bytes.Buffer
	if err := p.WriteBundle(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "child.json")
	write(t, file, b.String())
	var sum struct {
		OK    *bool `json:"ok"`
		Files []struct {
			File    string `json:"file"`
			OK      bool   `json:"ok"`
			Patient string `json:"patient"`
		} `json:"files"`
		Types map[string]struct{ Stored, Unchanged, Kept int } `json:"types"`
	}
	d := json.NewDecoder(strings.NewReader(must(t, "import", "--data", in.Dir, "--json", file)))
	if err := d.Decode(&sum); err != nil || d.More() || sum.OK == nil || !*sum.OK || len(sum.Files) != 1 || sum.Files[0].Patient == "" || sum.Types["Patient"].Stored != 1 {
		t.Errorf("import --json: %+v, %v", sum, err)
	}
	if out := must(t, "import", "--data", in.Dir, file); !strings.Contains(out, "1 of 1 bundles are stored.") || !strings.Contains(out, "Observation") {
		t.Errorf("import:\n%s", out)
	}
	added := strings.Fields(must(t, "account", "add", "--data", in.Dir, "--role", "patient", "--patient", sum.Files[0].Patient, "--name", "Theo Tran"))
	if len(added) != 2 || !strings.HasPrefix(added[1], in.Origin+"/enrol#") {
		t.Fatalf("account add: %v", added)
	}
	if out := must(t, "token", "--data", in.Dir, "--account", added[0]); !regexp.MustCompile(`^[A-Za-z0-9_.-]{40,}\n$`).MatchString(out) {
		t.Errorf("token: %q", out)
	}
	if out := must(t, "account", "list", "--data", in.Dir); !strings.Contains(out, added[0]) || strings.Contains(out, "Theo") {
		t.Errorf("account list:\n%s", out)
	}
}

// A demo with its own folder is filled, reopened, and serves until it is told to stop.
func TestDemoReopensItsFolder(t *testing.T) {
	dir := filepath.Join(apptest.Folder(t), "d")
	for _, says := range []string{"Making an encrypted database", "Opening the families of an earlier demo"} {
		ctx, cancel := context.WithCancel(t.Context())
		out := &watcher{cancel: cancel}
		args := []string{"demo", "--addr", "127.0.0.1:0", "--data", dir}
		if port := out.port(dir); port != "" {
			args[2] = "127.0.0.1:" + port
		}
		if code := run(ctx, args, env{stdout: out, stderr: out}); code != 0 || !strings.Contains(out.String(), says) || !strings.Contains(out.String(), "NOT for production") {
			t.Fatalf("exit %d\n%s", code, out)
		}
	}
}

type watcher struct {
	apptest.Output
	cancel func()
}

func (w *watcher) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("msg=serving")) {
		w.cancel()
	}
	return w.Output.Write(p)
}

var portOf = regexp.MustCompile(`origin: http://localhost:([0-9]+)`)

func (*watcher) port(dir string) string {
	b, _ := os.ReadFile(filepath.Join(dir, "postern.yaml")) // absent the first time
	if m := portOf.FindSubmatch(b); m != nil {
		return string(m[1])
	}
	return ""
}

// Only the demo command holds the code of the demo.
func TestOnlyThisCommandImportsTheDemo(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "postern.example/postern/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		if slices.Contains(strings.Fields(imports), "postern.example/postern/internal/app/demo") &&
			name != "postern.example/postern/cmd/postern" && name != "postern.example/postern/internal/app/apptest" {
			t.Errorf("%s imports the demo", name)
		}
		if slices.Contains(strings.Fields(imports), "postern.example/postern/internal/app/apptest") {
			t.Errorf("%s imports the test kit outside its tests", name)
		}
	}
}
