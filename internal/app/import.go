package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// ImportOptions are the flags of import.
type ImportOptions struct {
	Place
	Files       []string
	MaxBundle   int64
	MaxResource int64
	MaxDepth    int
	Reason      string
	Progress    func(done, total int, file string) // nil shows none
	Say         func(string)                       // messages to the operator; nil drops them
}

func (o ImportOptions) limits() records.Limits {
	return records.Limits{Bundle: o.MaxBundle, Resource: int(o.MaxResource), Depth: o.MaxDepth}
}

// Import takes in FHIR bundles. On demo and test data it works in this process
// and is refused while a server holds the folder; on production data the files
// are streamed to the running server after a named person approved them.
func Import(ctx context.Context, o ImportOptions) (sum ImportSummary, err error) {
	c, err := o.Place.config()
	if err != nil {
		return sum, err
	}
	if c.env() == keys.Production {
		return importThroughServer(ctx, c, o)
	}
	p, err := o.Place.protector(c)
	if err != nil {
		return sum, err
	}
	a, err := Open(ctx, c, p, Options{})
	if held := (*db.HeldError)(nil); errors.As(err, &held) {
		return sum, fmt.Errorf("import: %w; stop that server first", held)
	}
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, a.Close(context.WithoutCancel(ctx))) }()
	caller := operator("import", person.PurposeRecords, person.AccountID{})
	sum = ImportSummary{OK: true, Types: map[string]records.Tally{}}
	for i, file := range o.Files {
		if o.Progress != nil {
			o.Progress(i, len(o.Files), file)
		}
		sum.add(a.importPath(ctx, caller, file, o))
		if ctx.Err() != nil {
			return sum, ctx.Err()
		}
	}
	return sum, nil
}

// operator is the Caller of a command; account is the person who approved it.
func operator(name string, purpose person.Purpose, account person.AccountID) person.Caller {
	return person.NewOperator(name, account, purpose, person.Request{ID: requestID(), Client: "command"})
}

func (a *App) importPath(ctx context.Context, c person.Caller, path string, o ImportOptions) FileResult {
	f, err := os.Open(path) //#nosec G304 -- named on the command line
	if err != nil {
		return FileResult{File: path, Error: err.Error()}
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return FileResult{File: path, Error: "this is not a file"}
	}
	return a.importFile(ctx, c, path, f, info.Size(), o.limits(), o.Reason)
}

func (a *App) importFile(ctx context.Context, c person.Caller, name string, data io.ReaderAt, size int64, lim records.Limits, reason string) FileResult {
	out, err := a.Records.Import(ctx, c, records.File{Name: name, Data: data, Size: size}, lim, reason)
	if err != nil {
		return FileResult{File: name, Error: explainImport(err)}
	}
	return FileResult{File: name, OK: true, Patient: out.Patient.String(), Types: out.Types, Listed: out.Listed}
}

// explainImport says what is wrong with a file, where, and nothing of its content.
func explainImport(err error) string {
	var bad *records.ImportError
	if errors.As(err, &bad) {
		s := records.Explain(bad.MessageID)
		if bad.Detail != "" {
			s += " (" + bad.Detail + ")"
		}
		if bad.Line > 0 {
			s = fmt.Sprintf("line %d, column %d: %s", bad.Line, bad.Col, s)
		}
		if bad.Entry >= 0 {
			s += fmt.Sprintf(", in entry %d", bad.Entry)
		}
		return s
	}
	if fault.Message(err) == "error.not-ready" {
		return "production data takes no patient before two administrators and a compliance officer have enrolled"
	}
	return err.Error()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
