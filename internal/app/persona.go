package app

import (
	"bytes"
	"context"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Persona is a fictional person of demo or test data.
type Persona struct {
	Handle   string // how commands name the account
	Name     string
	Roles    []person.Role
	Source   string   // name of the own chart's Patient in its bundle; empty for none
	Assigned []string // likewise, of the patients in this person's care
	Language string
}

// errPersona keeps fictional people out of production data.
func (a *App) fictional() error {
	if env := a.Config.env(); env != keys.Demo && env != keys.Test {
		return fault.New(fault.Denied, "add fictional person: this is production data")
	}
	return nil
}

// ImportBundle takes in one bundle from memory, on demo and test data.
func (a *App) ImportBundle(ctx context.Context, name string, bundle []byte) error {
	if err := a.fictional(); err != nil {
		return err
	}
	caller := operator("import", person.PurposeRecords, person.AccountID{})
	_, err := a.Records.Import(ctx, caller, records.File{Name: name, Data: bytes.NewReader(bundle), Size: int64(len(bundle))}, records.Limits{}, "fictional families")
	return err
}

// AddPersona makes the account of a fictional person, with the own chart and the
// assignments, on demo and test data.
func (a *App) AddPersona(ctx context.Context, p Persona) error {
	if err := a.fictional(); err != nil {
		return err
	}
	caller := operator("account", person.PurposeSystemAdmin, person.AccountID{})
	n := identity.NewAccount{Name: phi.NewText(p.Name), Roles: p.Roles, Handle: p.Handle}
	var err error
	if p.Source != "" {
		if n.Chart, err = a.patientBySource(ctx, p.Source); err != nil {
			return err
		}
	}
	plan, err := a.Identity.PlanCreate(ctx, n)
	if err != nil {
		return err
	}
	if err := a.apply(ctx, caller, plan); err != nil {
		return err
	}
	for _, source := range p.Assigned {
		patient, err := a.patientBySource(ctx, source)
		if err != nil {
			return err
		}
		edit, err := a.Identity.Assign(patient)
		if err != nil {
			return err
		}
		assignment, err := a.Identity.Plan(ctx, plan.Account(), edit)
		if err != nil {
			return err
		}
		if err := a.apply(ctx, caller, assignment); err != nil {
			return err
		}
	}
	return a.speaks(ctx, caller, plan.Account(), p.Language)
}

func (a *App) patientBySource(ctx context.Context, source string) (person.PatientID, error) {
	return a.Records.PatientBySource(ctx, operator("import", person.PurposeRecords, person.AccountID{}), source)
}

// speaks sets the language in which the person reads.
func (a *App) speaks(ctx context.Context, caller person.Caller, account person.AccountID, language string) error {
	if language == "" {
		return nil
	}
	plan, err := a.Identity.Plan(ctx, account, identity.ChooseLanguage(language))
	if err != nil {
		return err
	}
	g, err := a.Gate.Decide(ctx, plan.Ask(caller))
	if err != nil {
		return err
	}
	return a.Identity.Apply(ctx, g, plan)
}
