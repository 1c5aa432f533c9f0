package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// chartLink is the form that opens a chart of the list.
var chartLink = regexp.MustCompile(`(/clinic/pat-[a-z2-7]{26})`)

// openChart opens the chart of a patient as a clinician does, and returns the page.
func openChart(t *testing.T, b *apptest.Browser, path string) apptest.Answer {
	t.Helper()
	if a := b.Post(t, path, "purpose", string(person.PurposeTreatment)); a.Status == http.StatusSeeOther {
		return b.Get(t, a.Header.Get("Location"))
	}
	t.Fatal("the stated purpose leads nowhere")
	return apptest.Answer{}
}

// Dr. Chen may open one chart today. Her list shows all her patients, the first
// chart opens again and again, the second says whom to ask, the officer sees an alarm;
// and a restart in the middle of the day forgets none of it.
func TestTheDayOfADoctor(t *testing.T) {
	covers.Covers(t, "SD-6")
	limits := app.NoLimits()
	limits.ChartsPerDay = 1
	in := apptest.Start(t, apptest.Options{Fill: true, Limits: &limits})
	for _, round := range []string{"at first", "after a restart"} {
		b := in.Enter(t, "doctor")
		list := b.Get(t, "/clinic")
		charts := chartLink.FindAllString(string(list.Body), -1)
		if list.Status != http.StatusOK || len(charts) < 2 {
			t.Fatalf("%s: list: %d, %q", round, list.Status, charts)
		}
		other := charts[0]
		for _, c := range charts {
			if c != charts[0] {
				other = c
			}
		}
		if round == "after a restart" { // another one must not be the first of a new day
			if a := openChart(t, b, other); a.Status != http.StatusTooManyRequests {
				t.Errorf("%s: the second chart: %d", round, a.Status)
			}
		}
		for range 2 {
			if a := openChart(t, b, charts[0]); a.Status != http.StatusOK {
				t.Fatalf("%s: the first chart: %d\n%s", round, a.Status, a.Body)
			}
		}
		a := openChart(t, b, other)
		if a.Status != http.StatusTooManyRequests || !strings.Contains(string(a.Body), "Ask the compliance officer") || a.Header.Get("Retry-After") == "" ||
			strings.Contains(string(a.Body), " minutes") {
			t.Errorf("%s: the second chart: %d, %s\n%s", round, a.Status, a.Header.Get("Retry-After"), a.Body)
		}
		if got := string(in.Enter(t, "officer").Get(t, "/officer").Body); !strings.Contains(got, "all that one day allows: error.day-charts acc-") {
			t.Errorf("%s: the officer sees no alarm", round)
		}
		in.Restart(t)
	}
}

// A program that acts for Dr. Chen is given so many resources a day, of all its tokens,
// and no more after a restart; answers that were kept count like new ones. The mother's
// program reads her own chart without a count.
func TestTheDayOfAProgram(t *testing.T) {
	covers.Covers(t, "SD-6")
	limits := app.NoLimits()
	limits.ResourcesPerDay = 40
	in := apptest.Start(t, apptest.Options{Fill: true, Limits: &limits})
	mother, err := in.Identity.FindPersona(t.Context(), "mother")
	must(t, err)
	standing, err := in.Identity.Standing(t.Context(), mother)
	must(t, err)
	query := "/Observation?" + url.Values{"patient": {"Patient/" + strings.TrimPrefix(standing.Chart.String(), "pat-")}, "_count": {"12"}}.Encode()
	statuses := func(token string, n int) (out []int) {
		for range n {
			out = append(out, in.API(t, token, query).Status)
		}
		return out
	}
	if got := statuses(in.Token(t, "doctor"), 3); got[0] != 200 || got[1] != 200 || got[2] != 200 {
		t.Fatalf("36 resources: %v", got)
	}
	last := in.API(t, in.Token(t, "doctor"), query)
	if last.Status != http.StatusTooManyRequests || !strings.Contains(string(last.Body), "error.day-resources") || last.Header.Get("Retry-After") == "" {
		t.Errorf("the next 12: %d %s", last.Status, last.Body)
	}
	for range 5 {
		statuses(in.Token(t, "mother"), 1)
	}
	if got := statuses(in.Token(t, "mother"), 1); got[0] != 200 {
		t.Errorf("the own chart: %v", got)
	}
	in.Restart(t)
	if got := statuses(in.Token(t, "doctor"), 1); got[0] != http.StatusTooManyRequests {
		t.Errorf("after a restart: %v", got)
	}
}
