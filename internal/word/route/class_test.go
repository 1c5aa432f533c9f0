package route

import (
	"testing"

	"postern.example/postern/test/covers"
)

// Every route has a class by what it declares, and every class a name of its own.
func TestEveryRouteHasAClass(t *testing.T) {
	covers.Covers(t, "SD-6")
	with := func(r Route, change func(*Route)) Route { change(&r); return r }
	for name, c := range map[string]struct {
		r    Route
		want Class
	}{
		"page":         {good(), Page},
		"sign-in page": {public(), Page},
		"asset":        {with(public(), func(r *Route) { r.Shared = true }), Asset},
		"form":         {post(), Change},
		"sign-in":      {with(post(), func(r *Route) { r.OneTime = true }), Entry},
		"step-up":      {with(post(), func(r *Route) { r.Audit = "sign-in" }), Entry},
		"demo":         {demo(), Entry},
		"read":         {api(), Read},
		"search":       {with(api(), func(r *Route) { r.Audit = "search" }), Search},
		"search form":  {with(api(), func(r *Route) { r.Audit, r.Method = "search", "POST" }), Search},
		"metadata":     {with(api(), func(r *Route) { r.Auth, r.Audit = Public, NoAudit }), Asset},
		"whole log":    {with(post(), func(r *Route) { r.Heavy = true }), Heavy},
	} {
		if got := c.r.Class(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	seen := map[string]bool{}
	for _, c := range Classes() {
		if seen[c.String()] {
			t.Errorf("two classes are called %s", c)
		}
		seen[c.String()] = true
	}
}
