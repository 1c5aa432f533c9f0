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
	"postern.example/postern/test/covers"
)

// Covers AC-4, B-33, SD-13c, SD-4: a patient reads, sees who looked, takes a
// proof away, creates a passkey, signs out so that nothing stays, and signs in
// with it.
func TestPatientJourney(t *testing.T) {
	covers.Covers(t, "AC-4", "B-33", "SD-13c", "SD-4")
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := open(t, chromium(t), in.Origin)
	p.authenticator()
	p.enter("mother")
	p.says("Maya Tran", "Riverside Clinic")
	p.goTo("/results")
	p.leave(`main a[href^="/results/"]`, `location.pathname.startsWith("/results/")`)
	if !eval[bool](p, `!!document.querySelector("main table")`) {
		t.Error("a result without its table")
	}
	detail := eval[string](p, `location.pathname`)

	p.goTo("/access-log")
	p.says("Maya")
	proofs(t, in, p)

	p.goTo("/security")
	eval[bool](p, `(document.querySelector("[data-field=name]").value = "my laptop", true)`)
	p.leave(`[data-go]`, `document.body.innerText.includes("my laptop")`)

	p.goTo(detail)
	p.leave(`form[action="/sign-out"] button`, `location.pathname === "/sign-in"`)
	p.says("You are signed out")
	nothingStays(t, p)
	p.expected("info: Clear-Site-Data header") // the browser says that it did what we want
	p.back()
	p.until("Back shows no chart", `location.pathname === "/sign-in" || !document.body.innerText.includes("Maya")`)
	if s := p.text(); strings.Contains(s, "Maya") || strings.Contains(s, "Tran") {
		t.Errorf("after sign-out, Back shows:\n%s", s)
	}

	p.goTo("/sign-in")
	p.leave(`[data-go]`, `location.pathname === "/"`)
	p.says("Maya Tran")
}

// proofs downloads a proof and verifies it with nothing but the log's key.
func proofs(t *testing.T, in *apptest.Installation, p *tab) {
	t.Helper()
	proof := eval[string](p, `fetch(document.querySelector("a.proof").href).then(r => r.ok ? r.text() : "status " + r.status)`)
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
func nothingStays(t *testing.T, p *tab) {
	t.Helper()
	kept := eval[[]string](p, `(async () => [
		...Object.keys(localStorage).map(k => "localStorage " + k), ...Object.keys(sessionStorage).map(k => "sessionStorage " + k),
		...(await indexedDB.databases()).map(d => "IndexedDB " + d.name), ...(await caches.keys()).map(k => "Cache " + k),
		...(await navigator.serviceWorker.getRegistrations()).map(r => "service worker " + r.scope),
		...(document.cookie ? ["cookie " + document.cookie] : [])])()`)
	if len(kept) > 0 {
		t.Errorf("after sign-out the browser keeps %q", kept)
	}
	if status := eval[int](p, `fetch("/results", {redirect: "manual"}).then(r => r.type === "opaqueredirect" ? 303 : r.status)`); status != 303 {
		t.Errorf("after sign-out /results answers %d", status)
	}
}

// Reading works without JavaScript, in English and Spanish.
func TestReadingWithoutJavaScript(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := open(t, chromium(t), in.Origin)
	p.enter("chronic")
	p.scripts(false)
	for _, lang := range []string{"en", "es"} {
		if lang == "es" {
			p.goTo("/")
			p.leave(`form[action="/language"] button`, `document.documentElement.lang === "es"`)
		}
		titles := map[string]bool{}
		for _, place := range (&view.Base{Menu: view.MenuPatient}).Places() {
			path := string(place)
			p.goTo(path)
			if got := eval[string](p, `document.documentElement.lang`); got != lang {
				t.Errorf("%s is in %q", path, got)
			}
			h1 := eval[string](p, `document.querySelector("h1").innerText`)
			if h1 == "" || titles[h1] {
				t.Errorf("%s has the title %q", path, h1)
			}
			titles[h1] = true
			if broken := eval[bool](p, `/\{\{|\}\}|%!|\[object|undefined|<nil>/.test(document.body.innerText)`); broken {
				t.Errorf("%s %s shows a broken text:\n%s", lang, path, p.text())
			}
		}
		p.goTo("/results")
		p.leave(`main a[href^="/results/"]`, `document.querySelector("main table") && document.querySelector("main svg")`)
	}
}

// The clinic's side: a doctor opens a chart for a purpose, a nurse hers; the
// patient sees it.
func TestClinicJourney(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := open(t, chromium(t), in.Origin)
	for _, c := range []struct{ who, patient, not string }{{"doctor", "James Okoro", "Theo Tran"}, {"nurse", "Theo Tran", "James Okoro"}} {
		p.enter(c.who)
		p.goTo("/clinic")
		p.says(c.patient)
		if strings.Contains(p.text(), c.not) {
			t.Errorf("the %s sees %s", c.who, c.not)
		}
		eval[bool](p, `([...document.querySelectorAll("main a[href^='/clinic/']")].find(a => a.closest("li, tr, section").innerText.includes("`+c.patient+`")).id = "chosen", true)`)
		p.leave("#chosen", `document.querySelector("input[name=purpose]")`)
		p.leave(`main form button.button-main`, `document.querySelector("header.banner")`)
		p.says(c.patient)
		// To a result, whose patient stands on its page, and back; from the list in one click.
		p.leave(`a.test`, `location.pathname.startsWith("/results/")`)
		p.says(c.patient)
		p.leave(`form.crumb button`, `document.querySelector("header.banner")`)
		p.says(c.patient)
		p.goTo("/clinic")
		p.leave(`td.open button`, `document.querySelector("header.banner")`)
	}
	p.enter("chronic")
	p.goTo("/access-log")
	p.says("Lillian Chen")
	p.leave(`a[href="/access-log?show=others"]`, `location.search === "?show=others"`)
	p.says("Lillian Chen", "to treat you")
	if eval[bool](p, `!!document.querySelector(".looks .own")`) {
		t.Error("the own visits stand among those of others")
	}
}

// The office: an administrator adds an account, its link enrols in another
// browser, the officer verifies and exports.
func TestOfficeJourney(t *testing.T) {
	covers.Covers(t, "AC-4")
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := open(t, chromium(t), in.Origin)
	p.enter("admin")
	p.goTo("/admin")
	eval[bool](p, `(document.querySelector("#a-name").value = "Noor Haddad", document.querySelector("#a-role").value = "nurse", true)`)
	p.leave(`form[action="/admin/accounts"] button`, `document.documentElement.outerHTML.includes("/enrol#")`)
	link := eval[string](p, `document.documentElement.outerHTML.match(/http:\/\/localhost:\d+\/enrol#[\w.-]+/)[0]`)

	second := open(t, p.ctx, in.Origin, chromedp.WithNewBrowserContext())
	second.authenticator()
	second.do("open the link", chromedp.Navigate(link))
	second.until("the secret left the address bar", `location.hash === ""`)
	eval[bool](second, `(document.querySelector("[data-field=name]").value = "ward phone", true)`)
	second.leave(`[data-go]`, `location.pathname !== "/enrol"`)
	second.says("Noor Haddad")
	second.goTo("/security")
	second.says("ward phone")

	p.enter("officer")
	p.goTo("/officer")
	p.says("Ingrid Halvorsen")
	p.leave(`form[action="/officer/verify"] button`, `document.querySelector("[aria-labelledby=verified]")`)
	if !eval[bool](p, `document.querySelector("[aria-labelledby=verified]").matches(":not(.note-bad)")`) {
		t.Errorf("verify says:\n%s", p.text())
	}
	p.goTo("/officer")
	got := eval[string](p, `(() => { const f = document.querySelector('form[action="/officer/export"]');
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
	p := open(t, chromium(t), in.Origin)
	p.enter("admin")
	// joined opens the link of a new account in a browser of its own.
	joined := func(name, role string) *tab {
		p.goTo("/admin")
		eval[bool](p, `(document.querySelector("#a-name").value = "`+name+`", document.querySelector("#a-role").value = "`+role+`", true)`)
		p.leave(`form[action="/admin/accounts"] button`, `document.documentElement.outerHTML.includes("/enrol#")`)
		link := eval[string](p, `document.documentElement.outerHTML.match(/http:\/\/localhost:\d+\/enrol#[\w.-]+/)[0]`)
		own := open(t, p.ctx, in.Origin, chromedp.WithNewBrowserContext())
		own.authenticator()
		own.do("open the link", chromedp.Navigate(link))
		own.until("the secret left the address bar", `location.hash === ""`)
		own.leave(`[data-go]`, `location.pathname !== "/enrol"`)
		return own
	}
	second, nurse := joined("Carla Second", "administrator"), joined("Noor Haddad", "nurse")
	nurse.says("Noor Haddad")

	p.goTo("/admin")
	eval[bool](p, `(() => { for (const row of document.querySelectorAll("tbody tr")) if (row.innerText.includes("Noor Haddad")) {
		row.querySelector("details").open = true; row.querySelector("[name=reason]").value = "lost her phone"; row.querySelector("[name=reason]").form.id = "renew"; return true }
		return false })()`)
	p.leave(`#renew button`, `location.pathname === "/admin/waiting"`)
	p.says("Noor Haddad", "lost her phone", "You")

	second.goTo("/admin/waiting")
	second.says("Ingrid Halvorsen", "lost her phone")
	second.leave(`a[href^="/approve/"]`, `location.pathname.startsWith("/approve/")`)
	second.says("Noor Haddad", "Only if the person really asked")
	second.leave(`[data-go]`, `document.querySelector("#one-time")`)
	second.says("One-time link for Noor Haddad")
	link := eval[string](second, `document.querySelector("#one-time").value`)
	second.goTo(eval[string](second, `location.pathname`))
	if eval[bool](second, `document.documentElement.outerHTML.includes("/enrol#")`) {
		t.Error("the link is shown twice")
	}
	fresh := open(t, p.ctx, in.Origin, chromedp.WithNewBrowserContext())
	fresh.authenticator()
	fresh.do("open the link", chromedp.Navigate(link))
	fresh.until("the secret left the address bar", `location.hash === ""`)
	fresh.leave(`[data-go]`, `location.pathname !== "/enrol"`)
	fresh.says("Noor Haddad")
}
