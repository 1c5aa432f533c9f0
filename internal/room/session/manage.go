package session

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Begin describes a session to start.
type Begin struct {
	Proof     person.Proof // of identity.Presence, or {Method: "demo"} for a persona of demo data
	Role      person.Role  // to act in; empty takes the account's first in the order of person.Roles
	UserAgent string       // as the browser sent it; only its family and system are kept
	Old       string       // secret of the cookie that came with the sign-in, if any: that session ends
}

// Start makes a session of the account that g let in (SignIn, EnrolPasskey or
// EnterPersona) and returns the secret for its cookie.
func (r *Room) Start(ctx context.Context, g access.Grant, b Begin) (string, error) {
	account, err := covered(g, access.SignIn, access.EnrolPasskey, access.EnterPersona)
	if err != nil {
		return "", err
	}
	role, err := r.role(ctx, account, b.Role)
	if err != nil {
		return "", err
	}
	secret, o, err := r.fresh(kindSession, "")
	if err != nil {
		return "", err
	}
	now := r.now()
	browser, system := describe(b.UserAgent)
	o.body = body{Created: now, Started: now, Expires: now.Add(r.c.Limits.life(role)), Role: role,
		Method: b.Proof.Method, Proved: b.Proof.At, Passkey: b.Proof.Passkey, Browser: browser, System: system}
	old := r.c.Vault.Handle(vault.SecretSession, b.Old)
	return secret, r.change(ctx, g, account, func(rows []row) ([]row, error) {
		rows = slices.DeleteFunc(rows, func(other row) bool { return bytes.Equal(other.handle, old) })
		return append(r.fit(rows), o), nil
	})
}

// Rotate gives the Caller's session a new secret after a step-up (g is the Grant
// for SignIn that identity's Presence asked for), with the new proof and, if role
// is not empty, acting in another role. The old secret is dead. The absolute
// limit still counts from the first sign-in.
func (r *Room) Rotate(ctx context.Context, g access.Grant, caller person.Caller, proof person.Proof, role person.Role) (string, error) {
	account := caller.Account()
	if err := g.Covers(access.SignIn, person.Account(account)); err != nil {
		return "", err
	}
	if role == "" {
		role = caller.Role()
	}
	role, err := r.role(ctx, account, role)
	if err != nil {
		return "", err
	}
	secret, o, err := r.fresh(kindSession, "")
	if err != nil {
		return "", err
	}
	return secret, r.change(ctx, g, account, func(rows []row) ([]row, error) {
		i, err := lookup(rows, caller.Device())
		if err != nil || rows[i].kind != kindSession {
			return nil, fault.New(fault.Unauthenticated, "rotate session: it has ended")
		}
		b := &rows[i].body
		b.Started, b.Role, b.Method, b.Proved, b.Passkey = r.now(), role, proof.Method, proof.At, proof.Passkey
		if end := b.Created.Add(r.c.Limits.life(role)); end.Before(b.Expires) {
			b.Expires = end
		}
		rows[i].handle, rows[i].sealed = o.handle, nil
		return rows, nil
	})
}

// SignOut ends the session of the Caller that g was given to.
func (r *Room) SignOut(ctx context.Context, g access.Grant) error {
	account, err := covered(g, access.SignOut)
	if err != nil {
		return err
	}
	err = r.end(ctx, g, account, g.Caller().Device())
	if fault.Is(err, fault.NotFound) {
		return nil // it expired in between: what was asked for holds
	}
	return err
}

// End ends one session or token of the account, by Session.ID.
func (r *Room) End(ctx context.Context, g access.Grant, id string) error {
	account, err := covered(g, access.EndSession)
	if err != nil {
		return err
	}
	return r.end(ctx, g, account, id)
}

func (r *Room) end(ctx context.Context, g access.Grant, account person.AccountID, id string) error {
	return r.change(ctx, g, account, func(rows []row) ([]row, error) {
		i, err := lookup(rows, id)
		if err != nil {
			return nil, err
		}
		return slices.Delete(rows, i, i+1), nil
	})
}

// EndAll ends every session and token of the account but the one with the id
// keep (empty keeps none): by the person, with a passkey that was removed, or
// with the account's suspension.
func (r *Room) EndAll(ctx context.Context, g access.Grant, keep string) error {
	account, err := covered(g, access.EndSession, access.SuspendAccount, access.SuspendOverseer, access.RemovePasskey, access.EnrolPasskey)
	if err != nil {
		return err
	}
	return r.change(ctx, g, account, func(rows []row) ([]row, error) {
		return slices.DeleteFunc(rows, func(o row) bool { return hex.EncodeToString(o.id[:]) != keep }), nil
	})
}

// Session is a session or token as the security page shows it.
type Session struct {
	ID              string // for End; the Device of its Caller
	Created         time.Time
	Used            time.Time
	Expires         time.Time
	Browser, System string // empty when unknown
	Token           bool
	Current         bool // the one that asks
}

// List lists what is alive of the account that g was given for, newest first.
func (r *Room) List(ctx context.Context, g access.Grant) ([]Session, error) {
	account, err := covered(g, access.ViewSecurity)
	if err != nil {
		return nil, err
	}
	s, err := r.of(ctx, account)
	if err != nil {
		return nil, err
	}
	var out []Session
	for _, o := range r.living(ctx, s.rows) {
		id := hex.EncodeToString(o.id[:])
		out = append(out, Session{ID: id, Created: o.body.Created, Used: o.used, Expires: o.body.Expires, Browser: o.body.Browser,
			System: o.body.System, Token: o.kind == kindToken, Current: id == g.Caller().Device()})
	}
	slices.SortStableFunc(out, func(a, b Session) int { return b.Created.Compare(a.Created) })
	return out, nil
}

// maxTokenLife bounds a token.
const maxTokenLife = 60 * time.Minute

// MintToken makes a bearer token of the account that g is for (MintToken), in
// demo and test data only. Role as in Begin.
func (r *Room) MintToken(ctx context.Context, g access.Grant, role person.Role, life time.Duration) (string, error) {
	account, err := covered(g, access.MintToken)
	if err != nil {
		return "", err
	}
	if r.c.Environment == keys.Production {
		return "", fault.New(fault.Denied, "mint token: not on production data")
	}
	if life <= 0 || life > maxTokenLife {
		return "", fault.New(fault.Invalid, "mint token: it lives up to 60 minutes")
	}
	if role, err = r.role(ctx, account, role); err != nil {
		return "", err
	}
	secret, o, err := r.fresh(kindToken, tokenPrefix)
	if err != nil {
		return "", err
	}
	now := r.now()
	o.body = body{Created: now, Started: now, Expires: now.Add(life), Role: role}
	return secret, r.change(ctx, g, account, func(rows []row) ([]row, error) { return append(r.fit(rows), o), nil })
}

// covered returns the account that g is for, if it was given for one of actions.
func covered(g access.Grant, actions ...access.Action) (person.AccountID, error) {
	account, ok := g.Owner().AsAccount()
	if err := g.Alive(); err != nil {
		return account, err
	}
	if !ok || !slices.Contains(actions, g.Action()) {
		return account, fault.New(fault.Denied, "use grant: it was given for something else")
	}
	return account, nil
}

// role checks that the account holds the wanted role; empty means its first.
func (r *Room) role(ctx context.Context, account person.AccountID, wanted person.Role) (person.Role, error) {
	standing, err := r.c.People.Standing(ctx, account)
	if err != nil {
		return "", err
	}
	for _, role := range person.Roles() {
		if slices.Contains(standing.Roles, role) && (wanted == "" || wanted == role) {
			return role, nil
		}
	}
	return "", fault.New(fault.Denied, "choose role: the account does not hold it")
}

// fresh draws a secret and the row of its kind. The row's content is the caller's.
func (r *Room) fresh(k kind, prefix string) (string, row, error) {
	b := make([]byte, secretSize)
	o := row{kind: k}
	if err := r.draw(b); err != nil {
		return "", row{}, err
	}
	if err := r.draw(o.id[:]); err != nil {
		return "", row{}, err
	}
	secret := prefix + base64.RawURLEncoding.EncodeToString(b)
	o.handle = r.c.Vault.Handle(vault.SecretSession, secret)
	return secret, o, nil
}

// fit makes room for one more: the oldest go.
func (r *Room) fit(rows []row) []row {
	slices.SortStableFunc(rows, func(a, b row) int { return a.body.Created.Compare(b.body.Created) })
	if over := len(rows) + 1 - r.c.Limits.Most; over > 0 {
		rows = rows[over:]
	}
	return rows
}

// lookup finds a row by the id that pages and callers carry.
func lookup(rows []row, id string) (int, error) {
	raw, err := hex.DecodeString(id)
	if err == nil && len(raw) == 16 {
		if i := (&set{rows: rows}).byID([16]byte(raw)); i >= 0 {
			return i, nil
		}
	}
	return 0, fault.New(fault.NotFound, "find session: there is none")
}
