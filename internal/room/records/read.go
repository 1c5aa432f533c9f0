package records

import (
	"context"
	"errors"
	"fmt"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Resource is one resource as a client gets it.
type Resource struct {
	Type    string
	ID      person.ResourceID
	Version int64
	Doc     phi.Doc // with meta.versionId, meta.lastUpdated and labels
}

// Read shows the current version of typ/id, which is there while use runs. A resource
// of a foreign chart and one that does not exist take the same path and give the same
// answer: one durable refusal, fault.NotFound.
func (s *Store) Read(ctx context.Context, c person.Caller, typ, id string, use func(Resource) error) error {
	def, ok := s.c.Catalogue.Definition(typ)
	if !ok {
		return fault.New(fault.NotFound, "read resource: type without definition")
	}
	rid, err := person.ParseResourceID(id)
	if err != nil {
		// Not an identifier of ours: it names nothing, and is decided like one that does.
		rid = person.ResourceID{}
	}
	at, err := s.place(ctx, c, def, rid)
	if err != nil {
		return err
	}
	action := access.ReadChart
	if def.Shared {
		action = access.ReadShared
	}
	pending, err := s.c.Gate.Begin(ctx, access.Ask{Caller: c, Action: action, Owner: at.owner,
		Object: typ + "/" + rid.String(), Kinds: kinds(typ)})
	if err != nil {
		return err
	}
	// The sealed row comes while the disk syncs; it is opened after the Grant.
	var ahead rowBytes
	if !at.known {
		ahead = s.ahead(ctx, at.owner, rid, at.version)
	}
	g, err := pending.Grant(ctx)
	if err != nil {
		return err
	}
	return s.answered(ctx, g, at.owner, typ, rid, func() (r Resource, err error) {
		err = s.steady(ctx, at.owner, func(head vault.Head) error {
			r, err = s.openCurrent(ctx, g, at.owner, head, typ, rid, ahead)
			return err
		})
		return r, err
	}, func(r Resource) error {
		s.keepPlace(c, def, rid, at)
		return use(r)
	})
}

// ahead fetches the version that locate found. A row that is gone meanwhile is
// for openCurrent to judge, which asks for the version that the chart's index names.
func (s *Store) ahead(ctx context.Context, owner person.Owner, id person.ResourceID, version int64) rowBytes {
	if version == 0 {
		return rowBytes{}
	}
	if r, ok := s.cache.getRow(cacheKey{owner: owner, id: id, version: version}); ok {
		return r
	}
	r := rowBytes{version: version}
	if s.c.DB.QueryRow(ctx, selectRow, owner.Bytes(), id.Bytes(), version).Scan(&r.header, &r.body) != nil {
		return rowBytes{}
	}
	return r
}

// selectPlace is the newest version of the identifier asked for, or of the next one.
const selectPlace = `SELECT id, owner, version FROM chart_row
	WHERE id = (SELECT id FROM chart_row WHERE id >= ? ORDER BY id LIMIT 1) ORDER BY version DESC LIMIT 1`

// locate finds whose row has this id, and its newest version as the database has it.
// When there is none it answers with an owner that does not exist, so that the
// decision takes its usual way to "no".
//
// It asks for the next id that is not smaller and then compares: an identifier
// that does not exist finds one too. The database answers from an index, whose pages hold
// identifiers of all charts side by side, and nothing of the row is fetched or opened before
// the decision: whether its pages and its chart's key are in memory would show in the
// time of the answer, and so that the identifier is one of a chart in use.
func (s *Store) locate(ctx context.Context, def Definition, id person.ResourceID) (person.Owner, int64, error) {
	nobody := person.Patient(person.PatientOf(id))
	if def.Shared {
		nobody = person.Clinic(s.c.Clinic)
	}
	var version int64
	var ob, idb []byte
	err := s.c.DB.QueryRow(ctx, selectPlace, id.Bytes()).Scan(&idb, &ob, &version)
	if errors.Is(err, db.ErrNoRows) {
		return nobody, 0, nil
	}
	if err != nil {
		return person.Owner{}, 0, fmt.Errorf("find resource: %w", err)
	}
	owner, err := person.OwnerFromBytes(ob)
	if err != nil || resourceIDFromBytes(idb) != id || (owner.Kind == person.OwnerClinic) != def.Shared {
		return nobody, 0, nil
	}
	return owner, version, nil
}

// openCurrent opens the current version of typ/id, which the chart's index names.
// found is what the database said was the newest; when that is another version or gone,
// either a change came in between or somebody reverted the row, and then the
// version that the index names is not there.
func (s *Store) openCurrent(ctx context.Context, g access.Grant, owner person.Owner, head vault.Head, typ string, id person.ResourceID, found rowBytes) (Resource, error) {
	m, err := s.manifest(ctx, g, owner, head)
	if err != nil {
		return Resource{}, err
	}
	part, ok, err := s.part(ctx, g, owner, m, typ)
	if err != nil {
		return Resource{}, err
	}
	rec, listed := Record{}, false
	if ok {
		rec, listed = part.Find(id)
	}
	if !listed {
		// The own chart, but no such resource, or one of another type.
		return Resource{}, fault.New(fault.NotFound, "read resource: none of this type")
	}
	version := int64(rec.Version)
	if found.version == version && found.body != nil {
		s.cache.putRow(cacheKey{owner: owner, id: id, version: version}, found)
	} else {
		if found, err = s.fetch(ctx, owner, id, version); err != nil {
			return Resource{}, err
		}
	}
	facts, err := s.c.Vault.Facts(ctx, headerRow(owner, id, version), found.header)
	if err != nil {
		return Resource{}, err
	}
	return s.opened(ctx, g, owner, typ, id, found, facts)
}

func (s *Store) opened(ctx context.Context, g access.Grant, owner person.Owner, typ string, id person.ResourceID, r rowBytes, f vault.Facts) (Resource, error) {
	doc, err := s.c.Vault.Open(ctx, g, bodyRow(owner, typ, id, r.version), r.body)
	if err != nil {
		return Resource{}, err
	}
	doc, err = present(doc, typ, id, r.version, f)
	return Resource{Type: typ, ID: id, Version: r.version, Doc: doc}, err
}

func present(doc phi.Doc, typ string, id person.ResourceID, version int64, f vault.Facts) (phi.Doc, error) {
	return Present(phi.NewDoc(unpadded(doc.Reveal())), typ, id, Meta{Version: version, Updated: f.Stored, Labels: f.Labels})
}

// open fetches and opens one version that the index names.
func (s *Store) open(ctx context.Context, g access.Grant, owner person.Owner, typ string, id person.ResourceID, version int64) (Resource, error) {
	r, err := s.row(ctx, owner, id, version)
	if err != nil {
		return Resource{}, err
	}
	return s.openRow(ctx, g, owner, typ, id, r)
}

// openRow opens one version that was fetched.
func (s *Store) openRow(ctx context.Context, g access.Grant, owner person.Owner, typ string, id person.ResourceID, r rowBytes) (Resource, error) {
	facts, err := s.c.Vault.Facts(ctx, headerRow(owner, id, r.version), r.header)
	if err != nil {
		return Resource{}, err
	}
	return s.opened(ctx, g, owner, typ, id, r, facts)
}

// Chart is what one view of one chart shows: one decision, one entry, the types
// that the view declares and nothing else.
type Chart struct {
	Patient person.PatientID
	byType  map[string][]Resource
}

// Resources lists what the view holds of a type, newest first.
func (c Chart) Resources(typ string) []Resource { return c.byType[typ] }

// View opens the types of one chart for one page. what names the page in the log.
func (s *Store) View(ctx context.Context, c person.Caller, patient person.PatientID, what string, types ...string) (Chart, error) {
	return s.viewWith(ctx, access.Ask{Caller: c, Action: access.ReadChart, Owner: person.Patient(patient), Object: what, Kinds: kinds(types...)}, types, nil)
}

// viewWith is View for what a asks. look, if any, sees the manifest that was verified.
func (s *Store) viewWith(ctx context.Context, a access.Ask, types []string, look func(vault.Head, Manifest) error) (Chart, error) {
	g, err := s.c.Gate.Decide(ctx, a)
	if err != nil {
		return Chart{}, err
	}
	patient, _ := a.Owner.AsPatient()
	chart := Chart{Patient: patient}
	err = s.steady(ctx, a.Owner, func(head vault.Head) error {
		chart.byType = map[string][]Resource{}
		m, err := s.manifest(ctx, g, a.Owner, head)
		if err != nil {
			return err
		}
		for _, typ := range types {
			if err := s.viewType(ctx, g, a.Owner, m, typ, &chart); err != nil {
				return err
			}
		}
		if look != nil {
			return look(head, m)
		}
		return nil
	})
	return chart, err
}

func (s *Store) viewType(ctx context.Context, g access.Grant, owner person.Owner, m Manifest, typ string, chart *Chart) error {
	part, ok, err := s.part(ctx, g, owner, m, typ)
	if err != nil || !ok {
		return err
	}
	for i := range part.Len() {
		rec := part.Record(i)
		r, err := s.open(ctx, g, owner, typ, rec.ID, int64(rec.Version))
		if err != nil {
			return err
		}
		chart.byType[typ] = append(chart.byType[typ], r)
	}
	return nil
}
