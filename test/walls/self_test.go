package walls

import (
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"
)

// source parses one made-up file.
func source(t *testing.T, at, text string) *file {
	t.Helper()
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, at, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	dir := path.Dir(at)
	return &file{path: at, dir: dir, room: roomOf(dir), test: strings.HasSuffix(at, "_test.go"), kit: isKit(dir), text: text, ast: tree, fset: fset}
}

// The walls see a breach: a wall test that cannot fail is no wall.
func TestRulesCatch(t *testing.T) {
	cases := []struct{ rule, at, text string }{
		{"callers of signed-in people", "internal/door/web/a.go", `import p "postern.example/postern/internal/word/person"; var x = p.NewPerson(p.PersonConfig{})`},
		{"callers of jobs", "internal/room/records/a.go", `import "postern.example/postern/internal/word/person"; var x = person.NewSystem("a", "b", person.Request{})`},
		{"callers of commands", "cmd/postern/a.go", `import "postern.example/postern/internal/word/person"; var f = person.NewOperator`},
		{"PHI in clear", "internal/app/a.go", `func f(d doc) []byte { return d.Reveal() }`},
		{"plaintext for jobs", "internal/room/records/read.go", `func f(tx t) error { return tx.Rework(nil) }`},
		{"risky audit functions", "internal/door/web/a.go", `import "postern.example/postern/internal/trust/audit"; func f() { audit.RiskyReopen() }`},
		{"database/sql", "internal/trust/db/a.go", `import "database/sql"; var _ sql.DB`},
		{"database/sql", "internal/room/records/a_test.go", `import _ "database/sql/driver"`},
		{"SQL drivers", "internal/room/records/a.go", `import "github.com/jackc/pgx/v5"; var _ pgx.Conn`},
		{"block and stream ciphers", "internal/room/session/a.go", `import "crypto/aes"; var _ = aes.BlockSize`},
		{"HTML marked as safe", "internal/door/web/page.go", `import "html/template"; func f(s string) any { return template.HTML(s) }`},
		{"text/template", "internal/door/web/page.go", `import "text/template"; var _ template.Template`},
		{"pseudo-random numbers", "internal/trust/keys/a.go", `import "math/rand/v2"; var _ = rand.Int()`},
		{"the clock", "internal/room/session/a.go", `import "time"; func f() time.Time { return time.Now() }`},
		{"the clock", "internal/room/session/b.go", `import "time"; type c struct{ now func() time.Time }; var x = c{now: time.Now}`},
		{"the environment", "internal/trust/keys/a.go", `import "os"; func f() string { return os.Getenv("KEY") }`},
		{"unsafe and linkname", "internal/trust/keys/a.go", `import "unsafe"; var _ unsafe.Pointer`},
		{"other programs", "internal/door/web/a.go", `import "os/exec"; var _ exec.Cmd`},
		{"the demo's people", "internal/app/serve.go", `import "postern.example/postern/internal/room/deid"; var _ = deid.X`},
	}
	caught := map[string]bool{}
	for _, c := range cases {
		f := source(t, c.at, "package a\n"+c.text)
		for _, r := range rules {
			if r.name != c.rule {
				continue
			}
			if r.allows(f) || len(r.hits(f)) == 0 {
				t.Errorf("%s does not see %s: %s", r.name, c.at, c.text)
			}
			caught[r.name] = true
		}
	}
	for _, r := range rules {
		if !caught[r.name] {
			t.Errorf("no case shows that %q can fail", r.name)
		}
	}
}

func TestCrossings(t *testing.T) {
	bad := [][2]string{
		{"internal/word/person/a.go", "internal/trust/db"},
		{"internal/trust/db/a.go", "internal/trust/keys"},
		{"internal/trust/audit/a.go", "internal/trust/keys"},
		{"internal/trust/access/a.go", "internal/trust/vault"},
		{"internal/trust/vault/a.go", "internal/room/records"},
		{"internal/room/records/a.go", "internal/room/session"},
		{"internal/room/records/a_test.go", "internal/room/session"},
		{"internal/room/records/a.go", "internal/trust/db/dbtest"},
		{"internal/room/records/a.go", "internal/app"},
		{"internal/door/web/a.go", "internal/door/fhirapi"},
		{"internal/door/web/a.go", "test/covers"},
		{"internal/door/web/a.go", "test/synthea"},
		{"cmd/postern/main.go", "internal/trust/vault"},
		{"cmd/postern/main.go", "internal/room/deid"},
	}
	for _, c := range bad {
		if crossing(source(t, c[0], "package a"), c[1]) == "" {
			t.Errorf("%s may import %s", c[0], c[1])
		}
	}
	good := [][2]string{
		{"internal/trust/keys/a.go", "internal/trust/db"},
		{"internal/trust/vault/a.go", "internal/trust/access"},
		{"internal/trust/vault/a_test.go", "internal/trust/db/dbtest"},
		{"internal/room/records/a.go", "internal/trust/vault"},
		{"internal/door/web/a.go", "internal/door/web/view"},
		{"internal/door/web/a_test.go", "test/covers"},
		{"internal/door/web/a_test.go", "test/synthea"},
		{"internal/app/app.go", "internal/door/web"},
		{"cmd/postern/main.go", "internal/app"},
		{"test/bench/main.go", "internal/trust/vault"},
	}
	for _, c := range good {
		if why := crossing(source(t, c[0], "package a"), c[1]); why != "" {
			t.Errorf("%s may not import %s: %s", c[0], c[1], why)
		}
	}
}

func TestMutableGlobalsAreSeen(t *testing.T) {
	f := source(t, "internal/room/records/a.go", `package a
var table = []int{1}
var cache = map[string]int{}
var count int
var once = new(int)
func f() { cache["a"] = 1; local := table; local[0] = 2 }
func g(table []int) { table[0] = 3 }
`)
	written := writes([]*file{f})
	if written["cache"] == "" || written["table"] != "" {
		t.Errorf("written: %v", written)
	}
	if stateful(nil, nil) == "" {
		t.Error("a variable without value is state")
	}
}

func TestTableRoundTrip(t *testing.T) {
	text := "before " + begin + "\n| room | ring | imports | owns |\n|---|---|---|---|\n| `word/a` | 0 | | words |\n| `trust/db` | 1 | `word/a` `word/gone` | rows (not yet) |\n" + end + " after"
	rooms, err := table(text)
	if err != nil || len(rooms) != 2 || strings.Join(rooms[1].imports, " ") != "word/a word/gone" || rooms[1].ring != 1 {
		t.Fatalf("%+v, %v", rooms, err)
	}
	again, err := table(write(text, rooms, map[string][]string{"trust/db": {"word/a"}}, map[string]bool{"trust/db": true}))
	if err != nil || strings.Join(again[1].imports, " ") != "word/a" || again[1].owns != "rows" {
		t.Fatalf("%+v, %v", again, err)
	}
	if _, err := table("no table"); err == nil {
		t.Error("a page without a table has no rooms")
	}
}
