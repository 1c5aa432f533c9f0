package deid

import (
	"io"
	"math"
	"runtime"
	"sort"
	"testing"

	"pgregory.net/rapid"
)

func TestPopulationBundlesAreSound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := PopulationConfig{Seed: rapid.Uint64().Draw(rt, "seed"), Patients: 2, Resources: rapid.IntRange(1, 60).Draw(rt, "resources"), Today: anyDay().Draw(rt, "today")}
		for p := range Population(c) {
			resources := checkBundle(t, write(t, p), c.Today, p.PatientURL)
			if len(resources) != c.Resources+2 {
				rt.Fatalf("%d resources, want %d", len(resources), c.Resources+2)
			}
			if years := age(p.BirthDate, midnight(c.Today)); years < 0 || years > 99 || !phoneShape.MatchString(p.Phone) {
				rt.Fatalf("%d years old, telephone %s", years, p.Phone)
			}
		}
	})
}

// draws is a population big enough for statistics; no bundle is written.
func draws(n int) []Synthetic {
	var out []Synthetic
	for p := range Population(PopulationConfig{Seed: 7, Patients: n, Today: day()}) {
		out = append(out, p)
	}
	return out
}

// The tables are public: what is drawn must follow them, or a frequency attack
// that fails proves nothing.
func TestPopulationFollowsItsTables(t *testing.T) {
	const n = 5000
	people := draws(n)
	family, given, bands, women := map[string]float64{}, map[string]float64{}, map[AgeBand]float64{}, 0.0
	for _, p := range people {
		family[p.Family]++
		if p.Gender == "female" {
			women++
			given[p.Given]++
		}
		for _, b := range Ages() {
			if years := age(p.BirthDate, midnight(day())); years >= b.From && years <= b.To {
				bands[b]++
			}
		}
	}
	near := func(what string, got, of, want float64) {
		t.Helper()
		if slack := 5*math.Sqrt(of*want) + 1; math.Abs(got-of*want) > slack {
			t.Errorf("%s: %v of %v, want about %.0f", what, got, of, of*want)
		}
	}
	near("women", women, n, 0.5)
	for _, s := range FamilyNames() {
		near(s.Name, family[s.Name], n, s.Probability)
	}
	for _, s := range GivenNames("female") {
		near(s.Name, given[s.Name], women, s.Probability)
	}
	for _, b := range Ages() {
		near("ages", bands[b], n, b.Probability)
	}
}

func TestTablesAreProbabilities(t *testing.T) {
	for name, table := range map[string][]Share{"family": FamilyNames(), "female": GivenNames("female"), "male": GivenNames("male")} {
		sum, seen := 0.0, map[string]bool{}
		for i, s := range table {
			if seen[s.Name] || i > 0 && s.Probability > table[i-1].Probability || s.Probability <= 0 {
				t.Errorf("%s: %s twice or out of order", name, s.Name)
			}
			seen[s.Name], sum = true, sum+s.Probability
		}
		if math.Abs(sum-1) > 1e-9 || len(table) < 100 || name == "family" && len(table) != 200 {
			t.Errorf("%s: %d names, sum %v", name, len(table), sum)
		}
	}
	sum, next := 0.0, 0
	for _, b := range Ages() {
		if b.From != next || b.To < b.From {
			t.Errorf("band %d to %d after %d", b.From, b.To, next-1)
		}
		next, sum = b.To+1, sum+b.Probability
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("ages sum to %v", sum)
	}
}

// The plainest frequency attack: an index that leaks equality of family names
// is matched by rank with the public table. On this population it names at least
// half of the people; a drill that fails against sealed indexes therefore means something.
func TestRankAttackSucceedsOnPlainIndex(t *testing.T) {
	people := draws(5000)
	count := map[string]int{}
	for _, p := range people {
		count[p.Family]++
	}
	leaked := make([]string, 0, len(count))
	for name := range count {
		leaked = append(leaked, name)
	}
	sort.Slice(leaked, func(i, j int) bool {
		a, b := leaked[i], leaked[j]
		return count[a] > count[b] || count[a] == count[b] && a < b
	})
	found := 0
	for i, name := range leaked {
		if FamilyNames()[i].Name == name {
			found += count[name]
		}
	}
	if found < len(people)/2 {
		t.Errorf("named %d of %d", found, len(people))
	}
}

func TestBigChart(t *testing.T) {
	for _, n := range []int{0, 1, 17, 2000} {
		p := BigChart(3, day(), n)
		resources := checkBundle(t, write(t, p), day(), p.PatientURL)
		observations := 0
		for _, r := range resources {
			if r["resourceType"] == "Observation" {
				observations++
				checkJudgement(t, r)
			}
		}
		if len(resources) != n+2 || n == 2000 && observations <= 1500 {
			t.Errorf("%d resources, %d observations, want %d", len(resources), observations, n+2)
		}
	}
	if BigChart(1, day(), 1).PatientURL == BigChart(2, day(), 1).PatientURL {
		t.Error("two seeds gave one person")
	}
}

// gauge is a writer that watches the heap while a bundle passes through.
type gauge struct {
	writes, bytes int
	peak          uint64
}

func (g *gauge) Write(b []byte) (int, error) {
	if g.bytes += len(b); g.writes%200 == 0 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		g.peak = max(g.peak, m.HeapAlloc)
	}
	g.writes++
	return len(b), nil
}

func TestBundleIsStreamed(t *testing.T) {
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var g gauge
	if err := BigChart(1, day(), 30_000).WriteBundle(&g); err != nil {
		t.Fatal(err)
	}
	if g.bytes < 30<<20 || g.peak > before.HeapAlloc+4<<20 {
		t.Errorf("%d bytes written, heap grew from %d to %d", g.bytes, before.HeapAlloc, g.peak)
	}
}

func BenchmarkPopulation(b *testing.B) {
	b.ReportAllocs()
	for p := range Population(PopulationConfig{Seed: 1, Patients: b.N, Today: day()}) {
		if err := p.WriteBundle(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
