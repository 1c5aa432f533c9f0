package browser

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/door/web"
	"postern.example/postern/test/chrome"
	"postern.example/postern/test/covers"
)

// zoomed is how wide a page is laid out on a desk of 1280 px at 400 % (WCAG 2.2
// 1.4.10).
const zoomed = 320

// Covers B-18, CH-6, B-21: every page, in both languages, by day, by night and in
// forced colours, passes axe with text at 7:1, fits 320 px, moves nothing for those who
// asked for that, says in its own language how to reach a person, and has body text
// of 18 px for patients and 16 px for staff.
func TestEveryPageIsForEveryone(t *testing.T) {
	covers.Covers(t, "B-18", "CH-6", "B-21")
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	media(p, "prefers-color-scheme", "light")
	axe, err := os.ReadFile("../clients/node_modules/axe-core/axe.min.js")
	must(t, err)
	for _, lang := range []string{"en", "es"} {
		who := "nobody"
		for _, c := range pictures {
			if strings.HasSuffix(c.name, "-es") {
				continue // the same page, which is looked at in Spanish here anyway
			}
			if c.who != who {
				who = c.who
				speak(p, c.who, lang)
			}
			p.Do("set the width", chromedp.EmulateViewport(1280, 900))
			p.GoTo(c.path)
			if c.act != nil {
				c.act(p)
			}
			everyone(t, p, lang+" "+c.name, string(axe))
			if got := chrome.Eval[string](p, `document.documentElement.lang`); got != lang {
				t.Errorf("%s is in %q, not in %q", c.name, got, lang)
			}
			p.Expected("404 (Not Found)") // the page that is not there
		}
	}
}

// speak enters as who, nobody when it is empty, and chooses the language.
func speak(p *chrome.Tab, who, lang string) {
	at := "/sign-in"
	if who != "" {
		p.Enter(who)
		at = "/security"
	} else if _, err := chromedp.Call(p.Ctx, network.ClearBrowserCookies, struct{}{}); err != nil {
		panic(err)
	}
	p.GoTo(at)
	if chrome.Eval[string](p, `document.documentElement.lang`) != lang {
		p.Leave(`form[action="/language"] button`, `document.documentElement.lang === "`+lang+`"`)
	}
}

// everyone looks at the page that p shows through several eyes.
func everyone(t *testing.T, p *chrome.Tab, name, axe string) {
	t.Helper()
	look := func(how, script string) {
		t.Helper()
		for _, found := range chrome.Eval[[]string](p, script) {
			t.Errorf("%s: %s: %s", name, how, found)
		}
	}
	look("axe", axe+rules)
	look("a person's help", help)
	look("letters", body)
	look("moves", motion)
	// Only now without fades, which a script would meet half way.
	media(p, "prefers-color-scheme", "dark")
	look("axe in the dark", axe+contrast)
	media(p, "forced-colors", "active")
	look("axe in forced colours", axe+contrast)
	media(p, "prefers-color-scheme", "light")
	p.Do("zoom to 400 %", chromedp.EmulateViewport(zoomed, 256))
	if wide := chrome.Eval[int64](p, `document.documentElement.scrollWidth`); wide > zoomed {
		t.Errorf("%s is %d px wide at 400 %%", name, wide)
	}
}

// media pretends that the person set one feature of their system, and asked for less motion.
func media(p *chrome.Tab, feature, value string) {
	set := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}, {Name: feature, Value: value}}}
	if _, err := chromedp.Call(p.Ctx, emulation.SetEmulatedMedia, set); err != nil {
		panic(err)
	}
}

// contrast is the one rule that colours can break: 7:1.
const contrast = `;axe.run(document, {runOnly: {type: "rule", values: ["color-contrast-enhanced"]}})
	.then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 120)).slice(0, 3).join(" | ")))`

// help is on every page: the clinic's number, which can be dialled.
const help = `(() => { const a = document.querySelector('.help a[href^="tel:"]');
	return a && a.checkVisibility() && a.innerText.includes("555-0100") ? [] : ["no number to call"] })()`

// body text of patients has 18 px, that of staff 16 px.
const body = `(() => { const least = document.body.matches(".staff") ? 15.95 : 17.95, px = parseFloat(getComputedStyle(document.body).fontSize);
	return px >= least ? [] : [px + " px"] })()`

// motion is none at all when it is to be reduced.
const motion = `[...document.querySelectorAll("*")].filter(e => { const s = getComputedStyle(e);
	return s.transitionDuration.split(",").some(d => parseFloat(d) > 0.011) || s.animationName !== "none" }).map(e => e.outerHTML.slice(0, 100))`

// Every page has its picture: a page that nobody looks at is not finished. Pages of the
// demo's own and those that end where another begins are named with the reason.
func TestEveryPageHasItsPicture(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	seen, who := map[string]bool{}, ""
	mux := http.NewServeMux()
	var pages []string
	for _, r := range web.Routes() {
		if r.Method == http.MethodGet {
			pages = append(pages, r.Pattern)
			mux.Handle("GET "+r.Pattern, http.NotFoundHandler())
		}
	}
	for _, c := range pictures {
		if c.who != who && c.who != "" {
			p.Enter(c.who)
			who = c.who
		}
		p.GoTo(c.path)
		if c.act != nil {
			c.act(p)
		}
		r, err := http.NewRequest(http.MethodGet, chrome.Eval[string](p, `location.pathname`), nil)
		must(t, err)
		_, pattern := mux.Handler(r)
		seen[strings.TrimPrefix(pattern, "GET ")] = true
	}
	p.Expected("404 (Not Found)")
	for _, pattern := range pages {
		if reason := unpictured[pattern]; (reason == "") == !seen[pattern] && !notAPage.MatchString(pattern) {
			t.Errorf("%s: seen %v, reason %q: it needs a picture in pictures, or a reason in unpictured, and not both", pattern, seen[pattern], reason)
		}
	}
}

// notAPage matches what a browser fetches without showing it.
var notAPage = regexp.MustCompile(`^/(assets|healthz|\.well-known)|/proof$|/file$`)

// unpictured are the pages without a picture, with the reason.
var unpictured = map[string]string{
	"/approve/{id}":         "it needs a second administrator with a passkey: TestTwoAdministratorsJourney walks it",
	"/imaging/studies/{id}": "the page of an image with other words",
	"/step-up":              "the sign-in page with other words",
}
