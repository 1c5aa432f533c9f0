package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/test/chrome"
	"postern.example/postern/test/covers"
)

// Covers AC-4, B-33, SD-13c, SD-4: a patient reads, sees who looked, takes a
// proof away, creates a passkey, signs out so that nothing stays, and signs in
// with it.
func TestPatientJourney(t *testing.T) {
	covers.Covers(t, "AC-4", "B-33", "SD-13c", "SD-4")
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.Authenticator()
	p.Enter("mother")
	p.Says("Maya Tran", "Riverside Clinic")
	p.GoTo("/results")
	p.Leave(`main a[href^="/results/"]`, `location.pathname.startsWith("/results/")`)
	if !chrome.Eval[bool](p, `!!document.querySelector("main table")`) {
		t.Error("a result without its table")
	}
	detail := chrome.Eval[string](p, `location.pathname`)

	p.GoTo("/access-log")
	p.Says("Maya")
	proofs(t, in, p)

	p.GoTo("/security")
	chrome.Eval[bool](p, `(document.querySelector("[data-field=name]").value = "my laptop", true)`)
	p.Leave(`[data-go]`, `document.body.innerText.includes("my laptop")`)

	p.GoTo(detail)
	p.Leave(`form[action="/sign-out"] button`, `location.pathname === "/sign-in"`)
	p.Says("You are signed out")
	nothingStays(t, p)
	p.Expected("info: Clear-Site-Data header") // the browser says that it did what we want
	p.Back()
	p.Until("Back shows no chart", `location.pathname === "/sign-in" || !document.body.innerText.includes("Maya")`)
	if s := p.Text(); strings.Contains(s, "Maya") || strings.Contains(s, "Tran") {
		t.Errorf("after sign-out, Back shows:\n%s", s)
	}

	p.GoTo("/sign-in")
	p.Leave(`[data-go]`, `location.pathname === "/"`)
	p.Says("Maya Tran")
}

// proofs downloads a proof and verifies it with nothing but the log's key.
func proofs(t *testing.T, in *apptest.Installation, p *chrome.Tab) {
	t.Helper()
	proof := chrome.Eval[string](p, `fetch(document.querySelector("a.proof").href).then(r => r.ok ? r.text() : "status " + r.status)`)
	file := filepath.Join(t.TempDir(), "proof")
	must(t, os.WriteFile(file, []byte(proof), 0o600))
	o := app.AuditVerifyOptions{Proof: file, Key: filepath.Join(in.Dir, app.VKeyFile)}
	if r, err := app.AuditVerify(t.Context(), o); err != nil || !r.OK {
		t.Errorf("proof: %+v, %v\n%s", r, err, proof)
	}
	other := apptest.Start(t, apptest.Options{Stopped: true})
	o.Key = filepath.Join(other.Dir, app.VKeyFile)
	if r, err := app.AuditVerify(t.Context(), o); err == nil && r.OK {
		t.Error("another log's key accepts the proof")
	}
}

// nothingStays fails when the browser keeps anything of us.
func nothingStays(t *testing.T, p *chrome.Tab) {
	t.Helper()
	kept := chrome.Eval[[]string](p, `(async () => [
		...Object.keys(localStorage).map(k => "localStorage " + k), ...Object.keys(sessionStorage).map(k => "sessionStorage " + k),
		...(await indexedDB.databases()).map(d => "IndexedDB " + d.name), ...(await caches.keys()).map(k => "Cache " + k),
		...(await navigator.serviceWorker.getRegistrations()).map(r => "service worker " + r.scope),
		...(document.cookie ? ["cookie " + document.cookie] : [])])()`)
	if len(kept) > 0 {
		t.Errorf("after sign-out the browser keeps %q", kept)
	}
	if status := chrome.Eval[int](p, `fetch("/results", {redirect: "manual"}).then(r => r.type === "opaqueredirect" ? 303 : r.status)`); status != 303 {
		t.Errorf("after sign-out /results answers %d", status)
	}
}

// Reading works without JavaScript, in English and Spanish.
func TestReadingWithoutJavaScript(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.Enter("chronic")
	p.Scripts(false)
	for _, lang := range []string{"en", "es"} {
		if lang == "es" {
			p.GoTo("/")
			p.Leave(`form[action="/language"] button`, `document.documentElement.lang === "es"`)
		}
		titles := map[string]bool{}
		for _, place := range (&view.Base{Menu: view.MenuPatient}).Places() {
			path := string(place)
			p.GoTo(path)
			if got := chrome.Eval[string](p, `document.documentElement.lang`); got != lang {
				t.Errorf("%s is in %q", path, got)
			}
			h1 := chrome.Eval[string](p, `document.querySelector("h1").innerText`)
			if h1 == "" || titles[h1] {
				t.Errorf("%s has the title %q", path, h1)
			}
			titles[h1] = true
			if broken := chrome.Eval[bool](p, `/\{\{|\}\}|%!|\[object|undefined|<nil>/.test(document.body.innerText)`); broken {
				t.Errorf("%s %s shows a broken text:\n%s", lang, path, p.Text())
			}
		}
		p.GoTo("/results")
		p.Leave(`main a[href^="/results/"]`, `document.querySelector("main table") && document.querySelector("main svg")`)
	}
}

// The clinic's side: a doctor opens a chart for a purpose, a nurse hers; the
// patient sees it.
func TestClinicJourney(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	for _, c := range []struct{ who, patient, not string }{{"doctor", "James Okoro", "Theo Tran"}, {"nurse", "Theo Tran", "James Okoro"}} {
		p.Enter(c.who)
		p.GoTo("/clinic")
		p.Says(c.patient)
		if strings.Contains(p.Text(), c.not) {
			t.Errorf("the %s sees %s", c.who, c.not)
		}
		chrome.Eval[bool](p, `([...document.querySelectorAll("main a[href^='/clinic/']")].find(a => a.closest("li, tr, section").innerText.includes("`+c.patient+`")).id = "chosen", true)`)
		p.Leave("#chosen", `document.querySelector("input[name=purpose]")`)
		p.Leave(`main form button.button-main`, `document.querySelector("header.banner")`)
		p.Says(c.patient)
		// To a result, whose patient stands on its page, and back; from the list in one click.
		p.Leave(`a.test`, `location.pathname.startsWith("/results/")`)
		p.Says(c.patient)
		p.Leave(`form.crumb button`, `document.querySelector("header.banner")`)
		p.Says(c.patient)
		p.GoTo("/clinic")
		p.Leave(`td.open button`, `document.querySelector("header.banner")`)
	}
	p.Enter("chronic")
	p.GoTo("/access-log")
	p.Says("Lillian Chen")
	p.Leave(`a[href="/access-log?show=others"]`, `location.search === "?show=others"`)
	p.Says("Lillian Chen", "to treat you")
	if chrome.Eval[bool](p, `!!document.querySelector(".looks .own")`) {
		t.Error("the own visits stand among those of others")
	}
}

// The office: an administrator adds an account, its link enrols in another
// browser, the officer verifies and exports.
func TestOfficeJourney(t *testing.T) {
	covers.Covers(t, "AC-4")
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.Enter("admin")
	p.GoTo("/admin")
	chrome.Eval[bool](p, `(document.querySelector("#a-name").value = "Noor Haddad", document.querySelector("#a-role").value = "nurse", true)`)
	p.Leave(`form[action="/admin/accounts"] button`, `document.documentElement.outerHTML.includes("/enrol#")`)
	link := chrome.Eval[string](p, `document.documentElement.outerHTML.match(/http:\/\/localhost:\d+\/enrol#[\w.-]+/)[0]`)

	second := chrome.Open(t, p.Ctx, in.Origin, chromedp.WithNewBrowserContext())
	second.Authenticator()
	second.Do("open the link", chromedp.Navigate(link))
	second.Until("the secret left the address bar", `location.hash === ""`)
	for _, lang := range []string{"es", "en"} { // the link works on in the other language
		second.Leave(`form[action="/language"] button`, `location.hash === "" && document.documentElement.lang === "`+lang+`"`)
	}
	chrome.Eval[bool](second, `(document.querySelector("[data-field=name]").value = "ward phone", true)`)
	second.Leave(`[data-go]`, `location.pathname !== "/enrol"`)
	second.Says("Noor Haddad")
	second.GoTo("/security")
	second.Says("ward phone")

	p.Enter("officer")
	p.GoTo("/officer")
	p.Says("Ingrid Halvorsen")
	p.Leave(`form[action="/officer/verify"] button`, `document.querySelector("[aria-labelledby=verified]")`)
	if !chrome.Eval[bool](p, `document.querySelector("[aria-labelledby=verified]").matches(":not(.note-bad)")`) {
		t.Errorf("verify says:\n%s", p.Text())
	}
	p.GoTo("/officer")
	got := chrome.Eval[string](p, `(() => { const f = document.querySelector('form[action="/officer/export"]');
		return fetch(f.action, {method: "POST", body: new URLSearchParams(new FormData(f))}).then(async r =>
			r.status + " " + r.headers.get("content-disposition") + " " + (await r.arrayBuffer()).byteLength) })()`)
	if !strings.HasPrefix(got, "200 attachment") {
		t.Errorf("export: %s", got)
	}
}

// Two administrators make a new link for a nurse who lost her phone: one asks and
// gets nothing, the other confirms with a passkey and has the link, once.
func TestTwoAdministratorsJourney(t *testing.T) {
	covers.Covers(t, "HC-6a")
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.Enter("admin")
	// joined opens the link of a new account in a browser of its own.
	joined := func(name, role string) *chrome.Tab {
		p.GoTo("/admin")
		chrome.Eval[bool](p, `(document.querySelector("#a-name").value = "`+name+`", document.querySelector("#a-role").value = "`+role+`", true)`)
		p.Leave(`form[action="/admin/accounts"] button`, `document.documentElement.outerHTML.includes("/enrol#")`)
		link := chrome.Eval[string](p, `document.documentElement.outerHTML.match(/http:\/\/localhost:\d+\/enrol#[\w.-]+/)[0]`)
		own := chrome.Open(t, p.Ctx, in.Origin, chromedp.WithNewBrowserContext())
		own.Authenticator()
		own.Do("open the link", chromedp.Navigate(link))
		own.Until("the secret left the address bar", `location.hash === ""`)
		own.Leave(`[data-go]`, `location.pathname !== "/enrol"`)
		return own
	}
	second, nurse := joined("Carla Second", "administrator"), joined("Noor Haddad", "nurse")
	nurse.Says("Noor Haddad")

	p.GoTo("/admin")
	chrome.Eval[bool](p, `(() => { for (const row of document.querySelectorAll("tbody tr")) if (row.innerText.includes("Noor Haddad")) {
		row.querySelector("details").open = true; row.querySelector("[name=reason]").value = "lost her phone"; row.querySelector("[name=reason]").form.id = "renew"; return true }
		return false })()`)
	p.Leave(`#renew button`, `location.pathname === "/admin/waiting"`)
	p.Says("Noor Haddad", "lost her phone", "You")

	second.GoTo("/admin/waiting")
	second.Says("Ingrid Halvorsen", "lost her phone")
	second.Leave(`a[href^="/approve/"]`, `location.pathname.startsWith("/approve/")`)
	second.Says("Noor Haddad", "Only if the person really asked")
	second.Leave(`[data-go]`, `document.querySelector("#one-time")`)
	second.Says("One-time link for Noor Haddad")
	link := chrome.Eval[string](second, `document.querySelector("#one-time").value`)
	second.GoTo(chrome.Eval[string](second, `location.pathname`))
	if chrome.Eval[bool](second, `document.documentElement.outerHTML.includes("/enrol#")`) {
		t.Error("the link is shown twice")
	}
	fresh := chrome.Open(t, p.Ctx, in.Origin, chromedp.WithNewBrowserContext())
	fresh.Authenticator()
	fresh.Do("open the link", chromedp.Navigate(link))
	fresh.Until("the secret left the address bar", `location.hash === ""`)
	fresh.Leave(`[data-go]`, `location.pathname !== "/enrol"`)
	fresh.Says("Noor Haddad")

	// The officer keeps watch over both: one asks for the suspension, the other confirms.
	p.GoTo("/admin")
	chrome.Eval[bool](p, `(() => { const why = [...document.querySelectorAll('form[action$="/suspend"] [name=reason]')].find(i => !i.closest("tr").innerText.includes("Carla"));
		why.closest("details").open = true; why.value = "laptop stolen"; why.form.id = "stop"; return true })()`)
	p.Leave(`#stop button`, `location.pathname === "/admin/waiting"`)
	p.Says("laptop stolen", "Until then the account works as before")
	second.GoTo("/admin/waiting")
	second.Leave(`a[href^="/approve/"]`, `location.pathname.startsWith("/approve/")`)
	second.Says("laptop stolen", "Only if you know why")
	second.Leave(`[data-go]`, `document.querySelector(".note")`)
	second.Says("Confirmed.", "its sessions were ended")
}

// Back and Reload fetch what a form had asked for, and ask nobody to send it again;
// no address says what it was.
func TestBackFetchesWhatAFormAskedFor(t *testing.T) {
	covers.Covers(t, "CH-11")
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	again := func(what, holds string) {
		t.Helper()
		at := chrome.Eval[string](p, `location.pathname`)
		p.Back()
		p.Until(what+": Back", `location.pathname !== "`+at+`" && document.readyState === "complete" && (`+holds+`)`)
		p.Do("reload", chromedp.Reload())
		p.Until(what+": Reload", `document.readyState === "complete" && (`+holds+`)`)
		if a := chrome.Eval[string](p, `location.href`); strings.Contains(a, "vital") || strings.Contains(a, "TREAT") || strings.Contains(a, "Chen") {
			t.Errorf("%s: the address is %s", what, a)
		}
	}
	p.Enter("chronic")
	p.GoTo("/results")
	chip := `document.querySelector("[aria-pressed=true][value=vital-signs]")`
	p.Leave(`form.chips button[value=vital-signs]`, chip)
	p.Leave(`main a[href^="/results/"]`, `location.pathname.startsWith("/results/")`)
	again("results", chip)

	p.Enter("doctor")
	p.GoTo("/clinic")
	p.Leave(`td.open button`, `document.querySelector("header.banner")`)
	p.Leave(`a.test`, `location.pathname.startsWith("/results/")`)
	again("a chart", `document.querySelector("header.banner")`)

	p.Enter("officer")
	chrome.Eval[bool](p, `(document.querySelector("[name=who]").value = "Chen", true)`)
	typed := `document.querySelector("[name=who]").value === "Chen"`
	p.Leave(`form.filter button`, typed)
	p.GoTo("/security")
	again("the log", typed)
}

// An administrator ends an assignment in two steps, without JavaScript, and both
// say what it is about.
func TestEndingAnAssignmentIsConfirmed(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.Enter("admin")
	p.Scripts(false)
	p.GoTo("/admin")
	if chrome.Eval[bool](p, `document.querySelector('form[action="/admin/assignments/end"] button').checkVisibility()`) {
		t.Error("one click ends an assignment")
	}
	about := chrome.Eval[string](p, `[...document.querySelectorAll('form[action="/admin/assignments/end"]')].map(f => f.closest("details").querySelector("summary").textContent)[0]`)
	if !strings.Contains(about, "looks after") {
		t.Errorf("the first step says %q", about)
	}
	const count = `document.querySelectorAll('form[action="/admin/assignments/end"]').length`
	before := chrome.Eval[int](p, count)
	chrome.Eval[bool](p, `(document.querySelector('form[action="/admin/assignments/end"]').closest("details").open = true)`)
	p.Leave(`form[action="/admin/assignments/end"] button`, `document.querySelector(".note")`)
	p.Says("The assignment has ended.")
	if after := chrome.Eval[int](p, count); after != before-1 {
		t.Errorf("%d assignments, then %d", before, after)
	}
}
