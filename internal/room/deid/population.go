package deid

import (
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"time"
)

// DefaultResources is how many resources a patient of a population has beside
// the Patient and the shared Organization.
const DefaultResources = 20

// PopulationConfig describes a population. The same values give the same people.
type PopulationConfig struct {
	Seed      uint64    // which population; zero is a population like any other
	Patients  int       // how many; zero yields none
	Resources int       // per patient beside Patient and Organization; zero means DefaultResources, negative none
	Today     time.Time // every date lies before this day
}

// Synthetic is one person of a population: what a public register could know,
// in the clear, so that a test can compare an attacker's guess with the truth.
type Synthetic struct {
	Index        int
	Given        string
	Family       string
	Gender       string // FHIR administrative gender
	BirthDate    time.Time
	Phone        string
	Email        string
	RecordNumber string
	PatientURL   string // fullUrl of the Patient in the bundle

	subject subject
	today   time.Time
	tell    func(*chart)
}

// Population yields the people one by one; each costs nothing until it is
// asked for and can be written on its own.
func Population(c PopulationConfig) iter.Seq[Synthetic] {
	t := midnight(c.Today)
	if c.Resources == 0 {
		c.Resources = DefaultResources
	}
	draw := newRegister(t)
	return func(yield func(Synthetic) bool) {
		for i := range c.Patients {
			p := draw.person(fmt.Sprintf("population/%d/%d", c.Seed, i), i)
			p.tell = func(ch *chart) { tellSmall(ch, c.Resources) }
			if !yield(p) {
				return
			}
		}
	}
}

// BigChart is one person with a long chart: n resources beside the Patient
// (2,000 is usual), nine tenths of them observations. Another seed is another person.
func BigChart(seed uint64, today time.Time, n int) Synthetic {
	t := midnight(today)
	// Numbers of its own: no record number or address of somebody in Population.
	p := newRegister(t).person(fmt.Sprintf("big/%d", seed), 5_000_000+int(seed%1_000_000)) // #nosec G115 -- below a million
	p.subject.born = bornAt(t, 40+int(seed%40), time.June, 15)                             // #nosec G115 -- below forty; old enough for the chart
	p.BirthDate = p.subject.born
	p.tell = func(c *chart) { tellBig(c, n) }
	return p
}

// WriteBundle writes the person's chart as one FHIR R4 transaction Bundle.
func (p Synthetic) WriteBundle(w io.Writer) error {
	b := newBundleWriter(w)
	c := newChart(b, p.subject, p.today)
	c.labBy, c.vitalBy = orgClinic, orgClinic
	c.patient()
	writeHouse(b)
	p.tell(c)
	return b.close()
}

// register draws people from the public tables.
type register struct {
	today                time.Time
	family, female, male table
}

func newRegister(today time.Time) register {
	return register{today, zipf(familyNames), zipf(femaleNames), zipf(maleNames)}
}

func (g register) person(space string, index int) Synthetic {
	r := dice(space + "/who")
	s := subject{space: space, gender: "female", language: "en"}
	given := g.female
	if r.IntN(2) == 1 {
		s.gender, given = "male", g.male
	}
	s.given, s.family = given.names[given.draw(r)], g.family.names[g.family.draw(r)]
	s.born = g.birth(r)
	if r.IntN(8) == 0 {
		s.language = "es"
	}
	s.phone = fmt.Sprintf("%d%d%d-555-01%02d", 2+r.IntN(8), r.IntN(9), r.IntN(10), r.IntN(100))
	s.email = mailbox(s.given, fmt.Sprintf("%s.%d", s.family, index))
	s.mrn = fmt.Sprintf("RC-%07d", 2_000_000+index)
	s.address = mainStreet(fmt.Sprintf("%d %s", 1+r.IntN(400), streets()[r.IntN(len(streets()))]))
	s.address.Use = "home"
	return Synthetic{Index: index, Given: s.given, Family: s.family, Gender: s.gender, BirthDate: s.born, Phone: s.phone,
		Email: s.email, RecordNumber: s.mrn, PatientURL: s.fullURL(), subject: s, today: g.today}
}

func streets() []string {
	return []string{"Mill Road", "Willow Lane", "Orchard Court", "Heron Way", "Quarry Street", "Station Road", "Chestnut Avenue", "Ferry Street"}
}

// birth draws an age from the table and a day within that year of life. The 29th
// of February counts as the 28th, so that nobody's birthday slips past today.
func (g register) birth(r *rand.Rand) time.Time {
	anchor := g.today
	if anchor.Month() == time.February && anchor.Day() == 29 {
		anchor = anchor.AddDate(0, 0, -1)
	}
	years := drawAge(r)
	return anchor.AddDate(-years, 0, -1-r.IntN(362))
}

// mailbox is an address under .example, in ASCII.
func mailbox(given, family string) string {
	plain := strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ñ", "n")
	return plain.Replace(strings.ToLower(given+"."+family)) + "@mail.example"
}

// tellSmall writes k small observations, newest last. They are numbers to
// store and to search, not medicine: an infant may weigh 70 kg.
func tellSmall(c *chart, k int) {
	kinds := small()
	days := int(c.today.Sub(c.born).Hours() / 24)
	for i := range max(k, 0) {
		c.value(kinds[i%len(kinds)], c.today.AddDate(0, 0, -min(2+30*(k-1-i), days)), nil)
	}
}

func (c *chart) value(m drawn, day time.Time, enc *ref) ref {
	return c.number(m.measure, day, enc, m.middle+c.wobble(m.spread))
}

// drawn is a measure with where its values lie.
type drawn struct {
	measure
	middle, spread int64
}

func small() []drawn {
	return []drawn{{weight(), 740, 180}, {heartRate(), 74, 14}, {glucose(), 94, 16}, {potassium(), 43, 7}, {sodium(), 140, 4},
		{creatinine(), 96, 24}, {hemoglobin(), 141, 22}, {a1c(), 56, 8}, {temperature(), 367, 6}, {oxygen(), 97, 2},
		{cholesterol(), 188, 34}, {hdl(), 52, 12}, {triglycerides(), 128, 40}, {tsh(), 210, 120}, {ferritin(), 82, 55}}
}

// bigDays is over how many days a big chart stretches.
const bigDays = 2000

// tellBig writes visits of one encounter, one report and its observations until
// n resources stand; observations fill what is left.
func tellBig(c *chart, n int) {
	kinds := small()
	for done := 0; done < n; {
		day := workday(c.today.AddDate(0, 0, -3-(n-done)*bigDays/n))
		if n-done < len(kinds)+2 {
			c.value(kinds[done%len(kinds)], day, nil)
			done++
			continue
		}
		start := c.clock(day, 15, 0)
		e := c.add(encounterResource{header: c.head("Encounter"), Status: "finished", Class: coding{sysHL7 + "v3-ActCode", "AMB", "ambulatory"},
			Type: []concept{checkUp()}, Subject: c.me, Period: period{instant(start), instant(start.Add(20 * time.Minute))},
			ReasonCode: []concept{hypertension()}, ServiceProvider: to(orgClinic)})
		refs := make([]ref, 0, len(kinds))
		for _, m := range kinds {
			refs = append(refs, c.value(m, day, &e))
		}
		c.reportOf(panelMetabolic(), day, &e, "", refs)
		done += len(kinds) + 2
	}
}
