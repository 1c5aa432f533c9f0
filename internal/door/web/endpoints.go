package web

import (
	"postern.example/postern/internal/door/web/assets"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/route"
)

// Most bytes of a request's body: what the longest honest one needs, and little
// more, because a slow client makes the server hold it.
const (
	buttonBody  = 1 << 10  // the form token alone
	formBody    = 4 << 10  // a few short fields
	optionsBody = 1 << 10  // where to go on, a link's secret, a name of 60 letters
	signBody    = 8 << 10  // a signature: a credential id has up to 1,023 bytes and comes twice
	createBody  = 16 << 10 // a new passkey, with an attestation that nobody asked for
)

// table is every endpoint, sorted by path: the table of contents of the door.
func (d *Door) table() []Endpoint {
	return []Endpoint{
		page("/", "home", access.ReadChart, audit.EventRead, d.home),
		open("/.well-known/security.txt", d.securityTxt),
		keeps(page("/access-log", "access-log", access.ReadAccessLog, audit.EventLogRead, d.looked), "show", "before", "q"),
		form("/access-log", "access-log", access.ReadAccessLog, audit.EventLogRead, d.lookedChoose, "period", "kind", "role", "older"),
		file(page("/access-log/{seq}/proof", "", access.ProveAccess, audit.EventLogRead, d.proof)),
		keeps(page("/admin", "admin", access.ListAccounts, audit.EventRead, d.admin), "after", "before"),
		stepUp(form("/admin/accounts", "admin", access.AddAccount, audit.EventCreate, d.accountAdd, "name", "role", "patient", "page")),
		stepUp(form("/admin/accounts/{id}/link", "admin", access.IssueEnrolment, audit.EventUpdate, d.accountLink, "page")),
		stepUp(form("/admin/accounts/{id}/renew", "admin", access.RenewEnrolment, audit.EventAdminChange, d.accountRenew, "reason", "page")),
		stepUp(form("/admin/accounts/{id}/restore", "admin", access.ResumeAccount, audit.EventUpdate, d.accountRestore, "page")),
		stepUp(form("/admin/accounts/{id}/suspend", "admin", access.SuspendAccount, audit.EventUpdate, d.accountSuspend, "reason", "page")),
		stepUp(form("/admin/assignments", "admin", access.AssignPatient, audit.EventUpdate, d.assign, "clinician", "patient", "page")),
		stepUp(form("/admin/assignments/end", "admin", access.AssignPatient, audit.EventUpdate, d.unassign, "clinician", "patient", "page")),
		page("/admin/waiting", "waiting", access.ReviewActs, audit.EventRead, d.waiting),
		page("/allergies", "allergies", access.ReadChart, audit.EventRead, d.allergiesPage),
		page("/appointments", "appointments", access.ReadChart, audit.EventRead, d.appointmentsPage),
		page("/approve/{id}", "approve", access.ReviewActs, audit.EventRead, d.approve),
		stepUp(form("/approve/{id}/decline", "approve", access.DeclineAct, audit.EventUpdate, d.approveDecline)),
		signs("/approve/{id}/finish", "approve", access.ApproveAct, audit.EventUpdate, d.approveFinish),
		begins("/approve/{id}/options", "approve", access.ReviewActs, audit.EventRead, d.approveOptions),
		cached(open(assets.Pattern, d.assets)),
		page("/bills", "bills", access.ReadChart, audit.EventRead, d.billsPage),
		page("/clinic", "clinic", access.ListMyPatients, audit.EventRead, d.clinic),
		keeps(page("/clinic/look-up", "look-up", access.SearchChart, audit.EventSearch, d.lookUp), "q"),
		form("/clinic/look-up", "look-up", access.SearchChart, audit.EventSearch, d.lookUpChoose, "known", "family", "born"),
		page("/clinic/{patient}", "chart", access.ListMyPatients, audit.EventRead, d.chartPurpose),
		form("/clinic/{patient}", "chart", access.ReadChart, audit.EventRead, d.chartChoose, "purpose"),
		keeps(page("/clinic/{patient}/chart", "chart-open", access.ReadChart, audit.EventRead, d.chartOpen), "q"),
		keeps(page("/compare", "compare", access.ReadChart, audit.EventRead, d.compare), "q"),
		form("/compare", "compare", access.ReadChart, audit.EventRead, d.compareChoose, "panel", "first", "second"),
		page("/conditions", "conditions", access.ReadChart, audit.EventRead, d.conditionsPage),
		page("/documents", "documents", access.ReadChart, audit.EventRead, d.documentsPage),
		page("/documents/{id}", "document", access.ReadChart, audit.EventRead, d.documentOne),
		file(page("/documents/{id}/file", "", access.ReadChart, audit.EventRead, d.documentFile)),
		public(page("/enrol", "enrol", "", "", d.enrol)),
		public(creates("/enrol/finish", "enrol", "", audit.EventSignIn, d.enrolFinish)),
		public(begins("/enrol/options", "enrol", "", audit.EventSignIn, d.enrolOptions)),
		open("/healthz", d.health),
		page("/imaging", "imagings", access.ReadChart, audit.EventRead, d.imagingList),
		page("/imaging/studies/{id}", "imaging-study", access.ReadChart, audit.EventRead, d.imagingStudy),
		page("/imaging/{id}", "imaging", access.ReadChart, audit.EventRead, d.imagingReport),
		page("/immunizations", "immunizations", access.ReadChart, audit.EventRead, d.immunizationsPage),
		page("/immunizations/card", "card", access.ReadChart, audit.EventRead, d.cardPage),
		strangersToo(form("/language", "", "", audit.EventUpdate, d.chooseLanguage, "lang", "next", "next_id", "next_query")),
		page("/medications", "medications", access.ReadChart, audit.EventRead, d.medicationsPage),
		keeps(page("/officer", "officer", access.ReadLog, audit.EventLogRead, d.officer), "q"),
		form("/officer", "officer", access.ReadLog, audit.EventLogRead, d.officerChoose, "who", "patient", "act", "outcome", "from", "to", "older"),
		heavy(form("/officer/export", "officer", access.ExportLog, audit.EventExport, d.exportLog)),
		heavy(form("/officer/verify", "officer", access.VerifyLog, audit.EventLogRead, d.verifyLog)),
		page("/plan", "plan", access.ReadChart, audit.EventRead, d.planPage),
		page("/profile", "profile", access.ReadChart, audit.EventRead, d.profile),
		page("/record", "record", access.ReadChart, audit.EventRead, d.record),
		heavy(file(page("/record/file", "", access.ReadChart, audit.EventRead, d.recordFile))),
		keeps(page("/record/{type}", "record-list", access.ReadChart, audit.EventRead, d.recordList), "q"),
		page("/record/{type}/{id}", "record-one", access.ReadChart, audit.EventRead, d.recordOne),
		keeps(page("/results", "results", access.ReadChart, audit.EventRead, d.results), "q"),
		form("/results", "results", access.ReadChart, audit.EventRead, d.resultsChoose, "category", "older"),
		file(page("/results/file", "", access.ReadChart, audit.EventRead, d.resultsFile)),
		forStaff(keeps(page("/results/{id}", "result", access.ReadChart, audit.EventRead, d.result), "q")),
		page("/security", "security", access.ViewSecurity, audit.EventRead, d.security),
		stepUp(creates("/security/passkeys/finish", "security", access.AddPasskey, audit.EventUpdate, d.passkeyFinish)),
		stepUp(begins("/security/passkeys/options", "security", access.AddPasskey, audit.EventUpdate, d.passkeyOptions)),
		stepUp(form("/security/passkeys/{id}/remove", "security", access.RemovePasskey, audit.EventDelete, d.passkeyRemove)),
		form("/security/passkeys/{id}/rename", "security", access.RenamePasskey, audit.EventUpdate, d.passkeyRename, "name"),
		form("/security/sessions/end-others", "security", access.EndSession, audit.EventUpdate, d.sessionsEnd),
		form("/security/sessions/{id}/end", "security", access.EndSession, audit.EventUpdate, d.sessionEnd),
		public(page("/sharing", "sharing", "", "", d.sharing)),
		keeps(public(page("/sign-in", "sign-in", "", "", d.signIn)), "next", "next_id"),
		public(signs("/sign-in/finish", "sign-in", "", audit.EventSignIn, d.signInFinish)),
		public(begins("/sign-in/options", "sign-in", "", "", d.signInOptions)),
		form("/sign-out", "", access.SignOut, audit.EventSignOut, d.signOut),
		keeps(page("/step-up", "step-up", access.SignIn, audit.EventSignIn, d.stepUp), "next", "next_id"),
		signs("/step-up/finish", "step-up", access.SignIn, audit.EventSignIn, d.stepUpFinish),
		begins("/step-up/options", "step-up", access.SignIn, audit.EventSignIn, d.stepUpOptions),
		keeps(page("/visits", "visits", access.ReadChart, audit.EventRead, d.visitsList), "q"),
		form("/visits", "visits", access.ReadChart, audit.EventRead, d.visitsChoose, "older"),
		page("/visits/{id}", "visit", access.ReadChart, audit.EventRead, d.visitOne),
	}
}

// page is a page for people who have signed in.
func page(pattern, name string, a access.Action, e audit.Event, serve func(*Visit) error) Endpoint {
	return Endpoint{Route: route.Route{Method: "GET", Pattern: pattern, Door: route.Web, Auth: route.Session,
		Action: string(a), Audit: string(e)}, Page: name, Serve: serve}
}

// form takes a form of the page called name.
func form(pattern, name string, a access.Action, e audit.Event, serve func(*Visit) error, fields ...string) Endpoint {
	out := page(pattern, name, a, e, serve)
	out.Method, out.Body, out.Fields = "POST", buttonBody, fields
	if len(fields) > 0 {
		out.Body = formBody
	}
	return out
}

// begins asks for the options of a passkey ceremony of the page called name.
func begins(pattern, name string, a access.Action, e audit.Event, serve func(*Visit) error) Endpoint {
	out := form(pattern, name, a, e, serve)
	out.Body, out.Ceremony = optionsBody, true
	return out
}

// signs takes the answer of an authenticator that signs.
func signs(pattern, name string, a access.Action, e audit.Event, serve func(*Visit) error) Endpoint {
	out := begins(pattern, name, a, e, serve)
	out.Body = signBody
	return out
}

// creates takes the answer of an authenticator that makes a passkey.
func creates(pattern, name string, a access.Action, e audit.Event, serve func(*Visit) error) Endpoint {
	out := begins(pattern, name, a, e, serve)
	out.Body = createBody
	return out
}

// stepUp marks an act that the policy allows only with fresh presence.
func stepUp(e Endpoint) Endpoint { e.StepUp = true; return e }

// forStaff opens a page about one thing of a chart to staff: its handler asks for the
// purpose that they stated.
func forStaff(e Endpoint) Endpoint { e.Staff = true; return e }

// keeps names the parameters of a page's address that the language switch keeps.
func keeps(e Endpoint, names ...string) Endpoint { e.Keeps = names; return e }

// file marks a download.
func file(e Endpoint) Endpoint { e.File = true; return e }

// strangersToo opens an endpoint to people who have not signed in. Those who
// have still send their form token.
func strangersToo(e Endpoint) Endpoint {
	e.Auth, e.Action = route.Public, route.PublicAction
	if e.Audit == "" {
		e.Audit = route.NoAudit
	}
	return e
}

// public opens an endpoint of sign-in or enrolment, whose requests prove themselves.
func public(e Endpoint) Endpoint {
	e = strangersToo(e)
	e.OneTime = e.Method == "POST"
	return e
}

// open answers everybody the same.
func open(pattern string, serve func(*Visit) error) Endpoint {
	e := strangersToo(page(pattern, "", "", "", serve))
	e.Open = true
	return e
}

// heavy marks what reads the whole log or copies a whole chart.
func heavy(e Endpoint) Endpoint { e.Heavy = true; return e }

// cached marks an answer that browsers may keep.
func cached(e Endpoint) Endpoint { e.Shared = true; return e }
