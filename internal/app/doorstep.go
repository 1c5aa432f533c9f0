package app

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"postern.example/postern/internal/room/risk"
	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/route"
)

// doorstep bounds how often somebody comes to any door, before anything is looked up for
// them. It stands in front of both doors and finds the class of a request by the declared
// routes, so no door and no route can leave it out.
type doorstep struct {
	limiter *risk.Limiter
	classes classes
	// refused records a refusal, in the log of all accesses.
	refused func(ctx context.Context, v risk.Verdict, r refusedRequest)
}

// refusedRequest is what the log says of a request that was not let in.
type refusedRequest struct {
	id, client, source, class string
}

// refuser is a door as the doorstep needs it: it explains a refusal in the door's own form,
// without looking anybody up.
type refuser interface {
	http.Handler
	Refuse(w http.ResponseWriter, r *http.Request, err error) (id string)
}

// in reports whether the request may go on; then out follows. Else it was answered.
func (d *doorstep) in(w http.ResponseWriter, r *http.Request, from source, api bool, door http.Handler) (v risk.Verdict, ok bool) {
	credential := cookieOf(r)
	if api {
		credential = tokenOf(r)
	}
	class := d.classes.of(r)
	v = d.limiter.Ask(class, netip.Prefix(from), credential)
	if v.Wait == 0 {
		return v, true
	}
	err := fault.Later("", "let in: over the limit of "+v.What+" for "+class.String(), v.Wait)
	said := refusedRequest{source: hostOf(r.RemoteAddr), class: class.String(), client: string(route.Web)}
	if api {
		said.client = string(route.FHIRAPI)
	}
	// A page costs more than what it refuses; a ceremony's script needs its own form.
	if explains, can := door.(refuser); can && (api || class == route.Entry || d.limiter.Explain(netip.Prefix(from))) {
		said.id = explains.Refuse(w, r, err)
	} else {
		tooMany(w, err)
	}
	d.refused(r.Context(), v, said)
	return v, false
}

// cookieOf is the session's secret as the web door takes it.
func cookieOf(r *http.Request) string {
	c, err := r.Cookie(session.CookieName)
	if err != nil {
		return ""
	}
	return c.Value
}

// tokenOf is the bearer token as the API takes it.
func tokenOf(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return host
}

// clientOf is the address of who asks, as the proxy before us says in the header called
// name: the last one in it, which is the one that the proxy itself saw. Whatever stands
// before that the client may have written. Without a header that says an address it
// is the proxy's own.
func clientOf(r *http.Request, name string) string {
	values := r.Header.Values(name)
	if len(values) == 0 {
		return r.RemoteAddr
	}
	last := values[len(values)-1]
	last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
	if ap, err := netip.ParseAddrPort(last); err == nil {
		return ap.String()
	}
	a, err := netip.ParseAddr(strings.Trim(last, "[]"))
	if err != nil {
		return r.RemoteAddr
	}
	return netip.AddrPortFrom(a, 0).String()
}

// classes finds the class of a request.
type classes struct {
	exact   map[string]methods
	pattern [][]classPattern // by number of segments
}

// methods are the classes of a path for GET and for POST.
type methods struct {
	get, post       route.Class
	hasGet, hasPost bool
}

type classPattern struct {
	parts []string // empty for a parameter
	methods
}

func classesOf(routes []route.Route) classes {
	c := classes{exact: map[string]methods{}}
	for _, r := range routes {
		if !strings.Contains(r.Pattern, "{") {
			m := c.exact[r.Pattern]
			m.add(r)
			c.exact[r.Pattern] = m
			continue
		}
		p := classPattern{parts: strings.Split(r.Pattern, "/")}
		for i, part := range p.parts {
			if strings.HasPrefix(part, "{") {
				p.parts[i] = ""
			}
		}
		p.add(r)
		for len(c.pattern) <= len(p.parts) {
			c.pattern = append(c.pattern, nil)
		}
		c.pattern[len(p.parts)] = append(c.pattern[len(p.parts)], p)
	}
	return c
}

func (m *methods) add(r route.Route) {
	if r.Method == http.MethodPost {
		m.post, m.hasPost = r.Class(), true
	} else {
		m.get, m.hasGet = r.Class(), true
	}
}

func (m *methods) of(method string) (route.Class, bool) {
	switch method {
	case http.MethodGet, http.MethodHead:
		return m.get, m.hasGet
	case http.MethodPost:
		return m.post, m.hasPost
	}
	return route.Page, false
}

// of is the class of a request; what no route takes is a page's. Of two patterns that fit,
// the one with fewer parameters says it.
func (c classes) of(r *http.Request) route.Class {
	if m, ok := c.exact[r.URL.Path]; ok {
		if class, ok := m.of(r.Method); ok {
			return class
		}
	}
	n := strings.Count(r.URL.Path, "/") + 1
	if n >= len(c.pattern) {
		return route.Page
	}
	found, fewest := route.Page, n+1
	for i := range c.pattern[n] {
		p := &c.pattern[n][i]
		class, ok := p.of(r.Method)
		if !ok {
			continue
		}
		if free, fits := p.fits(r.URL.Path); fits && free < fewest {
			found, fewest = class, free
		}
	}
	return found
}

// fits reports whether path, of as many parts, has the pattern's own where it has some,
// and how many are free.
func (p *classPattern) fits(path string) (free int, ok bool) {
	for _, want := range p.parts {
		part, rest, _ := strings.Cut(path, "/")
		path = rest
		if want == "" {
			free++
		} else if part != want {
			return 0, false
		}
	}
	return free, true
}
