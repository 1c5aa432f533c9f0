package records

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Found is the answer to a search.
type Found struct {
	Resources []Resource
	Included  []Resource // what the matches bring along
	Total     int        // of the matches

	links []pageLink
}

// pageLink is where a link leads; nil is the beginning.
type pageLink struct {
	relation string
	at       *position
}

// asked is a search that was decided.
type asked struct {
	caller person.Caller
	q      Query
	text   string // the question, without the place where the page begins
	owner  person.Owner
	grant  access.Grant
	shared access.Grant // for what the clinic shares, when the search brings along some of it
}

// opened is a chart that is being read.
type opened struct {
	grant    access.Grant
	owner    person.Owner
	manifest Manifest
}

// Search finds resources of one type. text is the query string or form. A
// patient's search without the patient parameter means the own chart; anybody
// else must name the patient.
func (s *Store) Search(ctx context.Context, c person.Caller, typ, text string) (Found, error) {
	a, err := s.decideSearch(ctx, c, typ, text)
	if err != nil {
		return Found{}, err
	}
	found, _, err := s.searchNow(ctx, a)
	return found, err
}

// Searchset is Search, answered as a FHIR Bundle of type searchset, which is there
// while use runs. base is the FHIR base URL of this installation, without a slash
// at the end.
func (s *Store) Searchset(ctx context.Context, c person.Caller, typ, text, base string, use func(phi.Doc) error) error {
	a, err := s.decideSearch(ctx, c, typ, text)
	if err != nil {
		return err
	}
	return s.listed(ctx, a.grant, a.owner, typ, s.question(a, base, text), func() (phi.Doc, vault.Head, error) {
		found, head, err := s.searchNow(ctx, a)
		if err != nil {
			return phi.Doc{}, vault.Head{}, err
		}
		doc, err := s.bundled(a, found, base)
		return doc, head, err
	}, use)
}

// linksHold is for how long an answer with the same links is given out again: a small
// part of the time for which a link opens.
const linksHold = 5 * time.Minute

// question is everything that an answer depends on beside the chart. Its links open
// for the caller alone, and not for ever.
func (s *Store) question(a *asked, base, text string) string {
	if s.c.Links == nil {
		return base + " " + text
	}
	return a.caller.Key() + " " + strconv.FormatInt(s.c.Clock().Unix()/int64(linksHold/time.Second), 10) + " " + base + " " + text
}

// decideSearch parses a search, has it decided and logged, and returns the Grant.
func (s *Store) decideSearch(ctx context.Context, c person.Caller, typ, text string) (*asked, error) {
	asking, err := s.openLink(c, linkPath(typ), text)
	if err != nil {
		return nil, err
	}
	a := &asked{caller: c, text: asking.text}
	if a.q, err = s.c.Catalogue.ParseSearch(typ, asking.text); err != nil {
		return nil, err
	}
	if err = asking.counted(&a.q); err != nil {
		return nil, err
	}
	a.q.from = asking.at
	var action access.Action
	if a.owner, action, err = s.searched(ctx, c, a.q); err != nil {
		return nil, err
	}
	own, shared := a.q.included(s.c.Catalogue)
	if a.owner.Kind == person.OwnerClinic {
		own, shared = shared, nil
	}
	a.grant, err = s.c.Gate.Decide(ctx, access.Ask{Caller: c, Action: action, Owner: a.owner, Object: typ, Kinds: kinds(append([]string{typ}, own...)...), Query: a.text})
	if err != nil {
		return nil, err
	}
	return a, s.decideShared(ctx, a, shared)
}

// searchNow searches the chart as it stands, and says in which state that was.
func (s *Store) searchNow(ctx context.Context, a *asked) (found Found, at vault.Head, err error) {
	err = s.steady(ctx, a.owner, func(head vault.Head) error {
		at = head
		found, err = s.search(ctx, a, head)
		return err
	})
	if err == nil && a.grant.Given() == 0 {
		// An answer that only counts tells something too: by counts alone a program would
		// find out every code and date of a chart.
		err = a.grant.Give(ctx, 1)
	}
	return found, at, err
}

// searched says whose chart a query is about.
func (s *Store) searched(ctx context.Context, c person.Caller, q Query) (person.Owner, access.Action, error) {
	def, _ := s.c.Catalogue.Definition(q.Type)
	switch {
	case def.Shared:
		return person.Clinic(s.c.Clinic), access.ReadShared, nil
	case q.ByChart:
		return person.Patient(q.Patient), access.SearchChart, nil
	case c.Role() != person.RolePatient && q.byID:
		return person.Patient(q.self), access.SearchChart, nil
	case c.Role() != person.RolePatient:
		return person.Owner{}, "", fault.Say(fault.Invalid, "error.search-patient", "search: staff must name the patient")
	}
	st, err := s.c.Standings.Standing(ctx, c.Account())
	if err != nil {
		return person.Owner{}, "", err
	}
	return person.Patient(st.Chart), access.SearchChart, nil
}

func (s *Store) search(ctx context.Context, a *asked, head vault.Head) (Found, error) {
	m, err := s.manifest(ctx, a.grant, a.owner, head)
	if err != nil {
		return Found{}, err
	}
	part, ok, err := s.part(ctx, a.grant, a.owner, m, a.q.Type)
	if err != nil || !ok {
		return Found{links: pages(a.q, Result{})}, err
	}
	res := part.Search(a.q)
	back := a.q.from != nil && a.q.from.back
	list, err := s.fill(ctx, a.grant, a.owner, a.q.Type, res.Hits, back)
	if err != nil {
		return Found{}, err
	}
	res.cut(len(list), back)
	f := Found{Total: res.Total, Resources: list, links: pages(a.q, res)}
	if len(a.q.includes) == 0 {
		return f, nil
	}
	return f, s.include(ctx, a, &opened{a.grant, a.owner, m}, &f)
}

// pages are the links of an answer: to itself and to its neighbours.
func pages(q Query, res Result) []pageLink {
	out := []pageLink{{"self", q.from}}
	n := len(res.Hits)
	if n == 0 {
		return out
	}
	if res.After {
		at := res.Hits[n-1].place()
		out = append(out, pageLink{"next", &at})
	}
	if res.Before {
		at := res.Hits[0].place()
		at.back = true
		out = append(out, pageLink{"previous", &at})
	}
	return out
}

// bundleConfig is the head of an answer, with its links.
func (s *Store) bundleConfig(c person.Caller, path, base, text string, count int, found Found) (SearchsetConfig, error) {
	cfg := SearchsetConfig{Base: base, Total: found.Total}
	if s.c.Links == nil {
		return cfg, nil
	}
	for _, l := range found.links {
		url, err := s.link(c, base, path, l.at, text, count)
		if err != nil {
			return cfg, err
		}
		cfg.Links = append(cfg.Links, BundleLink{l.relation, url})
	}
	return cfg, nil
}

// buffer has room for an answer with what lists hold. It is written at once: thousands of
// small writes to a connection cost more than the resources.
func buffer(lists ...[]Resource) *bytes.Buffer {
	size := 2048
	for _, rs := range lists {
		for _, r := range rs {
			size += r.Doc.Len() + 384
		}
	}
	return bytes.NewBuffer(make([]byte, 0, size))
}

// bundled writes what a search found as a Bundle.
func (s *Store) bundled(a *asked, found Found, base string) (phi.Doc, error) {
	cfg, err := s.bundleConfig(a.caller, a.q.Type, base, a.text, a.q.Count, found)
	if err != nil {
		return phi.Doc{}, err
	}
	b := buffer(found.Resources, found.Included)
	set := NewSearchset(b, cfg)
	for _, res := range found.Resources {
		if err := set.Add(res.Type, res.ID, res.Doc); err != nil {
			return phi.Doc{}, err
		}
	}
	for _, res := range found.Included {
		if err := set.Include(res.Type, res.ID, res.Doc); err != nil {
			return phi.Doc{}, err
		}
	}
	err = set.Close()
	return phi.NewDoc(b.Bytes()), err
}
