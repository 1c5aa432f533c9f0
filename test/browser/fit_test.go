package browser

import (
	"os"
	"testing"

	"postern.example/postern/test/chrome"
)

// heaviest is the most that a page may weigh with everything that it loads, compressed.
const heaviest = 100_000

// fit fails unless people can read, touch and hear the page that p shows.
func fit(t *testing.T, p *chrome.Tab, name string) {
	t.Helper()
	for what, script := range map[string]string{"a target under 44 px": targets, "text under 14 px": letters, "no sign of the focus": focus} {
		for _, found := range chrome.Eval[[]string](p, script) {
			t.Errorf("%s: %s: %s", name, what, found)
		}
	}
	if n := chrome.Eval[int](p, weight); n > heaviest || n == 0 {
		t.Errorf("%s: %d bytes are transferred", name, n)
	}
	axe, err := os.ReadFile("../clients/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("this test needs axe-core: make tools (%v)", err)
	}
	for _, found := range chrome.Eval[[]string](p, string(axe)+rules) {
		t.Errorf("%s: axe: %s", name, found)
	}
}

// shown lists what can be touched or reached by key.
const shown = `const shown = [...document.querySelectorAll("a[href],button,input:not([type=hidden]),select,summary")]
	.filter(e => e.checkVisibility() && !e.disabled && !e.matches(".skip"));`

// targets are at least 44 px high and wide. A link may cover its whole row, a
// radio button's label is its target, and a link inside a sentence is as high as
// its line.
const targets = `(() => {` + shown + `
	const covers = e => getComputedStyle(e, "::after").position === "absolute";
	const inText = e => e.matches("a") && getComputedStyle(e).display === "inline" && e.parentElement.textContent.trim() !== e.textContent.trim();
	return shown.map(e => e.closest("label") ?? e).filter(e => !covers(e) && !inText(e)).map(e => [e.getBoundingClientRect(), e])
		.filter(([r]) => r.height < 43.9 || r.width < 43.9).map(([r, e]) => r.width.toFixed() + " x " + r.height.toFixed() + " " + e.outerHTML.slice(0, 120)) })()`

// letters are never under 14 px, in drawings as they are shown.
const letters = `[...document.querySelectorAll("body *")].filter(e => e.checkVisibility() && !e.closest("title,.unseen,[hidden],noscript")
		&& [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())).map(e => {
	const svg = e.ownerSVGElement, scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
	return [parseFloat(getComputedStyle(e).fontSize) * scale, e] }).filter(([px]) => px > 0 && px < 13.95).map(([px, e]) => px.toFixed(1) + " " + e.outerHTML.slice(0, 120))`

// focus is seen on everything that takes it.
const focus = `(() => {` + shown + `
	const ring = s => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
	const bare = shown.filter(e => { e.focus({focusVisible: true, preventScroll: true}); return !ring(getComputedStyle(e)) && !ring(getComputedStyle(e, "::after")) });
	document.activeElement?.blur();
	return bare.map(e => e.outerHTML.slice(0, 120)) })()`

// weight is the sum of the bodies of page and resources, as transferred.
const weight = `performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource")).reduce((sum, e) => sum + e.encodedBodySize, 0)`

// rules run axe. Its rule on targets counts what the bar at the foot of the
// phone covers for the moment, so that one is ours.
const rules = `;axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], rules: {"target-size": {enabled: false}}})
	.then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 120)).slice(0, 3).join(" | ")))`
