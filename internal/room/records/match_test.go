package records

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// patientJSON writes a Patient from "family|given,given|birth|gender"; a second
// name may follow after a semicolon, with its use in front.
func patientJSON(id, who string) string {
	details, former, _ := strings.Cut(who, ";")
	p := strings.Split(details, "|")
	names := []string{humanNameJSON("official", p[0], p[1])}
	if former != "" {
		f := strings.Split(former, "|")
		names = append(names, humanNameJSON(f[0], f[1], f[2]))
	}
	s := `{"resourceType":"Patient","id":"` + id + `","name":[` + strings.Join(names, ",") + `]`
	if p[2] != "" {
		s += `,"birthDate":"` + p[2] + `"`
	}
	if p[3] != "" {
		s += `,"gender":"` + p[3] + `"`
	}
	return s + `}`
}

func humanNameJSON(use, family, given string) string {
	s := `{"use":"` + use + `"`
	if family != "" {
		s += `,"family":"` + family + `"`
	}
	if given != "" {
		s += `,"given":["` + strings.ReplaceAll(given, ",", `","`) + `"]`
	}
	return s + `}`
}

func demographicsIn(t testing.TB, json string) demographics {
	t.Helper()
	v, err := rawjson.Parse([]byte(json), rawjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return demographicsOf(v)
}

func TestSamePerson(t *testing.T) {
	const rosa = "Field|Rosa,Elena|1984-05-01|female"
	for _, c := range []struct {
		name, stored, sent string
		same               bool
	}{
		{"nothing changed", rosa, rosa, true},
		{"married", rosa, "Moreno|Rosa|1984-05-01|female", true},
		{"double name", "García López|Rosa|1984-05-01|female", "Garcia|Rosa|1984-05-01|female", true},
		{"accents and case", "Núñez|José|1950-01-02|male", "NUNEZ|Jose|1950-01-02|male", true},
		{"apostrophe", "O'Brien|Ann|1950-01-02|", "OBrien|Ann|1950-01-02|", true},
		{"typing mistake in the given name", rosa, "Field|Rossa|1984-05-01|female", true},
		{"letters in the wrong order", "Field|Martha|1984-05-01|", "Field|Matrha|1984-05-01|", true},
		{"typing mistake in both", "Fields|Martha|1984-05-01|", "Fieldz|Marthe|1984-05-01|", true},
		{"an initial", rosa, "Field|R.|1984-05-01|female", true},
		{"a short form", "Field|Robert|1984-05-01|male", "Field|Rob|1984-05-01|male", true},
		{"called by the second name", rosa, "Field|Elena|1984-05-01|female", true},
		{"the year alone", rosa, "Field|Rosa|1984|female", true},
		{"gender corrected", rosa, "Field|Rosa|1984-05-01|male", true},
		{"gender not told", rosa, "Field|Rosa|1984-05-01|unknown", true},
		{"given name changed, the former listed", "Field|Rosa|1984-05-01|female", "Field|Ross|1984-05-01|male;old|Field|Rosa", true},
		{"a newborn gets a name", "Field|Robin|2026-11-01|", "Field|Baby Girl|2026-11-01|;temp|Field|Baby", false},
		{"stored under a temporary name", "Field||2026-11-01|", "Field|Robin|2026-11-01|", true},
		{"details come later", "Field|||", rosa, true},
		{"nothing known on either side", "|||", "|||", true},

		{"another birth date", rosa, "Field|Rosa|1984-05-02|female", false},
		{"day and month swapped", rosa, "Field|Rosa|1984-01-05|female", false},
		{"another year", rosa, "Field|Rosa|1985|female", false},
		{"a stranger", rosa, "Okoro|Sam|1961-09-30|male", false},
		{"a stranger with that birthday", rosa, "Okoro|Sam|1984-05-01|male", false},
		{"a twin sister", rosa, "Field|Ines|1984-05-01|female", false},
		{"a twin sister with the same second name", "Field|Rosa,Maria|1984-05-01|female", "Field|Julia,Maria|1984-05-01|female", false},
		{"twins a letter apart", "Field|Maria|1984-05-01|female", "Field|Mario|1984-05-01|male", false},
		{"short names a letter apart", "Field|Jon|1984-05-01|male", "Field|Jan|1984-05-01|male", false},
		{"another family name, no birth date", "Field|Rosa||", "Moreno|Rosa||", false},
		{"another family name, given name in doubt", rosa, "Moreno|R|1984-05-01|female", false},
		{"nothing to compare", rosa, "|||", false},
		{"the family name alone", rosa, "Field|||female", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := samePerson(demographicsIn(t, patientJSON("1", c.stored)), demographicsIn(t, patientJSON("1", c.sent))); got != c.same {
				t.Errorf("same person: %v, want %v", got, c.same)
			}
		})
	}
	one := demographicsIn(t, `{"resourceType":"Patient","birthDate":"1984-05-01","name":[{"text":"Field, Rosa"}]}`)
	for text, same := range map[string]bool{"Rosa Field": true, "Rosa": true, "Sam Okoro": false, "Ines Field": false} {
		if samePerson(one, demographicsIn(t, `{"resourceType":"Patient","birthDate":"1984-05-01","name":[{"text":"`+text+`"}]}`)) != same {
			t.Errorf("names as one text, %q: want %v", text, same)
		}
	}
	for who, same := range map[string]bool{"Field|Rosa|1984-05-01|": true, "Field|Rossa|1984-05-01|": true, "Field|Ines|1984-05-01|": false} {
		if d := demographicsIn(t, patientJSON("1", who)); samePerson(one, d) != same || samePerson(d, one) != same {
			t.Errorf("one text against %q: want %v", who, same)
		}
	}
}

// A word is alike itself after one mistake, and alike is the same both ways.
func TestAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.StringMatching(`[a-zñé]{4,9}`).Draw(t, "word")
		o := rapid.StringMatching(`[a-zñé]{0,9}`).Draw(t, "other")
		r := []rune(w)
		i := rapid.IntRange(0, len(r)-2).Draw(t, "at")
		swapped := append([]rune(nil), r...)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		for _, x := range []string{w, string(r[:i]) + string(r[i+1:]), string(r[:i]) + "x" + string(r[i:]), string(r[:i]) + "x" + string(r[i+1:]), string(swapped), string(r[:i])} {
			if n := len([]rune(x)); !alike(w, x) && n >= 4 || alike(w, x) != alike(x, w) {
				t.Fatalf("%q and %q: %v", w, x, alike(w, x))
			}
		}
		if alike(w, o) != alike(o, w) {
			t.Fatalf("%q and %q differ by direction", w, o)
		}
	})
}

// chartRows is all that the database holds of charts, as text.
func chartRows(t testing.TB, k *clinicKit) string {
	t.Helper()
	raw := dbtest.Raw(k.DB)
	return fmt.Sprint(raw.Query(t, `SELECT * FROM chart_row ORDER BY owner, id, version`), raw.Query(t, `SELECT * FROM chart_part ORDER BY owner, part`),
		raw.Query(t, `SELECT * FROM chart_manifest ORDER BY owner`), raw.Query(t, `SELECT * FROM chart_source ORDER BY token`), raw.Query(t, `SELECT * FROM vault_head ORDER BY slot`))
}

// refusedWith imports text and expects its refusal with message at mark, with
// nothing stored, the refusal in the log, and nothing of the file in the words.
func (k *clinicKit) refusedWith(t *testing.T, text, message, mark string) {
	t.Helper()
	before, size := chartRows(t, k), k.Log.Size()
	_, err := k.store.Import(t.Context(), vaulttest.Importer(), File{Name: "story.json", Data: strings.NewReader(text), Size: int64(len(text))}, Limits{}, "test")
	bad := importError(t, err)
	if bad.MessageID != message || bad.File != "story.json" || bad.Offset != int64(strings.Index(text, mark)) || bad.Line < 1 || bad.Entry < 0 {
		t.Errorf("refused with %v of %s at byte %d, want %s at %d", bad.MessageID, bad.File, bad.Offset, message, strings.Index(text, mark))
	}
	if !fault.Is(err, fault.Conflict) || fault.Message(err) != message {
		t.Errorf("kind %v, message %s", fault.Of(err), fault.Message(err))
	}
	if after := chartRows(t, k); after != before {
		t.Error("the refused bundle left something")
	}
	e, logErr := k.Log.RiskyEntry(t.Context(), k.Log.Size()-1)
	if logErr != nil || k.Log.Size() != size+3 || e.Event != "refused" || e.Action != "importChart" || e.Patient.IsZero() || !strings.HasPrefix(e.Reason, message+"; ") {
		t.Errorf("after %d entries the last is %s of %s for %q, %v", k.Log.Size()-size, e.Event, e.Action, e.Reason, logErr)
	}
	for _, phi := range []string{"Field", "Rosa", "Okoro", "1984", "RC-1"} {
		if strings.Contains(err.Error()+bad.Terminal()+e.Reason, phi) {
			t.Errorf("the refusal carries %q", phi)
		}
	}
}

func TestAnotherPersonUnderTheSameIdentifierIsANamedConflict(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		const stranger = "Okoro|Sam|1961-09-30|male"
		first := patientJSON("1", "Field|Rosa|1984-05-01|female")
		rosa := k.load(t, []byte(bundleOf(first, strings.ReplaceAll(observe(""), "rosa", "1")))).Patient
		other := patientJSON("1", stranger)
		k.refusedWith(t, bundleOf(strings.ReplaceAll(observe(`,"valueString":"forged"`), "rosa", "1"), other), MsgOtherPerson, other)
		// Married, with a new result: the same person.
		second := k.load(t, []byte(bundleOf(patientJSON("1", "Moreno|Rosa|1984-05-01|female"), strings.ReplaceAll(observe(`,"valueString":"x"`), "rosa", "1"))))
		if second.Patient != rosa || second.Types["Patient"].Stored != 1 || second.Types["Observation"].Stored != 1 {
			t.Fatalf("the second bundle stored %v", second.Types)
		}
		// Whoever is compared with is the newest version, also after a restart.
		k = k.restart(t)
		k.refusedWith(t, bundleOf(other), MsgOtherPerson, other)
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		if p, err := k.store.ReadNow(t.Context(), c, "Patient", person.PatientResource(rosa).String()); err != nil || !bytes.Contains(p.Doc.Reveal(), []byte("Moreno")) {
			t.Errorf("the chart's Patient: %v", err)
		}
	})
}

func TestARecordNumberOfAnotherChartIsANamedConflict(t *testing.T) {
	numbered := func(id, who, number string) string {
		return strings.Replace(patientJSON(id, who), `"name"`, `"identifier":[`+number+`],"name"`, 1)
	}
	const typed = `{"type":{"coding":[{"code":"%s"}]},"system":"https://h.example/mrn","value":"%s"}`
	mrn := func(code, value string) string { return fmt.Sprintf(typed, code, value) }
	const untyped = `{"system":"https://h.example/mrn","value":"RC-1"}`
	eachStore(t, func(t *testing.T, k *clinicKit) {
		const rosa, sam = "Field|Rosa|1984-05-01|female", "Okoro|Sam|1961-09-30|male"
		load := func(resources ...string) Imported { return k.load(t, []byte(bundleOf(resources...))) }
		first := load(numbered("a", rosa, mrn("MR", "RC-1")))
		// Somebody else, and also the same person under a second identifier.
		k.refusedWith(t, bundleOf(numbered("b", sam, mrn("MR", "RC-1"))), MsgSameNumber, mrn("MR", "RC-1"))
		k.refusedWith(t, bundleOf(numbered("b", rosa, untyped)), MsgSameNumber, untyped)
		// A policy number is the family's; another system's number is another number.
		for id, number := range map[string]string{"c": mrn("MB", "RC-1"), "d": strings.Replace(untyped, "h.example", "g.example", 1),
			"e": strings.Replace(untyped, `{`, `{"use":"old",`, 1), "f": `{"value":"RC-1"}`} {
			load(numbered(id, sam, number))
		}
		// The own number again, and a new one beside it, which then is taken.
		again := load(numbered("a", rosa, mrn("MR", "RC-1")))
		if again.Patient != first.Patient || again.Changed() {
			t.Errorf("the own number: %v", again.Types)
		}
		load(numbered("a", rosa, mrn("MR", "RC-1")+","+mrn("PI", "RC-17")+","+mrn("PI", "RC-17")))
		k.refusedWith(t, bundleOf(numbered("b", sam, mrn("MR", "RC-17"))), MsgSameNumber, mrn("MR", "RC-17"))
		// A chart that is there cannot take another's number either.
		k.refusedWith(t, bundleOf(numbered("c", sam, mrn("MB", "RC-1")+","+mrn("MR", "RC-1"))), MsgSameNumber, mrn("MR", "RC-1"))
	})
}

// Whatever a bundle says, it changes its own chart and adds to what is shared,
// and nothing else: every row of every other chart stays as it was.
func TestAnImportChangesNoOtherChart(t *testing.T) {
	people := []string{"Field|Rosa|1984-05-01|female", "Moreno|Rosa|1984-05-01|female", "Okoro|Sam|1961-09-30|male", "Field|Rosa||"}
	eachStore(t, func(t *testing.T, k *clinicKit) {
		raw := dbtest.Raw(k.DB)
		rowsOf := func() map[string]string {
			m := map[string]string{}
			for _, q := range []string{`SELECT owner, id, version, seq, header, body FROM chart_row ORDER BY owner, id, version`,
				`SELECT owner, part, version, seq, body FROM chart_part ORDER BY owner, part`, `SELECT owner, seq, body FROM chart_manifest ORDER BY owner`,
				`SELECT owner, kind, version, digest FROM vault_head WHERE kind = 1 ORDER BY slot`} { // the register is the clinic's, and added to
				for _, row := range raw.Query(t, q) {
					m[string(row[0].([]byte))] += fmt.Sprint(row[1:])
				}
			}
			return m
		}
		stored, refused := 0, map[string]int{}
		rapid.Check(t, func(rt *rapid.T) {
			id := func(label string) string { return rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, label) }
			p := patientJSON(id("patient"), rapid.SampledFrom(people).Draw(rt, "who"))
			if n := rapid.SampledFrom([]string{"", "RC-1", "RC-2"}).Draw(rt, "number"); n != "" {
				p = strings.Replace(p, `"name"`, `"identifier":[{"system":"https://h.example","value":"`+n+`"}],"name"`, 1)
			}
			resources := []string{p}
			own := p[strings.Index(p, `"id":"`)+6:][:1]
			for n := range rapid.IntRange(0, 3).Draw(rt, "observations") {
				o := strings.Replace(observe(`,"valueString":"`+id("value")+`"`), `"obs"`, fmt.Sprintf(`"obs-%d"`, n), 1)
				subject := own
				if rapid.IntRange(0, 7).Draw(rt, "stray") == 7 {
					subject = id("subject")
				}
				resources = append(resources, strings.Replace(o, "Patient/rosa", "Patient/"+subject, 1))
			}
			before := rowsOf()
			out, err := k.store.Import(t.Context(), vaulttest.Importer(), asFile(bundleOf(resources...)), Limits{}, "test")
			after := rowsOf()
			var mine string
			if err == nil {
				mine, stored = string(person.Patient(out.Patient).Bytes()), stored+1
			} else {
				refused[importError(t, err).MessageID]++
			}
			for owner, rows := range before {
				if owner != mine && after[owner] != rows {
					rt.Fatalf("another chart changed (import: %v)", err)
				}
			}
			if n := len(after) - len(before); n > 1 || n == 1 && before[mine] != "" {
				rt.Fatalf("%d new charts (import: %v)", n, err)
			}
		})
		t.Logf("%d stored, refused %v", stored, refused)
		for _, m := range []string{MsgOtherPerson, MsgSameNumber, MsgCollision, MsgOtherOwner} {
			if refused[m] == 0 {
				t.Errorf("nothing was refused with %s: the test lost its point", m)
			}
		}
	})
}

// Names of a hundred thousand words are compared by a few of them: a comparison runs
// while nothing else can change.
func TestLongNamesCostLittle(t *testing.T) {
	long := func(member, letter string) demographics {
		var b strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&b, "%s%06d ", letter, i)
		}
		v, err := rawjson.Parse([]byte(`{"birthDate":"1980-01-01","name":[{`+strings.Replace(member, "_", b.String(), 1)+`}]}`), rawjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return demographicsOf(v)
	}
	for _, member := range []string{`"family":"_","given":["Rosa"]`, `"given":["_"]`, `"given":["_","_","_"]`, `"text":"_"`} {
		a := long(member, "a")
		for _, n := range a.names {
			if len(n.family) > wordsMost || len(n.given) > 2*wordsMost {
				t.Errorf("%s: %d and %d words are compared", member, len(n.family), len(n.given))
			}
		}
	}
}
