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

// task is one of several in a walk: it fails when it took more clicks than it may, or
// when the machine's part took longer than 15 seconds.
func (w *walk) task(what string, most int, do func()) {
	w.t.Helper()
	clicks, begun := w.clicks, time.Now()
	do()
	took := time.Since(begun)
	w.did(what)
	w.t.Logf("%s: %d clicks, %.1f s", what, w.clicks-clicks, took.Seconds())
	if w.clicks-clicks > most || took > 15*time.Second {
		w.t.Errorf("%s took %d clicks and %.1f s, it may take %d and 15", what, w.clicks-clicks, took.Seconds(), most)
	}
}

// inRow selects what selector finds in the line of a name.
func inRow(p *chrome.Tab, name, selector string) string {
	chrome.Eval[bool](p, fmt.Sprintf(`(() => { document.querySelector("#chosen")?.removeAttribute("id");
		const row = [...document.querySelectorAll("main tr")].find(r => r.innerText.includes(%q)); row.querySelector(%q).id = "chosen"; return true })()`, name, selector))
	return "#chosen"
}

const opened = `document.querySelector("header.banner")`

// begins reports which of the parts of a chart begin below the screen.
func begins(p *chrome.Tab, parts ...string) (below []string) {
	for _, part := range parts {
		if !chrome.Eval[bool](p, `document.getElementById("`+part+`").getBoundingClientRect().bottom <= innerHeight`) {
			below = append(below, part)
		}
	}
	return below
}

// The nurse's routine tasks: today's patient, allergies and medicines, vital signs, a new
// result with its trend, somebody by the number on a paper.
func TestJourneyNurse(t *testing.T) {
	covers.Covers(t, "HC-9a", "AC-4")
	t.Run("en", func(t *testing.T) { nursesTasks(t, "en", "nurse", "Allergies", "Medicines now", "1 patient found") })
	t.Run("es", func(t *testing.T) {
		nursesTasks(t, "es", "", "Alergias", "Medicinas actuales", "1 paciente encontrado")
	})
}

func nursesTasks(t *testing.T, lang, name, allergies, medicines, found string) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.Do("a desk", chromedp.EmulateViewport(1280, 900))
	p.GoTo("/demo")
	w := begin(t, p, name, "The nurse’s five routine tasks")
	w.task("Samuel signs in, sees who comes today, and opens Theo’s chart for the visit", 2, func() {
		w.click(`button[value=nurse]`, `location.pathname === "/clinic"`)
		w.click(inRow(p, "Theo Tran", "td.open button"), opened)
	})
	if chrome.Eval[string](p, `document.documentElement.lang`) != lang {
		p.Leave(`form[action="/language"] button`, opened) // a chart stays open in the other language
	}
	p.Says("Theo Tran", "Trainer pen for the new teacher")
	w.task("Allergies and medicines stand first", 0, func() { p.Says(allergies, "Peanut", medicines) })
	w.task("The last vital signs stand beside them, each with its day and its direction", 0, func() {
		if !chrome.Eval[bool](p, `(() => { const rows = [...document.querySelectorAll("[aria-labelledby=vitals] tbody tr")]; return rows.length > 0 && rows.every(r => r.querySelector("time")) })()`) {
			t.Error("vital signs without their date")
		}
	})
	if below := begins(p, "allergies", "medications", "conditions", "recent", "vitals"); len(below) > 0 {
		t.Errorf("below the screen: %q", below)
	}
	p.GoTo("/clinic")
	w.task("From the list to Lena’s chart, and to a new result with its trend", 2, func() {
		w.click(inRow(p, "Lena Tran", "td.open button"), opened)
		w.click(`[aria-labelledby=recent] a.test, [aria-labelledby=vitals] a.test`, `location.pathname.startsWith("/results/") && document.querySelector("main svg")`)
	})
	p.Says("Lena Tran")
	p.Leave(`form.crumb button`, opened)
	p.GoTo("/clinic")
	number := chrome.Eval[string](p, `[...document.querySelectorAll("main tr")].find(r => r.innerText.includes("Lena Tran")).querySelector(".mono").innerText`)
	w.task("He types the record number from a paper, finds Lena, and opens her chart", 2, func() {
		chrome.Eval[bool](p, `(document.querySelector("#known").value = "`+strings.ToLower(number)+`", true)`)
		w.click(`form[action="/clinic/look-up"] button`, `location.pathname === "/clinic/look-up"`)
		p.Says(found, "Lena Tran")
		if u := chrome.Eval[string](p, `location.href`); strings.Contains(strings.ToLower(u), strings.ToLower(number)) {
			t.Errorf("the search is in the address: %s", u)
		}
		w.click(`td.open button`, opened)
	})
	speaks(t, p, lang)
	w.end()

	// What the next ten minutes need begins on the one screen for people with long charts too.
	p.Enter("doctor")
	for _, name := range []string{"Maya Tran", "James Okoro", "Ernesto Salazar"} {
		p.GoTo("/clinic")
		p.Leave(inRow(p, name, "td.open button"), opened)
		if below := begins(p, "allergies", "medications", "recent", "vitals"); len(below) > 0 {
			t.Errorf("%s: below the screen: %q", name, below)
		}
	}
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
