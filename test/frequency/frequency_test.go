// Package frequency_test attacks a stolen database with public tables: which
// names and ages are how frequent among the people of a country.
package frequency_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/test/covers"
)

// people is how many patients stand in the stolen database.
const people = 5000

// truth is what the thief wants to know of each owner, and may not see.
type truth struct{ family, age string }

// fill stores the population through the real store and returns the truth by
// the owner's bytes.
func fill(t *testing.T, d *db.DB) map[string]truth {
	t.Helper()
	k := vaulttest.Open(t, d, keys.Test)
	dir := vaulttest.NewPeople()
	catalogue, err := records.NewCatalogue(records.Definitions())
	if err != nil {
		t.Fatal(err)
	}
	store, err := records.NewStore(records.StoreConfig{DB: d, Vault: k.Vault, Gate: k.Gate(t, dir), Standings: dir, Catalogue: catalogue,
		Clinic: k.Clinic, Clock: k.Clock.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.CreateClinic(t.Context(), vaulttest.Importer()); err != nil {
		t.Fatal(err)
	}
	today := k.Clock.Now()
	out := map[string]truth{}
	for p := range deid.Population(deid.PopulationConfig{Patients: people, Resources: 1, Seed: 1, Today: today}) {
		var b bytes.Buffer
		if err := p.WriteBundle(&b); err != nil {
			t.Fatal(err)
		}
		in, err := store.Import(t.Context(), vaulttest.Importer(),
			records.File{Name: "bundle.json", Data: bytes.NewReader(b.Bytes()), Size: int64(b.Len())}, records.Limits{}, "")
		if err != nil {
			t.Fatal(err)
		}
		out[string(in.Patient.Bytes())] = truth{p.Family, band(p.BirthDate, today)}
	}
	return out
}

func band(born, today time.Time) string {
	age := today.Year() - born.Year()
	if born.AddDate(age, 0, 0).After(today) {
		age--
	}
	for _, b := range deid.Ages() {
		if age >= b.From && age <= b.To {
			return fmt.Sprint(b.From)
		}
	}
	return "none"
}

// guess is a public table: values, most frequent first, and their shares.
type guess struct {
	of     func(truth) string
	values []string
	best   float64 // share of the most frequent value
}

func tables() map[string]guess {
	names := guess{of: func(x truth) string { return x.family }}
	for _, s := range deid.FamilyNames() {
		names.values, names.best = append(names.values, s.Name), max(names.best, s.Probability)
	}
	bands := deid.Ages()
	slices.SortStableFunc(bands, func(a, b deid.AgeBand) int { return int(1e6 * (b.Probability - a.Probability)) })
	ages := guess{of: func(x truth) string { return x.age }}
	for _, b := range bands {
		ages.values, ages.best = append(ages.values, fmt.Sprint(b.From)), max(ages.best, b.Probability)
	}
	return map[string]guess{"family names": names, "ages": ages}
}

// attack groups the owners by what one column shows of them, ranks the groups by
// size, takes the group of each rank for the public value of the same rank, and
// counts for how many people that is right.
func attack(column map[string]string, who map[string]truth, g guess) int {
	groups := map[string][]string{}
	for owner, value := range column {
		groups[value] = append(groups[value], owner)
	}
	values := make([]string, 0, len(groups))
	for v := range groups {
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b string) int {
		if d := len(groups[b]) - len(groups[a]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	right := 0
	for rank, v := range values[:min(len(values), len(g.values))] {
		for _, owner := range groups[v] {
			if g.of(who[owner]) == g.values[rank] {
				right++
			}
		}
	}
	return right
}

// bound is how many people a thief who learns nothing names by guessing the most
// frequent value for everybody, and five standard deviations of a binomial more:
// over all columns together an honest store exceeds it once in 40,000 runs.
func bound(n int, share float64) int {
	return int(float64(n)*share + 5*math.Sqrt(float64(n)*share*(1-share)))
}

// dump is what a thief can group by, from every column of every table: values,
// their lengths, how they begin, and how many rows a person has. A row without an
// owner belongs to whose change had the same log entry.
func dump(t *testing.T, d *db.DB, who map[string]truth) map[string]map[string]string {
	t.Helper()
	raw, out := dbtest.Raw(d), map[string]map[string]string{}
	bySeq := map[string]string{}
	for _, m := range vaulttest.Migrations(records.Migrations()...) {
		for _, table := range m.Tables {
			var names []string
			for _, c := range table.Columns {
				names = append(names, c.Name)
			}
			for _, r := range raw.Query(t, "SELECT "+strings.Join(names, ", ")+" FROM "+table.Name) {
				owner := ownerOf(names, r, bySeq)
				if _, known := who[owner]; !known {
					continue
				}
				for i, name := range names {
					note(out, table.Name+"."+name, owner, r[i])
				}
				count(out, table.Name+" rows", owner)
			}
		}
	}
	return out
}

func ownerOf(names []string, r []any, bySeq map[string]string) string {
	i, s := slices.Index(names, "owner"), slices.Index(names, "seq")
	if i >= 0 {
		b, _ := r[i].([]byte)
		if len(b) == 0 { // a job that has not come to anybody yet
			return ""
		}
		owner := string(b[1:])
		if s >= 0 {
			bySeq[fmt.Sprint(r[s])] = owner
		}
		return owner
	}
	if s >= 0 {
		return bySeq[fmt.Sprint(r[s])]
	}
	return ""
}

// note adds what the value shows to the owner's signature in each view of the column.
func note(out map[string]map[string]string, column, owner string, v any) {
	views := map[string]string{"": fmt.Sprint(v)}
	if b, ok := v.([]byte); ok {
		views[""] = string(b)
		views[" length"] = fmt.Sprint(len(b))
		views[" beginning"] = string(b[:min(len(b), 8)])
		views[" end"] = string(b[max(0, len(b)-4):])
	}
	for view, text := range views {
		if out[column+view] == nil {
			out[column+view] = map[string]string{}
		}
		out[column+view][owner] += text + "\x00"
	}
}

func count(out map[string]map[string]string, column, owner string) {
	if out[column] == nil {
		out[column] = map[string]string{}
	}
	out[column][owner] += "|"
}

// A thief with the database and the public tables names no more people than one
// without the database. The same thief names at least half of them when a plain
// index of family names, as a lesser product would have, stands beside.
func TestFrequencyAttackDoesNoBetterThanGuessing(t *testing.T) {
	covers.Covers(t, "ED-4")
	d := dbtest.New(t, db.SQLite, vaulttest.Migrations(records.Migrations()...), dbtest.NoSync)
	who := fill(t, d)
	if len(who) != people {
		t.Fatalf("%d charts of %d", len(who), people)
	}
	columns := dump(t, d, who)
	if len(columns) < 40 {
		t.Fatalf("the thief looks at %d columns only", len(columns))
	}
	for what, g := range tables() {
		most, where, limit := 0, "", bound(people, g.best)
		for name, column := range columns {
			right := attack(column, who, g)
			if right > most {
				most, where = right, name
			}
			if right > limit {
				t.Errorf("%s: %s names %d of %d people; guessing names at most %d", what, name, right, people, limit)
			}
		}
		t.Logf("%s: at best %d of %d (%s), bound %d, %d columns", what, most, people, where, limit, len(columns))
	}
	plain := map[string]string{}
	raw := dbtest.Raw(d)
	raw.Script(t, `CREATE TABLE plain_name_index (owner BLOB, token BLOB)`)
	for owner, x := range who {
		token := sha256.Sum256([]byte(x.family)) // equal names, equal tokens
		raw.Exec(t, `INSERT INTO plain_name_index (owner, token) VALUES (?, ?)`, []byte(owner), token[:])
	}
	for _, r := range raw.Query(t, `SELECT owner, token FROM plain_name_index`) {
		plain[string(r[0].([]byte))] = string(r[1].([]byte))
	}
	if right := attack(plain, who, tables()["family names"]); right < people/2 {
		t.Errorf("the attack names %d of %d people by a plain index: it would not have found a leak", right, people)
	}
}
