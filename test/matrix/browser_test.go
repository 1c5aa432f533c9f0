package matrix

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/test/chrome"
	"postern.example/postern/test/covers"
)

// canary is in every document before anything of it: the corpus calls hit, and a
// policy that is broken reports here.
const canary = `window.hits = 0; window.hit = () => { window.hits++ }; window.reports = [];
for (const f of ['alert', 'confirm', 'prompt', 'open']) window[f] = () => { window.hits++ };
document.addEventListener('securitypolicyviolation', e => { window.reports.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample) });`

// In a browser nothing of a hostile chart runs, and no page breaks its own policy: for the
// patient, and for the nurse who reads it (threats: stored XSS crossing from patient to clinician).
func TestHostileChartInABrowser(t *testing.T) {
	covers.Covers(t, "SD-4")
	s := newSiege(t)
	parent := chrome.Start(t)
	seen := 0
	for _, who := range []string{"h0", "h1", "h-nurse", "h-admin", "h-officer"} {
		tab := chrome.Open(t, parent, s.Origin)
		_, err := chromedp.Call(tab.Ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: canary})
		must(t, err)
		tab.GoTo("/demo")
		if got := chrome.Eval[string](tab, `fetch('/demo/enter', {method: 'POST', body: new URLSearchParams({persona: '`+who+`'})}).then(r => r.url)`); !strings.HasPrefix(got, s.Origin) {
			t.Fatalf("%s is at %s", who, got)
		}
		b := s.Enter(t, who)
		paths := s.places(b, who)
		for _, path := range paths {
			tab.GoTo(path)
			got := chrome.Eval[string](tab, `[window.hits, window.reports.join(' | '), document.querySelectorAll('script:not([nonce])').length, document.querySelectorAll('iframe,object,embed,base').length].join(' ; ')`)
			if got != "0 ;  ; 0 ; 0" {
				t.Errorf("%s at %s: %s", who, path, got)
			}
			if strings.Contains(chrome.Eval[string](tab, `document.body.textContent`), "zq.") {
				seen++
			}
		}
	}
	t.Logf("matrix: %d pages with texts of the corpus looked at in Chromium", seen)
	if seen < 10 {
		t.Errorf("only %d pages showed the corpus", seen)
	}
}

// places are the pages of a persona's menu, and a few that they link to.
func (s *siege) places(b *apptest.Browser, who string) (out []string) {
	for _, r := range s.rows {
		if r.Method == "GET" && r.Door == "web" && !strings.Contains(r.Path, "{") && !strings.HasPrefix(r.Path, "/.well") && r.Path != "/healthz" {
			if got := b.Get(s.t, r.Path); got.Status == 200 {
				if !strings.HasSuffix(r.Path, "/file") { // a download: held looks at it
					out = append(out, r.Path)
				}
				for i, to := range s.held(r.Path+" of "+who, got.Status, got.Header, got.Body) {
					if i%5 == 0 && match(s.rows, "GET", to) != "" && !strings.HasSuffix(to, "/proof") && !strings.HasSuffix(to, "/file") && len(out) < 40 {
						out = append(out, to)
					}
				}
			}
		}
	}
	return out
}
