package records

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Every version of a resource is kept, and the chart's index names the newest. So the
// versions before it are known by number: one that is missing was taken away.

// Updated is when this version was stored, as the resource itself says; zero for one
// that did not come from the store.
func (r Resource) Updated() time.Time {
	body := r.Doc.Reveal()
	const before, after, form = `"versionId":"`, `","lastUpdated":"`, "2006-01-02T15:04:05.000Z"
	at := len(head(r.Type, r.ID)) + len(before) + len(strconv.FormatInt(r.Version, 10)) + len(after)
	if len(body) < at+len(form) {
		return time.Time{}
	}
	t, err := time.Parse(form, string(body[at:at+len(form)]))
	if err != nil {
		return time.Time{}
	}
	return t
}

// ReadVersion shows one version of typ/id, as Read shows the current one. A version
// that never was is fault.NotFound, like a resource that is not there.
func (s *Store) ReadVersion(ctx context.Context, c person.Caller, typ, id, version string, use func(Resource) error) error {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != version {
		n = 0 // names nothing, and is decided like one that does
	}
	o, rid, err := s.decideVersions(ctx, c, typ, id, "/_history/"+strconv.FormatInt(n, 10))
	if err != nil {
		return err
	}
	var r Resource
	err = s.steady(ctx, o.owner, func(head vault.Head) error {
		newest, err := s.newest(ctx, o, head, typ, rid)
		if err != nil {
			return err
		}
		if n < 1 || n > newest {
			return fault.New(fault.NotFound, "read version: none of this number")
		}
		r, err = s.open(ctx, o.grant, o.owner, typ, rid, n)
		return err
	})
	if err != nil {
		return err
	}
	return use(r)
}

// decideVersions has a look at versions of a resource decided and logged.
func (s *Store) decideVersions(ctx context.Context, c person.Caller, typ, id, what string) (*opened, person.ResourceID, error) {
	def, ok := s.c.Catalogue.Definition(typ)
	if !ok {
		return nil, person.ResourceID{}, fault.New(fault.NotFound, "read versions: type without definition")
	}
	rid, err := person.ParseResourceID(id)
	if err != nil {
		rid = person.ResourceID{}
	}
	at, err := s.place(ctx, c, def, rid)
	if err != nil {
		return nil, rid, err
	}
	action := access.ReadChart
	if def.Shared {
		action = access.ReadShared
	}
	g, err := s.c.Gate.Decide(ctx, access.Ask{Caller: c, Action: action, Owner: at.owner,
		Object: typ + "/" + rid.String() + what, Kinds: kinds(typ)})
	return &opened{grant: g, owner: at.owner}, rid, err
}

// newest is the number of the current version, which the chart's index names.
func (s *Store) newest(ctx context.Context, o *opened, head vault.Head, typ string, id person.ResourceID) (int64, error) {
	m, err := s.manifest(ctx, o.grant, o.owner, head)
	if err != nil {
		return 0, err
	}
	part, ok, err := s.part(ctx, o.grant, o.owner, m, typ)
	if err != nil {
		return 0, err
	}
	if ok {
		if rec, listed := part.Find(id); listed {
			return int64(rec.Version), nil
		}
	}
	return 0, fault.New(fault.NotFound, "read versions: none of this type")
}

// History shows the versions of typ/id, newest first, as a FHIR Bundle of type
// history. text is the query string: _count, or what a link carries.
func (s *Store) History(ctx context.Context, c person.Caller, typ, id, text, base string, use func(phi.Doc) error) error {
	path := typ + "/" + id + "/_history"
	asking, err := s.openLink(c, linkPath(path), text)
	if err != nil {
		return err
	}
	q, err := parseHistory(asking.text)
	if err == nil {
		err = asking.counted(&q)
	}
	if err != nil {
		return err
	}
	o, rid, err := s.decideVersions(ctx, c, typ, id, "/_history")
	if err != nil {
		return err
	}
	h := history{opened: o, caller: c, typ: typ, id: rid, path: path, base: base, text: asking.text, count: q.Count, at: asking.at}
	var doc phi.Doc
	err = s.steady(ctx, o.owner, func(head vault.Head) error {
		doc, err = s.versions(ctx, h, head)
		return err
	})
	if err != nil {
		return err
	}
	return use(doc)
}

// history is a look at the versions of one resource that was decided.
type history struct {
	*opened
	caller           person.Caller
	typ              string
	id               person.ResourceID
	path, base, text string
	count            int
	at               *position
}

// versions writes the versions of a page as a Bundle.
func (s *Store) versions(ctx context.Context, h history, head vault.Head) (phi.Doc, error) {
	newest, err := s.newest(ctx, h.opened, head, h.typ, h.id)
	if err != nil {
		return phi.Doc{}, err
	}
	var hits []Hit
	first, last := versionsOf(newest, int64(h.count), h.at)
	for n := first; n >= last; n-- {
		hits = append(hits, Hit{ID: h.id, Version: uint32(n)}) //#nosec G115 -- of the index, where it has 32 bits
	}
	list, err := s.fill(ctx, h.grant, h.owner, h.typ, hits, h.at != nil && h.at.back)
	if err != nil {
		return phi.Doc{}, err
	}
	found := Found{Total: int(newest), links: versionLinks(newest, list, h.at)}
	cfg, err := s.bundleConfig(h.caller, h.path, h.base, h.text, h.count, found)
	if err != nil {
		return phi.Doc{}, err
	}
	cfg.Kind = "history"
	b := buffer(list)
	set := NewSearchset(b, cfg)
	for _, r := range list {
		if err := set.Version(r); err != nil {
			return phi.Doc{}, err
		}
	}
	err = set.Close()
	return phi.NewDoc(b.Bytes()), err
}

// parseHistory reads the parameters of a history.
func parseHistory(text string) (Query, error) {
	values, err := parseValues(text)
	if err != nil {
		return Query{}, err
	}
	q := Query{Count: UsualCount}
	for name, vs := range values {
		switch {
		case len(vs) > 1:
			return Query{}, badQuery("a parameter of which there is one stands twice")
		case name == "_count":
			err = q.addCount(vs[0])
		case name == "_format", name == "_summary":
			err = q.addForm(name, vs[0])
		default:
			err = badQuery("unknown parameter of a history")
		}
		if err != nil {
			return Query{}, err
		}
	}
	return q, nil
}

// versionsOf are the versions of a page, first to last downwards.
func versionsOf(newest, count int64, at *position) (first, last int64) {
	switch {
	case at == nil:
		first, last = newest, newest-count+1
	case at.back:
		first, last = min(newest, at.key+count), at.key+1
	default:
		first, last = at.key-1, at.key-count
	}
	return first, max(last, 1)
}

// versionLinks are the links of a page that shows list.
func versionLinks(newest int64, list []Resource, at *position) []pageLink {
	links := []pageLink{{"self", at}}
	if len(list) == 0 {
		return links
	}
	if last := list[len(list)-1].Version; last > 1 {
		links = append(links, pageLink{"next", &position{key: last}})
	}
	if first := list[0].Version; first < newest {
		links = append(links, pageLink{"previous", &position{key: first, back: true}})
	}
	return links
}

// Version writes one version, with the request that would have stored it and its answer.
func (s *Searchset) Version(r Resource) error {
	method, url, status := "PUT", r.Type+"/"+r.ID.String(), "200"
	if r.Version == 1 {
		method, url, status = "POST", r.Type, "201"
	}
	return s.add(r.Type, r.ID, r.Doc, fmt.Sprintf(`,"request":{"method":"%s","url":"%s"},"response":{"status":"%s","etag":"W/\"%d\"","lastModified":"%s"}}`,
		method, url, status, r.Version, r.Updated().Format("2006-01-02T15:04:05.000Z")))
}
