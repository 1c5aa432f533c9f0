package deid

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every type that Postern knows stands in the demo: a page without anything to
// show is a page that nobody looks at.
func TestTheCastHoldsEveryType(t *testing.T) {
	seen := map[string]int{}
	for _, p := range Family(day()) {
		if p.HasChart {
			for _, r := range checkBundle(t, write(t, p), day(), p.PatientURL) {
				seen[r["resourceType"].(string)]++
			}
		}
	}
	for _, kind := range []string{"RelatedPerson", "CarePlan", "CareTeam", "Goal", "DocumentReference", "Device", "ImagingStudy", "Provenance",
		"Appointment", "ServiceRequest", "Specimen", "QuestionnaireResponse", "Coverage", "Claim", "ExplanationOfBenefit"} {
		if seen[kind] < 3 {
			t.Errorf("%d of %s", seen[kind], kind)
		}
	}
}

// Today's schedule holds the patients of the doctor and of the nurse at the hours
// of the clinic's own clock, wherever it stands.
func TestTodaysSchedule(t *testing.T) {
	zone := time.FixedZone("clinic", -8*3600)
	today := time.Date(2026, time.November, 25, 22, 0, 0, 0, zone)
	cast := Family(today)
	want := map[string]string{"mother": proChen, "chronic": proChen, "elder": proChen, "teen": proBrooks, "child": proBrooks, "daughter": ""}
	for id, who := range want {
		p, _ := Find(cast, id)
		found := ""
		ahead, past := 0, 0
		for _, r := range checkBundle(t, write(t, p), today, p.PatientURL) {
			if r["resourceType"] != "Appointment" {
				continue
			}
			start, err := time.Parse(time.RFC3339, r["start"].(string))
			if err != nil {
				t.Fatal(err)
			}
			switch local := start.In(zone); {
			case local.Format(time.DateOnly) != "2026-11-25":
				if start.After(today) {
					ahead++
				} else {
					past++
				}
			case local.Hour() < 8 || local.Hour() > 17:
				t.Errorf("%s is called for %s", id, local)
			default:
				found += fmt.Sprint(r["participant"])
			}
		}
		if who == "" && found != "" || who != "" && !strings.Contains(found, urn(uuid(shared, who))) {
			t.Errorf("%s today: %s", id, found)
		}
		if ahead == 0 || past == 0 {
			t.Errorf("%s: %d appointments ahead, %d past", id, ahead, past)
		}
	}
}

// James was booked for a visit, came, and sees one time of that day on both pages, by the
// wall clock of a clinic anywhere: in Salem before and after the clocks change, in Honolulu
// and in Auckland, where the day in UTC is another one.
func TestOneDayShowsOneTime(t *testing.T) {
	salem, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	for _, zone := range []*time.Location{time.UTC, salem, time.FixedZone("Honolulu", -10*3600), time.FixedZone("Auckland", 13*3600)} {
		today := time.Date(2026, time.November, 25, 0, 30, 0, 0, zone)
		for _, p := range Family(today) {
			if !p.HasChart {
				continue
			}
			visits, kept := map[string]bool{}, []string{}
			for _, r := range checkBundle(t, write(t, p), today, p.PatientURL) {
				switch r["resourceType"] {
				case "Encounter":
					start := r["period"].(tree)["start"].(string)
					at, err := time.Parse(time.RFC3339, start)
					if local := at.In(zone); err != nil || local.Hour() < 8 || local.Hour() > 17 || local.Format(time.RFC3339) != start {
						t.Errorf("%s: %s came at %s: %v", zone, p.ID, start, err)
					}
					visits[start] = true
				case "Appointment":
					if r["status"] == "fulfilled" {
						kept = append(kept, r["start"].(string))
					}
				}
			}
			for _, start := range kept {
				if !visits[start] {
					t.Errorf("%s: %s kept an appointment at %s, and no visit began then", zone, p.ID, start)
				}
			}
			if len(kept) == 0 {
				t.Errorf("%s kept no appointment", p.ID)
			}
		}
	}
}

// James's sugar and cholesterol stand in two unit systems, and something came
// after the last visit.
func TestTwoLaboratories(t *testing.T) {
	resources, s := readChart(t, "chronic")
	for _, pair := range [][2]string{{"1558-6", "14771-0"}, {"2093-3", "14647-2"}, {"2085-9", "14646-4"}, {"13457-7", "39469-2"}} {
		if len(s[pair[0]]) < 10 || len(s[pair[1]]) < 3 {
			t.Errorf("%v: %d and %d values", pair, len(s[pair[0]]), len(s[pair[1]]))
		}
	}
	visit := ""
	for _, r := range resources {
		if r["resourceType"] == "Encounter" {
			visit = max(visit, r["period"].(tree)["start"].(string))
		}
	}
	if last := s.last("14771-0").day; last <= visit[:10] {
		t.Errorf("the newest sugar is of %s, the last visit of %s", last, visit)
	}
}

// The documents can be read back, those of the Salazars are in Spanish, and one
// holds the angle brackets of a meter's screen.
func TestPapers(t *testing.T) {
	brackets := 0
	for _, id := range []string{"chronic", "elder", "daughter", "mother", "teen", "child"} {
		resources, _ := readChart(t, id)
		var kinds []string
		for _, r := range resources {
			if r["resourceType"] != "DocumentReference" {
				continue
			}
			a := r["content"].([]any)[0].(tree)["attachment"].(tree)
			kinds = append(kinds, a["contentType"].(string))
			if data, ok := a["data"].(string); ok {
				b, err := base64.StdEncoding.DecodeString(data)
				if err != nil || len(b) < 40 {
					t.Errorf("%s: %q, %v", id, b, err)
				}
				if strings.Contains(string(b), "<LOW>") {
					brackets++
				}
			} else if a["url"] == nil {
				t.Errorf("%s: a document of nothing", id)
			}
			if want := map[string]string{"elder": "es", "daughter": "es"}[id]; want != "" && a["language"] != want {
				t.Errorf("%s: a document in %v", id, a["language"])
			}
		}
		if !slices.Contains(kinds, "text/plain") {
			t.Errorf("%s: documents %v", id, kinds)
		}
	}
	if brackets != 1 {
		t.Errorf("%d documents hold angle brackets", brackets)
	}
}
