package records

import (
	"context"
	"errors"
	"fmt"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/person"
)

// Resolver knows what earlier imports stored.
type Resolver interface {
	// Find returns the type of the stored resource that ref names, if it is
	// shared or belongs to owner's chart. It must answer false for a resource
	// of any other chart: the plan then treats the reference as dangling, and
	// the file learns nothing. ref.Type is empty when the reference has none.
	Find(ctx context.Context, owner, ref Source) (typ string, ok bool, err error)
}

// Nothing is the Resolver of an empty store.
type Nothing struct{}

// Find finds nothing.
func (Nothing) Find(context.Context, Source, Source) (string, bool, error) { return "", false, nil }

// PlanConfig describes an import to NewPlan.
type PlanConfig struct {
	Catalogue *Catalogue
	Limits    Limits
	Resolver  Resolver // nil means Nothing
}

// Plan is a bundle that may be stored: all of it belongs to one chart or is
// shared, and every reference leads somewhere.
type Plan struct {
	o      *outline
	cfg    PlanConfig
	flags  []Flags         // per entry
	stored []int           // entries to store, in the order of the file
	known  typeMemo        // types of resources found by the Resolver
	kept   []rawjson.Value // the resources of a small bundle, per entry, so that they are read once
}

// keepMost is the size of a file whose resources are kept between the readings.
const keepMost = 1 << 20

type typeMemo map[string]string

// Listed is a resource that is not stored, with the reason.
type Listed struct {
	Entry     int
	Offset    int64
	Line, Col int
	MessageID string
}

// NewPlan reads f twice and decides whether it may be imported. The error for
// a refused file is an *ImportError.
func NewPlan(ctx context.Context, cfg PlanConfig, f File) (*Plan, error) {
	if cfg.Resolver == nil {
		cfg.Resolver = Nothing{}
	}
	o, err := scan(cfg.Catalogue, f, cfg.Limits)
	if err != nil {
		return nil, err
	}
	p := &Plan{o: o, cfg: cfg, flags: make([]Flags, len(o.entries)), known: typeMemo{}}
	if f.Size <= keepMost {
		p.kept = make([]rawjson.Value, len(o.entries))
	}
	var buf []byte
	for i := range o.entries {
		if o.entries[i].listed {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("plan import: %w", err)
		}
		var v rawjson.Value
		if v, buf, err = o.load(o.entries[i], buf); err != nil {
			return nil, err
		}
		if p.kept != nil {
			p.kept[i], buf = v, nil
		}
		if err := p.inspect(ctx, i, v); err != nil {
			return nil, err
		}
		p.stored = append(p.stored, i)
	}
	return p, nil
}

// Digest is the SHA-256 of the whole file, for the log.
func (p *Plan) Digest() [32]byte { return p.o.digest }

// Owner is the bundle's Patient as its source names it.
func (p *Plan) Owner() Source { return p.source(p.o.owner) }

// Len is the number of resources that will be stored.
func (p *Plan) Len() int { return len(p.stored) }

// Counts is the number of resources to store by type.
func (p *Plan) Counts() map[string]int {
	n := map[string]int{}
	for _, i := range p.stored {
		n[p.o.entries[i].typ]++
	}
	return n
}

// Sources lists what will be stored, in the order of the file, and whether each
// is shared.
func (p *Plan) Sources(yield func(s Source, shared bool) bool) {
	for _, i := range p.stored {
		if !yield(p.source(i), p.shared(i)) {
			return
		}
	}
}

// Listed lists the resources that will not be stored.
func (p *Plan) Listed() []Listed {
	var out []Listed
	for _, e := range p.o.entries {
		if e.listed {
			out = append(out, Listed{e.index, e.at.Offset, e.at.Line, e.at.Col, MsgUnknownType})
		}
	}
	return out
}

func (p *Plan) source(i int) Source {
	e := p.o.entries[i]
	return newSource(e.typ, e.id)
}

func (p *Plan) shared(i int) bool { return p.o.cat.def(p.o.entries[i].typ).Shared }

// Stored is one resource, ready to be sealed.
type Stored struct {
	Source Source
	Type   string
	Shared bool // belongs to the clinic, else to the bundle's Patient
	Entry  int  // index in the bundle, for messages
	Offset int64
	Record Record // what the chart's index holds of it
	Body   []byte // the JSON to seal; good until Each's function returns. PHI: it leaves the room only as phi.Doc
}

// IDs gives a resource its identifier: the one that it already has, or a new
// one. The Patient's must be person.PatientResource of its chart.
type IDs func(Source) (person.ResourceID, error)

// Each calls f for every resource to store, in the order of the file, with its
// references rewritten. It reads the file once more, unless it is small, and refuses
// when a resource is not the one that was planned.
func (p *Plan) Each(ctx context.Context, ids IDs, f func(Stored) error) error {
	rw := rewriter{plan: p, ids: ids, memo: map[int]string{}}
	var buf []byte
	for _, i := range p.stored {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("import bundle: %w", err)
		}
		e := p.o.entries[i]
		v, b, err := p.load(i, buf)
		if err != nil {
			return err
		}
		buf = b
		id, err := ids(p.source(i))
		if err != nil {
			return p.placed(e, fmt.Errorf("assign identifier: %w", err))
		}
		body, err := rw.resource(v, e, id)
		if err != nil {
			return p.placed(e, err)
		}
		rec, err := p.cfg.Catalogue.describe(body, p.flags[i])
		if err != nil {
			return err
		}
		s := Stored{Source: p.source(i), Type: e.typ, Shared: p.shared(i), Entry: e.index, Offset: e.at.Offset, Record: rec, Body: body}
		if err := f(s); err != nil {
			return err
		}
	}
	return nil
}

// load gives a resource once more, from memory when it was kept there.
func (p *Plan) load(i int, buf []byte) (rawjson.Value, []byte, error) {
	if p.kept != nil {
		return p.kept[i], buf, nil
	}
	return p.o.load(p.o.entries[i], buf)
}

// placed gives a refusal that does not know where it stands the place of e.
func (p *Plan) placed(e entry, err error) error {
	var bad *ImportError
	if errors.As(err, &bad) && bad.Line == 0 {
		return p.o.fail(e.at, e.index, bad.MessageID, bad.Detail)
	}
	return err
}
