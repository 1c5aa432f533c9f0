package demo

import (
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/door/web"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/route"
)

// Routes lists the demo's own routes.
func Routes() []route.Route {
	return []route.Route{
		{Method: "GET", Pattern: "/demo", Door: route.Demo, Auth: route.Public, Action: route.PublicAction, Audit: route.NoAudit},
		{Method: "POST", Pattern: "/demo/enter", Door: route.Demo, Auth: route.Public, Action: route.PublicAction, Audit: "sign-in", Body: 1 << 10, OneTime: true},
	}
}

// Doors adds the demo's own pages to the doors of a; redirect is the host that
// GET requests are sent to the origin from.
func Doors(a *app.App, redirect string) app.Doors {
	return app.Doors{Extra: endpoints(a), Redirect: redirect}
}

// endpoints serves the routes under the web door's guards.
func endpoints(a *app.App) func(func() *web.Door) []web.Endpoint {
	return func(func() *web.Door) []web.Endpoint {
		rs := Routes()
		return []web.Endpoint{
			{Route: rs[0], Page: "demo", Serve: func(v *web.Visit) error { return start(a, v) }},
			{Route: rs[1], Fields: []string{"persona"}, Serve: func(v *web.Visit) error { return enter(a, v) }},
		}
	}
}

// start is the page that offers the cast.
func start(a *app.App, v *web.Visit) error {
	if a.Config.Environment != keys.Demo {
		return fault.New(fault.NotFound, "start demo: this is no demo")
	}
	m := &view.Demo{Base: v.Base(""), SignedIn: v.SignedIn()}
	m.Base.Demo, m.Base.Menu, m.Base.Person = false, view.MenuNone, nil
	for _, p := range deid.Family(time.Now()) {
		m.Personas = append(m.Personas, view.Persona{ID: p.ID, Name: p.DisplayName, Pattern: view.PatternOf(p.ID), NoEntry: !p.HasAccount})
	}
	return v.Render(200, m)
}

// enter steps into a person. The gate decides and logs it like every sign-in.
func enter(a *app.App, v *web.Visit) error {
	if a.Config.Environment != keys.Demo {
		return fault.New(fault.NotFound, "enter persona: this is no demo")
	}
	account, err := a.Identity.FindPersona(v.Context(), v.Field("persona"))
	if err != nil {
		return err
	}
	g, err := a.Gate.Decide(v.Context(), access.Ask{Caller: person.Stranger(v.Request()), Action: access.EnterPersona, Owner: person.Account(account)})
	if err != nil {
		return err
	}
	if err := v.StartSession(g, session.Begin{Proof: person.Proof{Method: "demo", At: time.Now().UTC()}}); err != nil {
		return err
	}
	return v.Redirect("/")
}
