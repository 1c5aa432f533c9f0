package browser

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/test/chrome"
	"postern.example/postern/test/covers"
)

var journeys = flag.Bool("journeys", false, "write docs/journeys.md and its screens anew")

// walk is one journey: a person with an aim, what it takes, and what is seen.
type walk struct {
	t       *testing.T
	p       *chrome.Tab
	name    string // of its files
	title   string
	clicks  int
	keys    int
	started time.Time
	steps   []step
}

type step struct {
	did     string
	clicks  int
	keys    int
	seconds float64
	screen  string
}

// begin starts the clock: from here on every click and key is counted.
// A walk that was recorded in one language has no name in the other: it is not written down twice.
func begin(t *testing.T, p *chrome.Tab, name, title string) *walk {
	return &walk{t: t, p: p, name: name, title: title, started: time.Now()}
}

// click clicks selector, as Leave does.
func (w *walk) click(selector, then string) {
	w.t.Helper()
	w.clicks++
	w.p.Leave(selector, then)
}

// key presses a key: Tab, Enter, or a letter.
func (w *walk) key(name string) {
	w.t.Helper()
	w.keys++
	press(w.t, w.p, name)
}

// press sends a key as a keyboard does.
func press(t *testing.T, p *chrome.Tab, name string) {
	t.Helper()
	down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: name, Code: name}
	switch name {
	case "Tab":
		down.WindowsVirtualKeyCode = 9
	case "Enter":
		down.WindowsVirtualKeyCode, down.Type, down.Text = 13, input.DispatchKeyEventTypeKeyDown, "\r"
	}
	up := down
	up.Type, up.Text = input.DispatchKeyEventTypeKeyUp, ""
	for _, e := range []input.DispatchKeyEventParams{down, up} {
		if _, err := chromedp.Call(p.Ctx, input.DispatchKeyEvent, e); err != nil {
			t.Fatalf("press %s: %v", name, err)
		}
	}
}

// tabTo presses Tab until the focus is on what matches selector, and fails when the
// focus is not seen on the way or the page ends.
func (w *walk) tabTo(selector string, most int) {
	w.t.Helper()
	for range most {
		w.key("Tab")
		if chrome.Eval[bool](w.p, `document.activeElement.matches(`+fmt.Sprintf("%q", selector)+`)`) {
			if !chrome.Eval[bool](w.p, seen) {
				w.t.Errorf("the focus on %s is not in sight: %s", selector, chrome.Eval[string](w.p, `document.activeElement.outerHTML.slice(0, 200)`))
			}
			return
		}
	}
	w.t.Fatalf("%d times Tab do not lead to %s; the focus is on %s", most, selector, chrome.Eval[string](w.p, `document.activeElement.outerHTML.slice(0, 200)`))
}

// seen reports whether some of what has the focus is within the window.
const seen = `(() => { const r = document.activeElement.getBoundingClientRect(); return r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth })()`

// enter presses Enter and waits for the page that comes of it.
func (w *walk) enter(then string) {
	w.t.Helper()
	chrome.Eval[bool](w.p, `(document.documentElement.dataset.left = "1", true)`)
	w.key("Enter")
	w.p.Until("after Enter", `document.readyState === "complete" && !document.documentElement.dataset.left && (`+then+`)`)
}

// did ends a step: what the person has done now, and sees.
func (w *walk) did(what string) {
	w.t.Helper()
	s := step{did: what, clicks: w.clicks, keys: w.keys, seconds: time.Since(w.started).Seconds()}
	if *journeys && w.name != "" {
		s.screen = fmt.Sprintf("journey-%s-%d.png", w.name, len(w.steps)+1)
		b, err := chromedp.Run(w.p.Ctx, chromedp.CaptureScreenshot())
		must(w.t, err)
		must(w.t, keepPNG(filepath.Join("..", "..", "docs", "screens", s.screen), b))
	}
	w.steps = append(w.steps, s)
}

// end writes the journey down, and says how it went.
func (w *walk) end() {
	w.t.Helper()
	last := w.steps[len(w.steps)-1]
	w.t.Logf("%s: %d clicks, %d keys, %.1f s", w.title, last.clicks, last.keys, last.seconds)
	if !*journeys || w.name == "" {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n| # | what the person does and sees | clicks | keys | seconds | screen |\n|---|---|---|---|---|---|\n", w.title)
	for i, s := range w.steps {
		fmt.Fprintf(&b, "| %d | %s | %d | %d | %.1f | [%s](screens/%s) |\n", i+1, s.did, s.clicks, s.keys, s.seconds, strings.TrimSuffix(s.screen, ".png"), s.screen)
	}
	must(w.t, writeJourney(w.name, b.String()))
}

// writeJourney puts one journey's section in its place in docs/journeys.md.
func writeJourney(name, section string) error {
	file := filepath.Join("..", "..", "docs", "journeys.md")
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	place := regexp.MustCompile(`(?s)<!-- ` + regexp.QuoteMeta(name) + ` -->\n.*?<!-- end -->`)
	if !place.Match(old) {
		return fmt.Errorf("docs/journeys.md has no place for %s", name)
	}
	return os.WriteFile(file, place.ReplaceAllLiteral(old, []byte("<!-- "+name+" -->\n"+section+"<!-- end -->")), 0o644)
}

// slow gives the tab the line of the issue: 400 kbit/s, and the delay of a poor mobile network.
func slow(t *testing.T, p *chrome.Tab) {
	t.Helper()
	line := network.Conditions{Latency: 150, DownloadThroughput: 400_000 / 8, UploadThroughput: 400_000 / 8}
	_, err := chromedp.Call(p.Ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{&line}})
	must(t, err)
}

// joins gives a persona a passkey of the tab's own, and leaves them signed out.
func joins(p *chrome.Tab, who, lang string) {
	p.Authenticator()
	speak(p, who, lang)
	p.GoTo("/security")
	chrome.Eval[bool](p, `(document.querySelector("[data-field=name]").value = "my phone", true)`)
	p.Leave(`[data-go]`, `document.body.innerText.includes("my phone")`)
	p.Leave(`form[action="/sign-out"] button`, `location.pathname === "/sign-in"`)
	p.Expected("info: Clear-Site-Data header")
}

// speaks checks which language the page is in.
func speaks(t *testing.T, p *chrome.Tab, lang string) {
	t.Helper()
	if got := chrome.Eval[string](p, `document.documentElement.lang`); got != lang {
		t.Errorf("%s is in %q", chrome.Eval[string](p, `location.pathname`), got)
	}
}

// Covers CH-8: Maya signs in and reads what is new, in two clicks and over a slow line.
func TestJourneyNewResult(t *testing.T) {
	covers.Covers(t, "CH-8")
	for lang, name := range map[string]string{"en": "new-result", "es": ""} {
		t.Run(lang, func(t *testing.T) { readsNewResult(t, lang, name) })
	}
}

func readsNewResult(t *testing.T, lang, name string) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.Do("a phone", chromedp.EmulateViewport(390, 844))
	joins(p, "mother", lang)
	slow(t, p)
	w := begin(t, p, name, "Maya signs in and reads a new result, on a phone at 400 kbit/s")
	p.GoTo("/sign-in")
	w.did("opens the portal")
	w.click(`[data-go]`, `location.pathname === "/"`)
	w.did("touches the sensor of her phone: home says what is new")
	w.click(`main a[href^="/results/"]`, `document.querySelector("main table")`)
	w.did("opens the new result: value, words, range, trend")
	p.Says("Maya Tran")
	speaks(t, p, lang)
	if w.clicks > 2 {
		t.Errorf("%d clicks", w.clicks)
	}
	w.end()
}

// Covers B-18: Ernesto reads a result at 400 % with nothing but a keyboard.
func TestJourneyElderByKeyboard(t *testing.T) {
	covers.Covers(t, "B-18")
	for lang, name := range map[string]string{"es": "elder", "en": ""} {
		t.Run(lang, func(t *testing.T) { readsByKeyboard(t, lang, name) })
	}
}

func readsByKeyboard(t *testing.T, lang, name string) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.LooksFocused()
	joins(p, "elder", lang)
	p.Do("400 % of 1280 px", chromedp.EmulateViewport(320, 256))
	w := begin(t, p, name, "Ernesto reads a result at 400 % zoom, by keyboard")
	p.GoTo("/sign-in")
	w.tabTo(`[data-go]`, 12)
	w.did("finds the button of the passkey")
	w.enter(`location.pathname === "/"`)
	w.did("is at home, in Spanish")
	w.tabTo(`main a[href^="/results/"]`, 40)
	w.enter(`location.pathname.startsWith("/results/") && document.querySelector("main table")`)
	w.did("opens the newest result")
	if wide := chrome.Eval[int](p, `document.documentElement.scrollWidth`); wide > 320 {
		t.Errorf("the result is %d px wide", wide)
	}
	speaks(t, p, lang)
	w.key("Tab")
	if !chrome.Eval[bool](p, `document.activeElement.matches(".skip") && document.activeElement.getBoundingClientRect().top >= 0`) {
		t.Error("the first key does not offer to skip the menu")
	}
	w.did("can jump over the menu with the first key")
	w.end()
}

// Covers B-19: Daniela reads her own new result in Spanish, looks for her father's record, and a
// page tells her in Spanish that sharing is not possible yet and what she can do.
func TestJourneyDaughter(t *testing.T) {
	covers.Covers(t, "B-19")
	for lang, name := range map[string]string{"es": "daughter", "en": ""} {
		t.Run(lang, func(t *testing.T) { looksForHerFather(t, lang, name) })
	}
}

func looksForHerFather(t *testing.T, lang, name string) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.Do("a phone", chromedp.EmulateViewport(390, 844))
	joins(p, "daughter", lang)
	w := begin(t, p, name, "The daughter reads her own new result in Spanish and looks for her father's record")
	p.GoTo("/sign-in")
	w.click(`[data-go]`, `location.pathname === "/"`)
	w.did("signs in: home, in Spanish")
	w.click(`main a[href^="/results/"]`, `location.pathname.startsWith("/results/")`)
	w.did("opens her newest result")
	speaks(t, p, lang)
	w.clicks++
	p.Click(`nav.bar a[href="#more"]`, `location.hash === "#more"`)
	w.click(`.more a[href="/sharing"]`, `location.pathname === "/sharing"`)
	w.did("finds \"somebody you care for\" in the menu: not possible yet, and what to do meanwhile")
	speaks(t, p, lang)
	p.Says("555-0100")
	w.end()
}
