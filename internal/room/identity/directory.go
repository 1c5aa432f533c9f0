package identity

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Standing implements access.Directory, afresh at every call.
func (r *Room) Standing(ctx context.Context, account person.AccountID) (access.Standing, error) {
	v, err := r.loadVerified(ctx, account)
	return v.standing, err
}

func (s *set) standing() access.Standing {
	profile := s.profile()
	st := access.Standing{Active: s.active(), Roles: s.roles(), Chart: chartOf(profile)}
	copy(st.Person[:], profile.Person)
	return st
}

// roles lists the account's roles in the order of person.Roles.
func (s *set) roles() []person.Role {
	var out []person.Role
	for _, role := range person.Roles() {
		if s.holds(role) {
			out = append(out, role)
		}
	}
	return out
}

func chartOf(profile body) person.PatientID {
	id, err := person.PatientIDFromBytes(profile.Chart)
	if err != nil {
		return person.PatientID{} // none; decode has checked the length
	}
	return id
}

// Assigned implements access.Directory, afresh at every call.
func (r *Room) Assigned(ctx context.Context, clinician person.AccountID, patient person.PatientID) (bool, error) {
	s, err := r.load(ctx, clinician)
	if err != nil || s == nil {
		return false, err
	}
	_, ok := s.assignment(patient)
	return ok, nil
}

// StandingFor implements access.AtOnce, afresh at every call.
func (r *Room) StandingFor(ctx context.Context, account person.AccountID, patient person.PatientID) (access.Standing, bool, error) {
	v, err := r.loadVerified(ctx, account)
	if err != nil || v.set == nil {
		return access.Standing{}, false, err
	}
	_, assigned := v.set.assignment(patient)
	return v.standing, assigned, nil
}

// Account is an account as the administrator's pages show it.
type Account struct {
	ID       person.AccountID
	Name     phi.Text
	Roles    []person.Role
	Active   bool
	Person   [16]byte
	Chart    person.PatientID
	Patients []person.PatientID // assigned to it
	Passkeys int                // enrolled when more than none
	Invited  time.Time          // until when an enrolment link works; zero when there is none
	Created  time.Time
	Guarded  bool // a new link needs two administrators
	Oversees bool // its suspension needs two people
	Damaged  bool // its rows fail their check; nothing but ID is set
}

// List returns up to limit accounts with ids after the given one, in the order
// of ids. It needs a Grant for ListAccounts. An account whose rows fail their
// check is listed as damaged, not left out: its neighbours stay usable.
func (r *Room) List(ctx context.Context, g access.Grant, after person.AccountID, limit int) ([]Account, error) {
	if err := g.Covers(access.ListAccounts, person.Clinic(r.c.Clinic)); err != nil {
		return nil, err
	}
	ids, err := r.page(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	return r.accounts(ctx, ids)
}

// ListBefore is List going back: the up to limit accounts whose ids come right
// before the given one, in the order of ids.
func (r *Room) ListBefore(ctx context.Context, g access.Grant, before person.AccountID, limit int) ([]Account, error) {
	if err := g.Covers(access.ListAccounts, person.Clinic(r.c.Clinic)); err != nil {
		return nil, err
	}
	rows, err := r.c.DB.Query(ctx, `SELECT DISTINCT account FROM account_row WHERE account < ? AND length(account) = 16 ORDER BY account DESC LIMIT ?`,
		before.Bytes(), int64(limit))
	ids, err := idsOf(rows, err)
	if err != nil {
		return nil, err
	}
	slices.Reverse(ids)
	return r.accounts(ctx, ids)
}

// Account describes one account, for the holder of a Grant for ListAccounts. It is
// fault.NotFound when there is none.
func (r *Room) Account(ctx context.Context, g access.Grant, account person.AccountID) (Account, error) {
	if err := g.Covers(access.ListAccounts, person.Clinic(r.c.Clinic)); err != nil {
		return Account{}, err
	}
	list, err := r.accounts(ctx, []person.AccountID{account})
	if err == nil && len(list) == 0 {
		err = fault.New(fault.NotFound, "describe account: there is none")
	}
	if err != nil {
		return Account{}, err
	}
	return list[0], nil
}

// accounts describes the accounts with these ids.
func (r *Room) accounts(ctx context.Context, ids []person.AccountID) ([]Account, error) {
	var out []Account
	for _, id := range ids {
		s, err := r.load(ctx, id)
		switch {
		case fault.Is(err, fault.Tampered):
			out = append(out, Account{ID: id, Damaged: true})
		case err != nil:
			return nil, err
		case s != nil: // nil: it was deleted in between
			a := r.describe(s)
			action, _, err := r.linkAction(ctx, s)
			if err != nil {
				return nil, err
			}
			a.Guarded = action.TwoPerson()
			out = append(out, a)
		}
	}
	return out, nil
}

func (r *Room) describe(s *set) Account {
	profile, st := s.profile(), s.standing()
	a := Account{ID: s.account, Name: phi.NewText(profile.Name), Roles: st.Roles, Active: st.Active, Person: st.Person,
		Chart: st.Chart, Patients: s.patients(), Passkeys: len(s.of(kindCredential)), Created: profile.Created, Oversees: s.oversees()}
	if e := s.one(kindEnrolment, kindEnrolment.only()); r.now().Before(e.Expires) {
		a.Invited = e.Expires
	}
	return a
}

func (s *set) patients() []person.PatientID {
	return s.patientsWhere(func(body) bool { return true })
}

func (s *set) patientsWhere(keep func(body) bool) []person.PatientID {
	var out []person.PatientID
	for _, o := range s.of(kindAssignment) {
		if id, err := person.PatientIDFromBytes(o.body.Patient); err == nil && keep(o.body) {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b person.PatientID) int { return slices.Compare(a.Bytes(), b.Bytes()) })
	return out
}

// page lists ids of accounts. Whether each is genuine is for load to say.
func (r *Room) page(ctx context.Context, after person.AccountID, limit int) ([]person.AccountID, error) {
	rows, err := r.c.DB.Query(ctx, `SELECT DISTINCT account FROM account_row WHERE account > ? AND length(account) = 16 ORDER BY account LIMIT ?`,
		after.Bytes(), int64(limit))
	return idsOf(rows, err)
}

func idsOf(rows *db.Rows, err error) ([]person.AccountID, error) {
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "list accounts", err)
	}
	defer rows.Close() //nolint:errcheck // Err has been read
	var out []person.AccountID
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, fault.Wrap(fault.Unavailable, "list accounts", err)
		}
		id, err := person.AccountIDFromBytes(b)
		if err != nil {
			return nil, fault.Wrap(fault.Tampered, "list accounts", err) // the query has checked the length
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// each calls fn for every account, until fn returns false; with nil for one that
// fails its check.
func (r *Room) each(ctx context.Context, fn func(person.AccountID, *set) bool) error {
	const some = 200
	var after person.AccountID
	for {
		ids, err := r.page(ctx, after, some)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			s, err := r.load(ctx, id)
			damaged := fault.Is(err, fault.Tampered)
			if err != nil && !damaged {
				return err
			}
			if (s != nil || damaged) && !fn(id, s) {
				return nil
			}
		}
		after = ids[len(ids)-1]
	}
}

// FindPersona returns the account with this handle, in demo and test data only.
// It looks at every account: handles are sealed, and nobody is in a hurry.
func (r *Room) FindPersona(ctx context.Context, handle string) (person.AccountID, error) {
	var found person.AccountID
	if r.c.Environment == keys.Production || handle == "" {
		return found, fault.New(fault.NotFound, "find persona: there is none")
	}
	err := r.each(ctx, func(_ person.AccountID, s *set) bool {
		if s != nil && s.profile().Handle == handle {
			found = s.account
		}
		return found.IsZero()
	})
	if err == nil && found.IsZero() {
		err = fault.New(fault.NotFound, "find persona: there is none")
	}
	return found, err
}

// ReadyForPatients reports whether two administrators, who are two natural
// persons, and a compliance officer have enrolled a passkey. Demo and test data
// are always ready. Once true it stays true for the life of the process: the
// rule is about setting up, and a suspended officer must not stop the clinic.
func (r *Room) ReadyForPatients(ctx context.Context) (bool, error) {
	if r.c.Environment != keys.Production || r.isReady.Load() {
		return true, nil
	}
	admins, officer := map[[16]byte]bool{}, false
	err := r.each(ctx, func(_ person.AccountID, s *set) bool {
		if s == nil || !s.active() || len(s.of(kindCredential)) == 0 {
			return true
		}
		if s.holds(person.RoleAdministrator) {
			admins[s.standing().Person] = true
		}
		officer = officer || s.holds(person.RoleCompliance)
		return len(admins) < 2 || !officer
	})
	if err != nil {
		return false, err
	}
	if ready := len(admins) >= 2 && officer; ready {
		r.isReady.Store(true)
		return true, nil
	}
	return false, nil
}

// Self is what a signed-in person's own pages need of the account.
type Self struct {
	Name     phi.Text
	Roles    []person.Role
	Chart    person.PatientID
	Language string // empty when never chosen
}

// Self describes the Caller's own account and no other.
func (r *Room) Self(ctx context.Context, caller person.Caller) (Self, error) {
	s, err := r.load(ctx, caller.Account())
	if err != nil {
		return Self{}, err
	}
	if s == nil {
		return Self{}, fault.New(fault.Unauthenticated, "describe account: nobody has signed in")
	}
	profile := s.profile()
	return Self{Name: phi.NewText(profile.Name), Roles: s.roles(), Chart: chartOf(profile), Language: profile.Language}, nil
}

// Name is the display name of an account, for pages that say who did something.
// It needs a living Grant of any kind: the entry says who may learn it.
func (r *Room) Name(ctx context.Context, g access.Grant, account person.AccountID) (phi.Text, error) {
	if err := g.Alive(); err != nil {
		return phi.Text{}, err
	}
	s, err := r.load(ctx, account)
	if err != nil || s == nil {
		return phi.Text{}, err
	}
	return phi.NewText(s.profile().Name), nil
}

// Patients lists who is assigned to the clinician that g was given to.
func (r *Room) Patients(ctx context.Context, g access.Grant) ([]person.PatientID, error) {
	if err := g.Covers(access.ListMyPatients, person.Account(g.Caller().Account())); err != nil {
		return nil, err
	}
	s, err := r.load(ctx, g.Caller().Account())
	if err != nil || s == nil {
		return nil, err
	}
	return s.patients(), nil
}

// PatientsSince lists who is assigned to account since before a moment. It is for room
// risk, which answers nobody with it: a day's names count beyond the list of that morning.
// Assignments of before their time was kept are older than that.
func (r *Room) PatientsSince(ctx context.Context, account person.AccountID, before time.Time) ([]person.PatientID, error) {
	s, err := r.load(ctx, account)
	if err != nil || s == nil {
		return nil, err
	}
	return s.patientsWhere(func(b body) bool { return b.Created.Before(before) }), nil
}

// Passkey is a passkey as the security page shows it.
type Passkey struct {
	ID      string // for RenamePasskey and RemovePasskey; not the credential id
	Name    phi.Text
	Created time.Time
	Used    time.Time // the day of the last use
	Synced  bool      // it is backed up by its provider
}

// Passkeys lists the passkeys of the account that g was given for.
func (r *Room) Passkeys(ctx context.Context, g access.Grant) ([]Passkey, error) {
	if err := g.Covers(access.ViewSecurity, person.Account(g.Caller().Account())); err != nil {
		return nil, err
	}
	s, err := r.load(ctx, g.Caller().Account())
	if err != nil || s == nil {
		return nil, err
	}
	var out []Passkey
	for _, o := range s.of(kindCredential) {
		out = append(out, Passkey{ID: hex.EncodeToString(o.id[:]), Name: phi.NewText(o.body.Name), Created: o.body.Created,
			Used: o.body.Credential.Used, Synced: o.body.Credential.flags().HasBackupState()})
	}
	slices.SortFunc(out, func(a, b Passkey) int { return a.Created.Compare(b.Created) })
	return out, nil
}
