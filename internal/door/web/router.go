package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// router finds the endpoint of a path. It is not http.ServeMux because that one
// redirects paths that are almost right and answers errors in its own words;
// here a path is right or it is not there.
type router struct {
	exact   map[string][]*Endpoint // patterns without parameters
	pattern []matcher
}

type matcher struct {
	parts     []string // "{id}" for a parameter
	endpoints []*Endpoint
}

func newRouter(es []Endpoint) (router, error) {
	r := router{exact: map[string][]*Endpoint{}}
	for i := range es {
		e := &es[i]
		if !strings.Contains(e.Pattern, "{") {
			r.exact[e.Pattern] = append(r.exact[e.Pattern], e)
			continue
		}
		parts := strings.Split(e.Pattern, "/")
		j := slices.IndexFunc(r.pattern, func(m matcher) bool { return slices.Equal(m.parts, parts) })
		if j < 0 {
			if k := slices.IndexFunc(r.pattern, func(m matcher) bool { return overlap(m.parts, parts) }); k >= 0 {
				return router{}, fmt.Errorf("route %s: overlaps with %s", e.Pattern, strings.Join(r.pattern[k].parts, "/"))
			}
			r.pattern = append(r.pattern, matcher{parts: parts})
			j = len(r.pattern) - 1
		}
		r.pattern[j].endpoints = append(r.pattern[j].endpoints, e)
	}
	return r, nil
}

func parameter(part string) bool { return strings.HasPrefix(part, "{") }

// overlap reports whether one path could match both patterns.
func overlap(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && !parameter(a[i]) && !parameter(b[i]) {
			return false
		}
	}
	return true
}

// find returns the endpoint for r, and sets r's path values. Without an endpoint
// it returns the methods that the path takes, none when there is no such path.
func (rt router) find(r *http.Request) (*Endpoint, []string) {
	if r.URL.RawPath != "" {
		return nil, nil // spelled in another way than we do: whatever stands before us may read it otherwise
	}
	candidates := rt.exact[r.URL.Path]
	if candidates == nil {
		parts := strings.Split(r.URL.Path, "/")
		for _, m := range rt.pattern {
			if m.match(parts, r) {
				candidates = m.endpoints
				break
			}
		}
	}
	var allow []string
	for _, e := range candidates {
		if e.Method == r.Method || e.Method == http.MethodGet && r.Method == http.MethodHead {
			return e, nil
		}
		allow = append(allow, e.Method)
		if e.Method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	slices.Sort(allow)
	return nil, allow
}

func (m matcher) match(parts []string, r *http.Request) bool {
	if len(parts) != len(m.parts) {
		return false
	}
	for i, p := range m.parts {
		if parameter(p) && parts[i] == "" || !parameter(p) && p != parts[i] {
			return false
		}
	}
	for i, p := range m.parts {
		if parameter(p) {
			r.SetPathValue(strings.Trim(p, "{}"), parts[i])
		}
	}
	return true
}
