package route

import (
	"strings"
	"testing"

	"postern.example/postern/test/covers"
)

// good is a complete declaration that the cases below break one by one.
func good() Route {
	return Route{Method: "GET", Pattern: "/results/{id}", Door: Web, Auth: Session, Action: "chart.read", Audit: "read"}
}

func post() Route {
	r := good()
	r.Method, r.Body = "POST", 4096
	return r
}

func public() Route {
	r := good()
	r.Pattern, r.Auth, r.Action, r.Audit = "/sign-in", Public, PublicAction, NoAudit
	return r
}

func api() Route {
	r := good()
	r.Pattern, r.Door, r.Auth = "/fhir/R4/{type}/{id}", FHIRAPI, Bearer
	return r
}

func demo() Route {
	r := public()
	r.Method, r.Pattern, r.Door, r.Audit, r.Body = "POST", "/demo/enter", Demo, "sign-in", 1024
	return r
}

func TestCompleteRoutesPass(t *testing.T) {
	if err := CheckAll([]Route{good(), post(), public(), api(), demo()}); err != nil {
		t.Fatal(err)
	}
}

// A route that forgot its check does not start: each missing part is named.
func TestIncompleteRoutesAreRefused(t *testing.T) {
	covers.Covers(t, "CH-1")
	cases := []struct {
		name   string
		base   func() Route
		breaks func(*Route)
		says   string
	}{
		{"no method", good, func(r *Route) { r.Method = "" }, "method"},
		{"other method", good, func(r *Route) { r.Method = "DELETE" }, "method"},
		{"no path", good, func(r *Route) { r.Pattern = "" }, "pattern"},
		{"method in the pattern", good, func(r *Route) { r.Pattern = "GET /x" }, "pattern"},
		{"no door", good, func(r *Route) { r.Door = "" }, "door"},
		{"unknown door", good, func(r *Route) { r.Door = "window" }, "door"},
		{"no auth", good, func(r *Route) { r.Auth = 0 }, "auth"},
		{"unknown auth", good, func(r *Route) { r.Auth = 9 }, "auth"},
		{"no action", good, func(r *Route) { r.Action = "" }, "action"},
		{"no audit event", good, func(r *Route) { r.Audit = "" }, "audit"},
		{"public without public action", public, func(r *Route) { r.Action = "chart.read" }, "public"},
		{"public action behind a session", good, func(r *Route) { r.Action = PublicAction }, "public"},
		{"private without audit", good, func(r *Route) { r.Audit = NoAudit }, "audit"},
		{"GET with body", good, func(r *Route) { r.Body = 1 }, "body"},
		{"POST without limit", post, func(r *Route) { r.Body = 0 }, "body"},
		{"POST with a negative limit", post, func(r *Route) { r.Body = -1 }, "body"},
		{"cookie at the API", api, func(r *Route) { r.Auth = Session }, "cookies"},
		{"token at a page", good, func(r *Route) { r.Auth = Bearer }, "cookies"},
		{"token at the demo door", good, func(r *Route) { r.Door, r.Auth = Demo, Bearer }, "cookies"},
	}
	for _, c := range cases {
		r := c.base()
		c.breaks(&r)
		err := r.Check()
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
		if CheckAll([]Route{good(), r}) == nil {
			t.Errorf("%s: CheckAll let it pass", c.name)
		}
	}
}

func TestDuplicateIsRefused(t *testing.T) {
	if err := CheckAll([]Route{good(), post(), good()}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Fatalf("got %v", err)
	}
}
