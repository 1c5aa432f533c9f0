package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// resultLink is a way from a chart to one of its results.
var resultLink = regexp.MustCompile(`/results/[a-z2-7]{26}\?q=[A-Za-z0-9_-]+`)

// chartOf is the identifier of a persona's Patient.
func chartOf(t *testing.T, in *apptest.Installation, persona string) (person.PatientID, string) {
	t.Helper()
	id, err := in.Identity.FindPersona(t.Context(), persona)
	must(t, err)
	s, err := in.Identity.Standing(t.Context(), id)
	must(t, err)
	return s.Chart, strings.TrimPrefix(s.Chart.String(), "pat-")
}

// However the program of Dr. Chen asks, it comes to the end of its day: also when it only
// counts, since whoever may count for ever finds out every code and date of a chart, and
// when it says that it has the answer already.
func TestEveryWayOfAskingEndsWithTheDay(t *testing.T) {
	covers.Covers(t, "SD-6")
	const most = 12
	limits := app.NoLimits()
	limits.ResourcesPerDay = most
	var ahead atomic.Int64
	in := apptest.Start(t, apptest.Options{Fill: true, Limits: &limits, Clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	_, id := chartOf(t, in, "mother")
	token := ""
	ask := func(method, path, etag string) apptest.Answer {
		r, err := http.NewRequestWithContext(t.Context(), method, in.Origin+"/fhir/R4"+path, nil)
		must(t, err)
		if method == http.MethodPost {
			path, form, _ := strings.Cut(path, "?")
			r, err = http.NewRequestWithContext(t.Context(), method, in.Origin+"/fhir/R4"+path, strings.NewReader(form))
			must(t, err)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if etag != "" {
			r.Header.Set("If-None-Match", etag)
		}
		return in.Browser().Send(t, r)
	}
	for name, way := range map[string]func(int) apptest.Answer{
		"read":      func(int) apptest.Answer { return ask("GET", "/Patient/"+id, "") },
		"head":      func(int) apptest.Answer { return ask("HEAD", "/Patient/"+id, "") },
		"unchanged": func(int) apptest.Answer { return ask("GET", "/Patient/"+id, "*") },
		"version":   func(int) apptest.Answer { return ask("GET", "/Patient/"+id+"/_history/1", "") },
		"history":   func(int) apptest.Answer { return ask("GET", "/Patient/"+id+"/_history", "") },
		"search":    func(int) apptest.Answer { return ask("GET", "/Patient?_id="+id, "") },
		"form":      func(int) apptest.Answer { return ask("POST", "/Patient/_search?_id="+id, "") },
		"include": func(int) apptest.Answer {
			return ask("GET", "/Observation?_count=1&_include=Observation:patient&patient="+id, "")
		},
		"count": func(int) apptest.Answer { return ask("GET", "/Observation?_summary=count&patient="+id, "") },
		"count of code": func(n int) apptest.Answer {
			return ask("GET", "/Observation?_count=0&patient="+id+"&code=x"+strings.Repeat("y", n), "")
		},
		"nothing found": func(n int) apptest.Answer {
			return ask("GET", "/Condition?patient="+id+"&code=x"+strings.Repeat("y", n), "")
		},
	} {
		ahead.Add(int64(24 * time.Hour)) // a day of its own
		token = in.Token(t, "doctor")
		left := most + 2
		for n := range left {
			a := way(n)
			if a.Status == http.StatusTooManyRequests {
				left = 0
				break
			}
			if a.Status != http.StatusOK && a.Status != http.StatusNotModified {
				t.Fatalf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		if left > 0 {
			t.Errorf("%s: it goes on for ever", name)
		}
	}
}

// Dr. Chen has Maya's chart open and her program is half through Maya's results when she
// is taken off her care: no link that either of them holds opens anything more.
func TestLinksEndWithTheAssignment(t *testing.T) {
	covers.Covers(t, "CH-13", "HC-9a")
	in := apptest.Start(t, apptest.Options{Fill: true})
	chart, id := chartOf(t, in, "mother")
	token, b := in.Token(t, "doctor"), in.Enter(t, "doctor")
	search := "/Observation?_count=3&_include=Observation:patient&patient=" + id
	first := bundleFrom(t, in.API(t, token, search))
	to := b.Post(t, "/clinic/"+chart.String(), "purpose", "TREAT").Header.Get("Location")
	page := b.Get(t, to)
	result := resultLink.FindString(string(page.Body))
	found := b.Post(t, "/clinic/look-up", "family", "Tran", "born", "1984-01-01").Header.Get("Location")
	if page.Status != http.StatusOK || result == "" || found == "" || b.Get(t, strings.ReplaceAll(result, "&amp;", "&")).Status != http.StatusOK {
		t.Fatalf("%d %q %q", page.Status, result, found)
	}
	doctor, err := in.Identity.FindPersona(t.Context(), "doctor")
	must(t, err)
	if a := in.Enter(t, "admin").Post(t, "/admin/assignments/end", "clinician", doctor.String(), "patient", chart.String()); a.Status != http.StatusSeeOther {
		t.Fatalf("end: %d %s", a.Status, a.Body)
	}
	for what, a := range map[string]apptest.Answer{
		"the chart": b.Get(t, to), "as a text": b.Get(t, to+"&as=text"), "its result": b.Get(t, result),
		"the same search": in.API(t, token, search), "the next page": in.API(t, token, first.link("next")), "itself": in.API(t, token, first.link("self")),
		"the patient": in.API(t, token, "/Patient/"+id), "a version": in.API(t, token, "/Patient/"+id+"/_history/1"), "the past": in.API(t, token, "/Patient/"+id+"/_history"),
		"a count": in.API(t, token, "/Observation?_summary=count&"+url.Values{"patient": {id}}.Encode()),
	} {
		if a.Status != http.StatusNotFound || strings.Contains(string(a.Body), "Tran") || a.Header.Get("Etag") != "" || a.Header.Get("Last-Modified") != "" {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
}
