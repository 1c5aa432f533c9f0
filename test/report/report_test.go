package report

import (
	"strings"
	"testing"
)

const run = `{"Action":"start","Package":"m/a"}
{"Action":"run","Package":"m/a","Test":"TestOne"}
{"Action":"run","Package":"m/a","Test":"TestOne/sub"}
{"Action":"output","Package":"m/a","Test":"TestOne/sub","Output":"    x_test.go:9: covers: HC-7a B-24\n"}
{"Action":"pass","Package":"m/a","Test":"TestOne/sub"}
{"Action":"pass","Package":"m/a","Test":"TestOne"}
{"Action":"run","Package":"m/a","Test":"TestTwo"}
{"Action":"output","Package":"m/a","Test":"TestTwo","Output":"=== RUN   TestTwo\n"}
{"Action":"output","Package":"m/a","Test":"TestTwo","Output":"    x_test.go:12: POSTERN_TEST_DATA is unset\n"}
{"Action":"skip","Package":"m/a","Test":"TestTwo"}
{"Action":"pass","Package":"m/a","Elapsed":1.5}
{"ImportPath":"m/b","Action":"build-output","Output":"b.go:1: broken\n"}
{"ImportPath":"m/b","Action":"build-fail"}
{"Action":"start","Package":"m/b"}
{"Action":"fail","Package":"m/b","FailedBuild":"m/b"}
{"Action":"run","Package":"m/c","Test":"TestCrash"}
{"Action":"output","Package":"m/c","Test":"TestCrash","Output":"panic: no\n"}
no json at all
`

func TestRead(t *testing.T) {
	var ended []string
	rep, err := Read(strings.NewReader(run), "m", func(pkg, outcome string, _ float64) { ended = append(ended, pkg+" "+outcome) })
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ended, ", "); got != "a pass, b fail" {
		t.Errorf("packages ended: %s", got)
	}
	var leaves []string
	for _, l := range rep.Leaves() {
		leaves = append(leaves, l.Name+" "+string(l.Outcome))
	}
	if got := strings.Join(leaves, ", "); got != "TestOne/sub pass, TestTwo skip, TestCrash fail" {
		t.Errorf("leaves: %s", got)
	}
	var failures []string
	for _, f := range rep.Failures() {
		failures = append(failures, f.Package+" "+f.Name)
	}
	if got := strings.Join(failures, ", "); got != "c TestCrash, b " {
		t.Errorf("failures: %s", got)
	}
	if rows := rep.Covers("covers: "); len(rows["HC-7a"]) != 1 || rows["B-24"][0].Top() != "TestOne" {
		t.Errorf("rows: %v", rows)
	}
	if len(rep.Build["m/b"]) == 0 || len(rep.Build["go"]) == 0 {
		t.Errorf("build output: %v", rep.Build)
	}
	for _, test := range rep.Tests {
		if test.Name == "TestTwo" && test.Reason() != "POSTERN_TEST_DATA is unset" {
			t.Errorf("reason: %q", test.Reason())
		}
	}
}

func TestRoot(t *testing.T) {
	if dir, module, err := Root(); err != nil || module != "postern.example/postern" || !strings.HasPrefix(dir, "/") {
		t.Fatalf("root %q of %q: %v", dir, module, err)
	}
}
