package browser

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/test/chrome"
	"postern.example/postern/test/covers"
)

// tally counts what a task takes a person: clicks, and the time of the machine between
// them. Typing and reading come on top.
type tally struct {
	t      *testing.T
	p      *chrome.Tab
	clicks int
	begun  time.Time
}

func begin(t *testing.T, p *chrome.Tab) *tally {
	return &tally{t: t, p: p, begun: time.Now()}
}

// click is one click that leads to another page.
func (y *tally) click(selector, then string) {
	y.t.Helper()
	y.clicks++
	y.p.Leave(selector, then)
}

// done says what a task took, and fails when it took more than it may.
func (y *tally) done(task string, clicks int) {
	y.t.Helper()
	took := time.Since(y.begun)
	y.t.Logf("%s: %d clicks, %.1f s", task, y.clicks, took.Seconds())
	if y.clicks > clicks || took > 15*time.Second {
		y.t.Errorf("%s took %d clicks and %.1f s, it may take %d and 15", task, y.clicks, took.Seconds(), clicks)
	}
}

// inRow selects what selector finds in the line of a name.
func inRow(p *chrome.Tab, name, selector string) string {
	chrome.Eval[bool](p, fmt.Sprintf(`(() => { document.querySelector("#chosen")?.removeAttribute("id");
		const row = [...document.querySelectorAll("main tr")].find(r => r.innerText.includes(%q)); row.querySelector(%q).id = "chosen"; return true })()`, name, selector))
	return "#chosen"
}

const opened = `document.querySelector("header.banner")`

// The nurse's routine tasks, with the clicks that each takes; docs/journeys.md tells them.
func TestTheNursesFiveTasks(t *testing.T) {
	covers.Covers(t, "HC-9a", "AC-4")
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.Do("a desk", chromedp.EmulateViewport(1280, 900))

	p.GoTo("/demo")
	y := begin(t, p)
	y.click(`button[value=nurse]`, `location.pathname === "/clinic"`)
	y.click(inRow(p, "Theo Tran", "td.open button"), opened)
	y.done("from sign-in to the chart of today's patient", 2)
	p.Says("Theo Tran", "Trainer pen for the new teacher")

	y = begin(t, p)
	p.Says("Allergies", "Medicines now")
	if !chrome.Eval[bool](p, `["allergies", "medications", "conditions", "recent", "vitals"].every(id => { const r = document.getElementById(id).getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight })`) {
		t.Error("a part of the chart begins below the screen")
	}
	y.done("allergies and medicines", 0)

	y = begin(t, p)
	if !chrome.Eval[bool](p, `[...document.querySelectorAll("[aria-labelledby=vitals] tbody tr")].length > 0 && [...document.querySelectorAll("[aria-labelledby=vitals] tbody tr")].every(r => r.querySelector("time"))`) {
		t.Error("vital signs without their date")
	}
	y.done("last vital signs", 0)

	p.GoTo("/clinic")
	y = begin(t, p)
	y.click(inRow(p, "Lena Tran", "td.open button"), opened)
	y.click(`[aria-labelledby=recent] a.test, [aria-labelledby=vitals] a.test`, `location.pathname.startsWith("/results/") && document.querySelector("main svg")`)
	p.Says("Lena Tran")
	y.done("a new result with its trend", 2)
	p.Leave(`form.crumb button`, opened)

	p.Enter("doctor")
	for _, name := range []string{"Maya Tran", "James Okoro", "Ernesto Salazar"} {
		p.GoTo("/clinic")
		p.Leave(inRow(p, name, "td.open button"), opened)
		for _, part := range []string{"allergies", "medications", "recent", "vitals"} {
			if !chrome.Eval[bool](p, `document.getElementById("`+part+`").getBoundingClientRect().bottom <= innerHeight`) {
				t.Errorf("%s of %s begins below the screen", part, name)
			}
		}
	}

	p.Enter("nurse")
	p.GoTo("/clinic")
	number := chrome.Eval[string](p, `[...document.querySelectorAll("main tr")].find(r => r.innerText.includes("Lena Tran")).querySelector(".mono").innerText`)
	chrome.Eval[bool](p, `(document.querySelector("#known").value = "`+strings.ToLower(number)+`", true)`)
	y = begin(t, p)
	y.click(`form[action="/clinic/look-up"] button`, `location.pathname === "/clinic/look-up"`)
	p.Says("1 patient found", "Lena Tran")
	if u := chrome.Eval[string](p, `location.href`); strings.Contains(strings.ToLower(u), strings.ToLower(number)) {
		t.Errorf("the search is in the address: %s", u)
	}
	y.click(`td.open button`, opened)
	y.done("look up by record number", 2)
}

// Typing narrows both lists, without accents and in any order, and says how many are left.
// Without JavaScript the lists are whole and the box is not there.
func TestTheListIsNarrowed(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.Enter("doctor")
	typed := func(text string) (left int, said string) {
		chrome.Eval[bool](p, fmt.Sprintf(`(() => { const b = document.querySelector("#narrow"); b.value = %q; b.dispatchEvent(new Event("input")); return true })()`, text))
		return chrome.Eval[int](p, `[...document.querySelectorAll("[data-row]")].filter(r => r.checkVisibility()).length`), chrome.Eval[string](p, `document.querySelector("[data-status]").innerText`)
	}
	for _, c := range []struct {
		text, said string
		left       int
	}{{"r", "3 patients are shown.", 3}, {"TRÁN maya", "1 patient is shown.", 1}, {"salázar", "1 patient is shown.", 1}, {"theo", "No patient of yours matches", 0}, {"", "", 3}} {
		if left, said := typed(c.text); left != c.left || !strings.HasPrefix(said, c.said) || c.said == "" && said != "" {
			t.Errorf("%q leaves %d and says %q", c.text, left, said)
		}
	}
	p.Scripts(false)
	p.GoTo("/clinic")
	if !chrome.Eval[bool](p, `!document.querySelector("#narrow").checkVisibility() && document.querySelectorAll("[data-row]").length === 3`) {
		t.Error("without JavaScript the list is not whole")
	}
	p.Leave(inRow(p, "James Okoro", "td.open button"), opened)
}

// By keyboard alone the order is the page's: skip links, the list, the button of the first visit.
func TestTheChartByKeyboard(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.Enter("doctor")
	p.Leave(`td.open button`, opened)
	order := chrome.Eval[[]string](p, `[...document.querySelectorAll("a[href],button,input:not([type=hidden])")].filter(e => e.tabIndex === 0).map(e => e.getAttribute("href") ?? e.innerText)`)
	at := func(what string) int {
		for i, s := range order {
			if s == what {
				return i
			}
		}
		return -1
	}
	if i := at("#main"); i != 0 {
		t.Errorf("the first stop is %q", order[0])
	}
	for _, pair := range [][2]string{{"#main", "#allergies"}, {"#allergies", "#medications"}, {"#medications", "#conditions"}, {"#conditions", "#recent"}, {"#recent", "#vitals"}} {
		if a, b := at(pair[0]), at(pair[1]); a < 0 || b < a {
			t.Errorf("%s stands at %d, %s at %d", pair[0], a, pair[1], b)
		}
	}
	if !chrome.Eval[bool](p, `(() => { const hs = [...document.querySelectorAll("main h1, main h2")].map(h => h.tagName); return hs[0] === "H1" && hs.filter(h => h === "H1").length === 1 && hs.length >= 6 })()`) {
		t.Error("the headings are out of order")
	}
	p.Leave(`a[href="/clinic"]`, `location.pathname === "/clinic"`)
}
