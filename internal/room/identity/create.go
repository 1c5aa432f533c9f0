package identity

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// NewAccount describes an account to create.
type NewAccount struct {
	Name   phi.Text         // display name
	Roles  []person.Role    // at least one; never system
	Chart  person.PatientID // the own chart, zero for none; needs the role patient
	Person [16]byte         // the natural person; zero draws a new one
	Handle string           // persona id of demo data; empty otherwise
}

// maxName bounds display names and names of passkeys, in bytes.
const maxName = 200

// maxRoles is far above what anybody holds.
const maxRoles = 9

// PlanCreate prepares a new account. Its id is drawn now, so that the log entry
// names it. On production data an account with a chart is refused until two
// administrators and a compliance officer have enrolled. A chart that has an
// account gets no second one.
func (r *Room) PlanCreate(ctx context.Context, n NewAccount) (*Plan, error) {
	account, err := person.NewAccountID(r.c.Random)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "create account", err)
	}
	if n.Person == [16]byte{} {
		if err := r.draw(n.Person[:]); err != nil {
			return nil, err
		}
	}
	roles := make([][16]byte, len(n.Roles))
	for i := range roles {
		if err := r.draw(roles[i][:]); err != nil {
			return nil, err
		}
	}
	p := &Plan{account: account, action: access.AddAccount, owner: person.Clinic(r.c.Clinic),
		patient: n.Chart, object: "Account/" + account.String(), fresh: true}
	if p.failed = r.acceptable(ctx, n); p.failed != nil {
		return p, nil
	}
	profile := body{Name: n.Name.Reveal(), Handle: n.Handle, Person: n.Person[:], Created: r.now()}
	if !n.Chart.IsZero() {
		profile.Chart = n.Chart.Bytes()
	}
	p.edit = func(s *set) error {
		s.put(kindProfile, kindProfile.only(), profile)
		s.put(kindStatus, kindStatus.only(), body{})
		for i, role := range n.Roles {
			s.put(kindRole, roles[i], body{Role: role})
		}
		return nil
	}
	first := (&set{account: account}).clone()
	_ = p.edit(first) // writes only
	p.after = first.content()
	return p, nil
}

// acceptable says why n cannot become an account.
func (r *Room) acceptable(ctx context.Context, n NewAccount) error {
	if len(n.Roles) == 0 || len(n.Roles) > maxRoles {
		return fault.New(fault.Invalid, "create account: it needs a role")
	}
	for i, role := range n.Roles {
		if _, known := person.ParseRole(string(role)); !known || role == person.RoleSystem || slices.Contains(n.Roles[:i], role) {
			return fault.New(fault.Invalid, "create account: no such role for a person")
		}
	}
	if !goodName(n.Name.Reveal()) || len(n.Handle) > 64 {
		return fault.New(fault.Invalid, "create account: the name is too long or not text")
	}
	if n.Handle != "" && r.c.Environment == keys.Production {
		return fault.New(fault.Invalid, "create account: personas exist in demo and test data only")
	}
	if n.Chart.IsZero() {
		return nil
	}
	if !slices.Contains(n.Roles, person.RolePatient) {
		return fault.New(fault.Invalid, "create account: a chart needs the role patient")
	}
	ready, err := r.ReadyForPatients(ctx)
	if err == nil && !ready {
		err = fault.New(fault.Conflict, "create account: no patients before two administrators and a compliance officer have enrolled")
	}
	if err != nil {
		return err
	}
	account, dark, err := r.holder(ctx, n.Chart)
	if err == nil && !account.IsZero() {
		err = errTaken()
	}
	if err == nil && len(dark) > 0 {
		err = r.c.Vault.Tampered(ctx, "create account: this damaged account may hold the chart", person.Account(dark[0]))
	}
	return err
}

// goodName accepts text of a line: no control, no direction override.
func goodName(s string) bool {
	return len(s) <= maxName && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(c rune) bool { return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) })
}

// createIn makes keys, rows and the first heads of a new account. Its empty set
// of sessions gets a head too: a head can begin only where its owner begins.
func (r *Room) createIn(ctx context.Context, tx *vault.ChangeTx, p *Plan) error {
	if !p.patient.IsZero() && !p.claimed { // a transaction that is tried again has it
		if err := r.claim(ctx, tx, p.patient, p.account); err != nil {
			return err // since it was planned
		}
		p.claimed = true
	}
	owner := person.Account(p.account)
	if err := tx.NewOwner(ctx, owner); err != nil {
		return err
	}
	s := (&set{account: p.account}).clone()
	if err := p.edit(s); err != nil {
		return err
	}
	if err := r.store(ctx, tx, s); err != nil {
		return err
	}
	return tx.SetHead(ctx, vault.HeadRef{Owner: owner, Kind: vault.HeadSessions}, vault.Digest(nil))
}
