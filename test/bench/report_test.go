package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// row is a line of the report: a bar and what was measured, or, without a bar,
// a figure beside it.
type row struct {
	job, unit string
	bar       float64
	least     bool // the bar is a least, else a most
	measured  float64
	about     string
	plain     string // a figure without a bar
}

func (r row) met() bool {
	if r.least {
		return r.measured >= r.bar
	}
	return r.measured <= r.bar
}

// report collects the lines.
type report struct {
	rows []row
	say  func(string, ...any)
}

func (r *report) atLeast(job, unit string, bar, measured float64, about string) {
	r.add(row{job: job, unit: unit, bar: bar, least: true, measured: measured, about: about})
}

func (r *report) atMost(job, unit string, bar, measured float64, about string) {
	r.add(row{job: job, unit: unit, bar: bar, measured: measured, about: about})
}

func (r *report) line(job, text string) { r.add(row{job: job, plain: text}) }

func (r *report) add(x row) {
	r.rows = append(r.rows, x)
	r.say("%s", strings.TrimSpace(strings.ReplaceAll(x.markdown(), "|", " ")))
}

func (r row) markdown() string {
	if r.plain != "" {
		return fmt.Sprintf("| %s | | %s | | |", r.job, r.plain)
	}
	sign, verdict := "<=", "yes"
	if r.least {
		sign = ">="
	}
	if !r.met() {
		verdict = fmt.Sprintf("**no**, by %.0f %%", 100*math.Abs(r.measured/r.bar-1))
	}
	return fmt.Sprintf("| %s | %s %s %s | %s | %s | %s |", r.job, sign, short(r.bar), r.unit, short(r.measured), verdict, r.about)
}

func short(f float64) string {
	switch {
	case math.Abs(f) >= 100:
		return fmt.Sprintf("%.0f", f)
	case math.Abs(f) >= 10:
		return fmt.Sprintf("%.1f", f)
	default:
		return fmt.Sprintf("%.2f", f)
	}
}

// page is docs/bench.md. What stands below the mark was written by a person and
// is kept.
func (r *report) page(note string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Speed and size\n\nWritten by `make bench` on %s; do not edit above the mark. Ratios of one run, median of 5 rounds,\n"+
		"arms in turns on the same cores, which the load generator shares. Bars from the first issue.\n\n", time.Now().UTC().Format(time.DateOnly))
	fmt.Fprintf(&b, "Machine: %s, %d cores, %s, %s, GOFIPS140=%s.\n", cpu(), runtime.NumCPU(), runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH, os.Getenv("GOFIPS140"))
	if note != "" {
		fmt.Fprintf(&b, "Circumstances: %s\n", note)
	}
	b.WriteString("\n| job | bar | measured | met | absolute figures |\n|---|---|---|---|---|\n")
	for _, x := range r.rows {
		b.WriteString(x.markdown() + "\n")
	}
	b.WriteString("\n" + mark + "\n")
	if old, err := os.ReadFile("../../docs/bench.md"); err == nil {
		if _, rest, ok := bytes.Cut(old, []byte(mark)); ok {
			b.Write(bytes.TrimLeft(rest, "\n"))
		}
	}
	return b.Bytes()
}

const mark = "<!-- bench:end; what follows is written by hand and kept -->"

func cpu() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for l := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(l, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return "unknown processor"
}

func TestThousands(t *testing.T) {
	for in, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(in); got != want {
			t.Errorf("thousands(%v) = %q, want %q", in, got, want)
		}
	}
}

func TestRowSaysWhetherABarIsMet(t *testing.T) {
	r := row{job: "a", unit: "x", bar: 0.5, least: true, measured: 0.25}
	if r.met() || !strings.Contains(r.markdown(), "**no**, by 50 %") {
		t.Error(r.markdown())
	}
	if r.least = false; !r.met() {
		t.Error("0.25 is at most 0.5")
	}
}

// TestClassifierFindsWhatIsThere: a classifier that could not tell 10 us from 20
// would pass every program.
func TestClassifierFindsWhatIsThere(t *testing.T) {
	var tries []try
	for i := range 4000 {
		took := time.Duration(100+i%7) * time.Microsecond
		if i%2 == 0 {
			took += 10 * time.Microsecond
		}
		tries = append(tries, try{i%2 == 0, took})
	}
	if got := accuracy(tries); got < 0.99 {
		t.Errorf("a clear difference is found in %.2f of the cases", got)
	}
	for i := range tries {
		tries[i].took = time.Duration(100+i/2*31%17) * time.Microsecond
	}
	if got := accuracy(tries); got < 0.45 || got > 0.55 {
		t.Errorf("without a difference it is right in %.2f of the cases", got)
	}
}
