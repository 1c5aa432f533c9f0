package records

import (
	"bytes"
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
	var b bytes.Buffer
	err = s.steady(ctx, o.owner, func(head vault.Head) error {
		b.Reset()
		newest, err := s.newest(ctx, o, head, typ, rid)
		if err != nil {
			return err
		}
		first, last, links := versionsOf(newest, int64(q.Count), asking.at)
		cfg := SearchsetConfig{Base: base, Kind: "history", Total: int(newest)}
		for _, l := range links {
			if s.c.Links == nil {
				break
			}
			url, err := s.link(c, base, path, l.at, asking.text, q.Count)
			if err != nil {
				return err
			}
			cfg.Links = append(cfg.Links, BundleLink{l.relation, url})
		}
		set := NewSearchset(&b, cfg)
		for n := first; n >= last; n-- {
			r, err := s.open(ctx, o.grant, o.owner, typ, rid, n)
			if err != nil {
				return err
			}
			if err := set.Version(r); err != nil {
				return err
			}
		}
		return set.Close()
	})
	if err != nil {
		return err
	}
	return use(phi.NewDoc(b.Bytes()))
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
		case name == "_format":
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

// versionsOf are the versions of a page, first to last downwards, and its links.
func versionsOf(newest, count int64, at *position) (first, last int64, links []pageLink) {
	first = newest
	switch {
	case at != nil && at.back:
		first = min(newest, at.key+count)
		last = at.key + 1
	default:
		if at != nil {
			first = at.key - 1
		}
		last = first - count + 1
	}
	last = max(last, 1)
	links = []pageLink{{"self", at}}
	if first < last {
		return first, last, links
	}
	if last > 1 {
		links = append(links, pageLink{"next", &position{key: last}})
	}
	if first < newest {
		links = append(links, pageLink{"previous", &position{key: first, back: true}})
	}
	return first, last, links
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
