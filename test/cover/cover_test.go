package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const source = `package keys

func a() error {
	if err := draw(); err != nil {
		return wrap("draw nonce", err)
	}
	return nil
}
`

func TestJudge(t *testing.T) {
	read := func(string) (string, error) { return source, nil }
	missed := block{file: "internal/trust/keys/a.go", line: 4, col: 32, toLine: 6, toC: 3, statements: 1}
	covered := block{file: "internal/trust/keys/a.go", line: 3, col: 16, toLine: 4, toC: 32, statements: 9, count: 1}

	bad := func(vs []verdict) (n int) {
		for _, v := range vs {
			if v.bad {
				n++
			}
		}
		return n
	}
	if v := judge([]block{covered, missed}, nil, read); bad(v) != 2 || !strings.Contains(v[0].text, "a.go:4") {
		t.Errorf("a missed statement in keys: %v", v)
	}
	excuses := []excuse{{file: "internal/trust/keys/a.go", code: `return wrap("draw nonce", err)`}}
	if v := judge([]block{covered, missed}, excuses, read); bad(v) != 0 {
		t.Errorf("excused: %v", v)
	}
	excuses[0].used = 0
	if v := judge([]block{covered}, excuses, read); bad(v) != 1 {
		t.Errorf("an excuse that excuses nothing: %v", v)
	}
	missed.file, covered.file = "internal/door/web/a.go", "internal/door/web/a.go"
	if v := judge([]block{covered, missed}, nil, read); bad(v) != 0 {
		t.Errorf("90 %% in web is enough: %v", v)
	}
	missed.statements = 9
	if v := judge([]block{covered, missed}, nil, read); bad(v) != 1 {
		t.Errorf("50 %% in web is not: %v", v)
	}
	missed.file = "internal/trust/db/dbtest/a.go"
	if v := judge([]block{missed}, nil, read); len(v) != 0 {
		t.Errorf("a test kit needs no tests: %v", v)
	}
}

func TestReadProfileMerges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cover.out")
	text := "mode: set\nm/a/a.go:3.1,4.2 2 0\nm/a/a.go:3.1,4.2 2 1\nm/a/a.go:9.1,9.5 1 0\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bs, err := readProfile(file, "m")
	if err != nil || len(bs) != 2 || bs[0].count != 1 || bs[0].file != "a/a.go" || bs[1].count != 0 {
		t.Fatalf("%+v, %v", bs, err)
	}
}
