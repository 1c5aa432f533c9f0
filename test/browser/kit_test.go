// Package browser walks through Postern with Chromium, as the people of the demo
// do: reading, passkeys, sign-out, the clinic's side, both languages.
//
// It owns one browser and one installation for each journey. It guarantees that
// every request goes to the one origin, and that the console stays empty: a
// blocked script, a broken policy or a foreign request fails the test. A missing
// Chromium fails it too, with the command that installs it.
package browser

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"postern.example/postern/internal/trust/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patience is how long a page may take on a busy machine.
const patience = 30 * time.Second

// chromium starts the browser of one test.
func chromium(t *testing.T) context.Context {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("this test needs Chromium: apt-get install chromium (or: make tools)")
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(stop)
	return ctx
}

// tab is a page that a person looks at.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string

	mu      sync.Mutex
	foreign []string
	said    []string
}

// open opens a tab in a browser context of its own: other cookies, another person.
func open(t *testing.T, parent context.Context, origin string, o ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, o...)
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx, origin: origin}
	must(t, chromedp.Listen(ctx, p.event))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	must(t, err)
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, u := range p.foreign {
			t.Errorf("a request to another origin: %s", u)
		}
		for _, s := range p.said {
			t.Errorf("the console says: %s", s)
		}
	})
	return p
}

func (p *tab) event(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, p.origin+"/") && !strings.HasPrefix(u, "data:") && u != "about:blank" {
			p.foreign = append(p.foreign, u)
		}
	case *cdplog.EventEntryAdded:
		p.said = append(p.said, string(e.Entry.Level)+": "+e.Entry.Text+" "+e.Entry.URL)
	case *runtime.EventConsoleAPICalled:
		p.said = append(p.said, string(e.Type))
	case *runtime.EventExceptionThrown:
		p.said = append(p.said, e.ExceptionDetails.Text)
	}
}

// expected takes back console messages that a step is meant to cause.
func (p *tab) expected(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var rest []string
	for _, s := range p.said {
		if !strings.Contains(s, text) {
			rest = append(rest, s)
		}
	}
	p.said = rest
}

func (p *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// goTo opens a path.
func (p *tab) goTo(path string) {
	p.t.Helper()
	p.do("open "+path, chromedp.Navigate(p.origin+path))
}

// eval evaluates an expression in the page; a promise is awaited.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

// until waits for an expression to hold, across navigations.
func (p *tab) until(what, expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			body, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`location.href+"\n"+document.body.innerText.slice(0,1500)`))
			p.t.Fatalf("%s: %s does not hold (%v)\n%s", what, expression, err, body)
		}
	}
}

// click clicks the element and waits for what comes of it.
func (p *tab) click(selector, then string) {
	p.t.Helper()
	p.until("find "+selector, fmt.Sprintf(`document.querySelector(%q) && !document.querySelector(%q).disabled`, selector, selector))
	// A page that is being left can answer after the new one: the mark tells them apart.
	eval[bool](p, fmt.Sprintf(`(document.documentElement.dataset.left = "1", document.querySelector(%q).click(), true)`, selector))
	p.until("after "+selector, then)
}

// leave is click for what leads to another page: then must hold there.
func (p *tab) leave(selector, then string) {
	p.t.Helper()
	p.click(selector, `document.readyState === "complete" && !document.documentElement.dataset.left && (`+then+`)`)
}

// text is what the page says.
func (p *tab) text() string { return eval[string](p, `document.body.innerText`) }

// says fails unless the page says every one of the texts.
func (p *tab) says(texts ...string) {
	p.t.Helper()
	got := p.text()
	for _, s := range texts {
		if !strings.Contains(got, s) {
			p.t.Errorf("%s does not say %q:\n%s", eval[string](p, `location.pathname`), s, got)
		}
	}
}

// authenticator gives the tab a platform authenticator that verifies its user.
func (p *tab) authenticator() {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, webauthn.Enable, webauthn.EnableParams{})
	must(p.t, err)
	_, err = chromedp.Call(p.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
		HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
	must(p.t, err)
}

// scripts switches JavaScript of pages off or on.
func (p *tab) scripts(on bool) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	must(p.t, err)
}

// looksFocused makes the page believe that its window has the focus, which no
// window of a headless browser has: without it nothing matches :focus.
func (p *tab) looksFocused() {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	must(p.t, err)
}

// back is the Back button.
func (p *tab) back() {
	p.t.Helper()
	h, err := chromedp.Call(p.ctx, page.GetNavigationHistory, struct{}{})
	must(p.t, err)
	_, err = chromedp.Call(p.ctx, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: h.Entries[h.CurrentIndex-1].ID})
	must(p.t, err)
}

// enter steps into a persona from the demo's start page.
func (p *tab) enter(persona string) {
	p.t.Helper()
	p.goTo("/demo")
	p.leave(`button[value=`+persona+`]`, `location.pathname !== "/demo"`)
}
