package sentinels

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"postern.example/postern/test/chrome"
)

// watched is a Chromium with a profile of its own, outside of the folder of the
// process, and everything that it told a network, a server or its history.
type watched struct {
	*chrome.Tab
	profile   string // what the browser keeps on disk
	downloads string

	mu     sync.Mutex
	wire   bytes.Buffer // URLs, titles and headers, a line each
	counts map[string]int
	shown  bytes.Buffer // pages, to see that the session met the needles at all
	saved  chan string  // file of a download that is complete
}

func watch(t *testing.T, origin string) *watched {
	t.Helper()
	w := &watched{counts: map[string]int{}, saved: make(chan string, 10)}
	home, err := os.MkdirTemp("/var/tmp", "sn") // not below TMPDIR, which holds what the process wrote
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(home) }) // a process of the browser may still write
	w.profile, w.downloads = filepath.Join(home, "profile"), filepath.Join(home, "downloads")
	// GTK, fonts and crash reports would go to the home of whoever runs the test.
	ctx := chrome.Start(t, chromedp.UserDataDir(w.profile), chromedp.Env("HOME="+home, "TMPDIR="+home, "XDG_CACHE_HOME="+home, "XDG_CONFIG_HOME="+home))
	w.Tab = chrome.Open(t, ctx, origin)
	must(t, chromedp.Listen(w.Ctx, w.see))
	must(t, chromedp.ListenBrowser(w.Ctx, w.see))
	events := true
	_, err = chromedp.Call(w.Ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: w.downloads, EventsEnabled: &events})
	must(t, err)
	return w
}

// see keeps what an event says of the wire.
func (w *watched) see(ev any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		w.line("request", e.Request.Method, e.Request.URL+e.Request.URLFragment, "of", e.DocumentURL)
		w.headers("request header", e.Request.Headers)
		if e.RedirectResponse != nil {
			w.headers("response header", e.RedirectResponse.Headers)
		}
	case *network.EventRequestWillBeSentExtraInfo:
		w.headers("request header", e.Headers) // as they went out: Referer, Cookie
	case *network.EventResponseReceived:
		w.line("response", e.Response.URL)
		w.headers("response header", e.Response.Headers)
	case *network.EventResponseReceivedExtraInfo:
		w.headers("response header", e.Headers)
		w.line("response header", e.HeadersText)
	case *browser.EventDownloadWillBegin:
		w.line("download", e.URL, e.SuggestedFilename)
	case *browser.EventDownloadProgress:
		if e.State == browser.DownloadProgressStateCompleted {
			w.saved <- filepath.Join(w.downloads, e.GUID)
		}
	}
}

func (w *watched) line(kind string, what ...string) {
	w.counts[kind]++
	fmt.Fprintln(&w.wire, kind, strings.ReplaceAll(strings.Join(what, " "), "\n", " "))
}

func (w *watched) headers(kind string, h network.Headers) {
	for name, value := range h {
		w.line(kind, name, fmt.Sprint(value))
	}
}

// meet reads the page that is open: what it shows counts as seen.
func (w *watched) meet() string {
	page := chrome.Eval[string](w.Tab, `document.documentElement.outerHTML`)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shown.WriteString(page)
	return page
}

// enter steps into a person by the form of the demo's start page.
func (w *watched) enter(persona string) {
	w.GoTo("/demo")
	chrome.Eval[bool](w.Tab, fmt.Sprintf(`((b) => { b.value = %q; b.id = "enter"; return true })(document.querySelector("button[name=persona]"))`, persona))
	w.Leave("#enter", `location.pathname !== "/demo"`)
}

// passkey makes a passkey, signs out and comes back with it.
func (w *watched) passkey(t *testing.T) {
	t.Helper()
	key := w.Authenticator()
	w.GoTo("/security")
	chrome.Eval[bool](w.Tab, `(document.querySelector("[data-field=name]").value = "my laptop", true)`)
	w.Leave(`[data-go]`, `document.body.innerText.includes("my laptop")`)
	w.signOut()
	w.Leave(`[data-go]`, `location.pathname === "/"`)
	w.Unplug(key)
}

// saves clicks a link to a file and returns where Chromium put it.
func (w *watched) saves(t *testing.T, link string) string {
	t.Helper()
	chrome.Eval[bool](w.Tab, fmt.Sprintf(`(document.querySelector(%q).click(), true)`, link))
	select {
	case path := <-w.saved:
		return path
	case <-w.Ctx.Done():
		t.Fatalf("%s: nothing was saved", link)
		return ""
	}
}

func (w *watched) signOut() {
	w.Leave(`form[action="/sign-out"] button`, `location.pathname === "/sign-in"`)
}

// links opens every page that the page at path leads to, by clicking, so that each
// request has the referrer that a person's would have; at most most of one kind.
func (w *watched) links(path, selector string, most int) {
	n := chrome.Eval[int](w.Tab, fmt.Sprintf(`document.querySelectorAll(%q).length`, selector))
	for i := range min(n, most) {
		chrome.Eval[bool](w.Tab, fmt.Sprintf(`(document.querySelector("#on")?.removeAttribute("id"), document.querySelectorAll(%q)[%d].id = "on", true)`, selector, i))
		w.Leave("#on", `location.pathname !== `+fmt.Sprintf("%q", path))
		w.meet()
		w.Back()
		w.Until("Back leads to the list", fmt.Sprintf(`location.pathname === %q && document.readyState === "complete"`, path))
	}
}

// reads is a patient who looks at everything.
func (w *watched) reads() {
	for _, path := range []string{"/", "/medications", "/visits", "/appointments", "/documents", "/record", "/results"} {
		w.GoTo("/")
		w.Leave(`.menu a[href="`+path+`"]`, fmt.Sprintf("location.pathname === %q", path))
		w.meet()
		switch path {
		case "/record":
			w.links(path, `main a[href^="/"]:not([href^="/?"]):not([href="/record/file"])`, 40)
		case "/visits", "/documents":
			w.links(path, `main a[href^="`+path+`/"]`, 2)
		}
	}
	w.Leave(`form.chips button[value=laboratory]`, `document.querySelector("[aria-pressed=true][value=laboratory]")`)
	w.meet()
	w.links("/results", `main a[href^="/results/"]`, 1)
}

// patient is what a patient does in a day: with a passkey, in both languages, with
// a proof to take away, and out again.
func (w *watched) patient(t *testing.T, handle string) (proof string) {
	t.Helper()
	w.enter(handle)
	w.passkey(t)
	w.reads()
	w.Leave(`form[action="/language"] button`, `document.documentElement.lang === "es"`)
	w.reads()
	w.GoTo("/record")
	whole := w.saves(t, `a[href="/record/file"]`)
	b, err := os.ReadFile(whole)
	must(t, err)
	w.shown.Write(b)
	must(t, os.Remove(whole)) // it is the record: the page asks to delete it on a shared computer
	w.GoTo("/access-log")
	w.meet()
	proof = w.saves(t, "a.proof")
	w.GoTo("/nowhere")
	w.Expected("404 (Not Found)")
	w.GoTo("/security")
	w.signOut()
	w.Expected("info: Clear-Site-Data header")
	return proof
}

// treats is a clinician or nurse: the list, a chart for a purpose, its results, Back.
func (w *watched) treats(handle string) {
	w.enter(handle)
	w.meet()
	n := chrome.Eval[int](w.Tab, `document.querySelectorAll("main a[href^='/clinic/']").length`)
	for i := range n {
		w.GoTo("/clinic")
		chrome.Eval[bool](w.Tab, fmt.Sprintf(`(document.querySelectorAll("main a[href^='/clinic/']")[%d].id = "on", true)`, i))
		w.Leave("#on", `document.querySelector("input[name=purpose]")`)
		w.Leave(`main form button.button-main`, `document.querySelector("header.banner")`)
		w.meet()
		w.Leave(`a.test`, `location.pathname.startsWith("/results/")`)
		w.meet()
		w.Leave(`form.crumb button`, `document.querySelector("header.banner")`)
	}
	w.GoTo("/security")
	w.signOut()
	w.Expected("info: Clear-Site-Data header")
}

// types fills fields of a form and sends it.
func (w *watched) types(form string, fields map[string]string, then string) {
	for name, value := range fields {
		chrome.Eval[bool](w.Tab, fmt.Sprintf(`(document.querySelector("form[action='%s'] [name=%s]").value = %q, true)`, form, name, value))
	}
	w.Leave(`form[action="`+form+`"] button:not([hidden])`, then)
	w.meet()
}

// offices are the administrator and the officer, who type what a search of theirs is about.
func (w *watched) offices(p patient) {
	w.enter("admin")
	w.GoTo("/admin")
	w.meet()
	w.types("/admin/accounts", map[string]string{"name": p.given + " " + p.family, "role": "nurse"}, `document.querySelector("#one-time")`)
	w.types("/admin/accounts", map[string]string{"name": p.note, "role": "patient", "patient": p.mrn}, `document.querySelector(".note-bad")`)
	w.GoTo("/admin/waiting")
	w.signOut()
	w.enter("officer")
	w.meet()
	w.types("/officer", map[string]string{"who": p.family, "patient": p.mrn}, `document.querySelector("[name=who]").value !== ""`)
	w.types("/officer/verify", nil, `document.querySelector("[aria-labelledby=verified]")`)
	w.GoTo("/security")
	w.signOut()
	w.Expected("info: Clear-Site-Data header")
}

// inChromium is the browser session: every role, every page, both languages. What
// it put on the wire, into its history and onto its own disk is searched. There is
// no metrics endpoint yet; the day there is one, its answer belongs here too.
func (c *clinic) inChromium(t *testing.T, s *Searcher) {
	t.Helper()
	w := watch(t, c.Origin)
	proof := w.patient(t, c.patients[0].id)
	w.enter(c.patients[1].id) // in the same browser, as in a family
	w.reads()
	w.signOut()
	w.treats("sentinel-doctor")
	w.treats("sentinel-nurse")
	w.offices(c.patients[0])
	files := append(w.close(t), proof)
	for line := range bytes.Lines(w.wire.Bytes()) {
		report(t, "Chromium's "+string(line), s.Search(line))
	}
	searchFiles(t, s, files)
	shown := s.Search(w.shown.Bytes())
	for _, p := range c.patients {
		for _, n := range []string{p.family, p.display, p.drug, p.substance, p.value, p.note, p.dose, p.mrn} {
			if !shown[n]["plain"] {
				t.Errorf("Chromium showed no %q", n)
			}
		}
	}
	t.Logf("Chromium: %v", w.counts)
}

// close ends the browser as a person does, so that what it keeps is on disk, and
// returns the files of its profile. What the history lists, addresses and titles,
// counts as seen on the wire.
func (w *watched) close(t *testing.T) []string {
	t.Helper()
	h := w.History()
	w.mu.Lock()
	for _, e := range h.Entries {
		w.line("history", e.URL, e.UserTypedURL, e.Title)
	}
	for _, kind := range []string{"request", "request header", "response", "response header", "history"} {
		if w.counts[kind] == 0 {
			t.Errorf("nothing of the kind %q was seen: is the test still listening?", kind)
		}
	}
	w.mu.Unlock()
	must(t, chromedp.Cancel(w.Ctx))
	return below(t, w.profile)
}

// below are all files under dir.
func below(t *testing.T, dir string) (out []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}))
	return out
}

// The control of the browser's half: a site that leaks in every way that the
// session is searched for, and each is found. So a search that finds nothing
// means something, whatever Chromium changes in where it keeps things.
func TestControlFindsLeaksOfABrowser(t *testing.T) {
	leaks := map[string]string{}
	for _, where := range []string{"query", "header", "title", "form", "body", "storage"} {
		leaks[where] = draw(12, letters)
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch {
		case r.URL.Path == "/favicon.ico":
			w.WriteHeader(http.StatusNoContent)
			return
		case r.Method == http.MethodGet: // a page that the browser may keep
			w.Header().Set("Cache-Control", "max-age=3600")
			w.Header().Set("X-Note", leaks["header"])
		}
		_, _ = fmt.Fprintf(w, `<!doctype html><title>%s</title><p>%s</p><form method="post" action="/"><input name="n"><button>send</button></form>`,
			leaks["title"], leaks["body"]) // the browser left: the search says so
	}))
	t.Cleanup(site.Close)
	w := watch(t, site.URL)
	w.GoTo("/?n=" + leaks["query"])
	chrome.Eval[bool](w.Tab, `(localStorage.setItem("n", "`+leaks["storage"]+`"), document.querySelector("[name=n]").value = "`+leaks["form"]+`", true)`)
	w.Leave("form button", `location.search === ""`)
	needles := slices.Collect(maps.Values(leaks))
	s := NewSearcher(needles)
	files := w.close(t)
	wire, disk := s.Search(w.wire.Bytes()), Hits{}
	for _, path := range files {
		b, err := os.ReadFile(path)
		must(t, err)
		for n, forms := range s.Search(b) {
			for f := range forms {
				disk.add(n, f)
			}
		}
	}
	for where, n := range leaks {
		if where != "form" && where != "body" && where != "storage" && wire[n] == nil {
			t.Errorf("the %s was not found on the wire", where)
		}
		if where != "header" && disk[n] == nil {
			t.Errorf("the %s was not found in the profile", where)
		}
	}
}
