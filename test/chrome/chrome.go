// Package chrome drives Chromium in tests, as a person would: it opens pages,
// clicks, waits for what comes of it, signs with a virtual authenticator.
//
// It guarantees that a tab's every request goes to the one origin, and that its
// console stays empty: a blocked script, a broken policy or a foreign request
// fails the test. A missing Chromium fails it too, with the command that installs
// it. It is imported by tests only, never by the product.
package chrome

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
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patience is how long a page may take on a busy machine.
const patience = 30 * time.Second

// Start starts the browser of one test; o are added to what every test needs.
func Start(t *testing.T, o ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("this test needs Chromium: apt-get install chromium (or: make tools)")
	}
	o = append([]chromedp.ExecAllocatorOption{chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true)}, o...)
	ctx, stop := chromedp.NewExecAllocator(t.Context(), o...)
	t.Cleanup(stop)
	return ctx
}

// Tab is a page that a person looks at.
type Tab struct {
	t      *testing.T
	Ctx    context.Context // of the tab, for what this kit has no method for
	origin string

	mu      sync.Mutex
	foreign []string
	said    []string
}

// Open opens a tab in a browser context of its own: other cookies, another person.
func Open(t *testing.T, parent context.Context, origin string, o ...chromedp.ContextOption) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, o...)
	t.Cleanup(cancel)
	p := &Tab{t: t, Ctx: ctx, origin: origin}
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

func (p *Tab) event(ev any) {
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

// Origin is where the tab's every request goes.
func (p *Tab) Origin() string { return p.origin }

// Expected takes back console messages that a step is meant to cause.
func (p *Tab) Expected(text string) {
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

func (p *Tab) Do(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.Ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// GoTo opens a path.
func (p *Tab) GoTo(path string) {
	p.t.Helper()
	p.Do("open "+path, chromedp.Navigate(p.origin+path))
}

// Eval evaluates an expression in the page; a promise is awaited.
func Eval[T any](p *Tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.Ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

// Until waits for an expression to hold, across navigations.
func (p *Tab) Until(what, expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.Ctx, patience)
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
			body, _ := chromedp.Run(p.Ctx, chromedp.Evaluate[string](`location.href+"\n"+document.body.innerText.slice(0,1500)`))
			p.t.Fatalf("%s: %s does not hold (%v)\n%s", what, expression, err, body)
		}
	}
}

// Click clicks the element and waits for what comes of it.
func (p *Tab) Click(selector, then string) {
	p.t.Helper()
	p.Until("find "+selector, fmt.Sprintf(`document.querySelector(%q) && !document.querySelector(%q).disabled`, selector, selector))
	// A page that is being left can answer after the new one: the mark tells them apart.
	Eval[bool](p, fmt.Sprintf(`(document.documentElement.dataset.left = "1", document.querySelector(%q).click(), true)`, selector))
	p.Until("after "+selector, then)
}

// Leave is click for what leads to another page: then must hold there.
func (p *Tab) Leave(selector, then string) {
	p.t.Helper()
	p.Click(selector, `document.readyState === "complete" && !document.documentElement.dataset.left && (`+then+`)`)
}

// Text is what the page says.
func (p *Tab) Text() string { return Eval[string](p, `document.body.innerText`) }

// Says fails unless the page says every one of the texts.
func (p *Tab) Says(texts ...string) {
	p.t.Helper()
	got := p.Text()
	for _, s := range texts {
		if !strings.Contains(got, s) {
			p.t.Errorf("%s does not say %q:\n%s", Eval[string](p, `location.pathname`), s, got)
		}
	}
}

// Authenticator gives the tab a platform authenticator that verifies its user.
func (p *Tab) Authenticator() webauthn.AuthenticatorID {
	p.t.Helper()
	_, err := chromedp.Call(p.Ctx, webauthn.Enable, webauthn.EnableParams{})
	must(p.t, err)
	made, err := chromedp.Call(p.Ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
		HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
	must(p.t, err)
	return made.AuthenticatorID
}

// Unplug takes an authenticator away.
func (p *Tab) Unplug(id webauthn.AuthenticatorID) {
	p.t.Helper()
	_, err := chromedp.Call(p.Ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: id})
	must(p.t, err)
}

// Scripts switches JavaScript of pages off or on.
func (p *Tab) Scripts(on bool) {
	p.t.Helper()
	_, err := chromedp.Call(p.Ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	must(p.t, err)
}

// LooksFocused makes the page believe that its window has the focus, which no
// window of a headless browser has: without it nothing matches :focus.
func (p *Tab) LooksFocused() {
	p.t.Helper()
	_, err := chromedp.Call(p.Ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	must(p.t, err)
}

// History is what the browser remembers of where the tab was.
func (p *Tab) History() page.GetNavigationHistoryResult {
	p.t.Helper()
	h, err := chromedp.Call(p.Ctx, page.GetNavigationHistory, struct{}{})
	must(p.t, err)
	return h
}

// Back is the Back button.
func (p *Tab) Back() {
	p.t.Helper()
	h := p.History()
	_, err := chromedp.Call(p.Ctx, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: h.Entries[h.CurrentIndex-1].ID})
	must(p.t, err)
}

// Enter steps into a persona from the demo's start page.
func (p *Tab) Enter(persona string) {
	p.t.Helper()
	p.GoTo("/demo")
	p.Leave(`button[value=`+persona+`]`, `location.pathname !== "/demo"`)
}
