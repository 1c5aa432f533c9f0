package identity

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// enrolmentLife is how long an enrolment link works.
const enrolmentLife = 30 * time.Minute

// secretSize is the length of an enrolment secret: 256 bits.
const secretSize = 32

// PlanEnrolment prepares a one-time enrolment link for account. It voids an
// earlier one. The link is in Plan.Link once the Plan was applied. Where one person
// alone must not make a link, the Plan's action is access.RenewEnrolment, and two
// do: propose Plan.Ask, and Apply a Plan of the moment with the confirmer's Grant.
func (r *Room) PlanEnrolment(ctx context.Context, account person.AccountID) (*Plan, error) {
	b := make([]byte, secretSize)
	if err := r.draw(b); err != nil {
		return nil, err
	}
	secret := base64.RawURLEncoding.EncodeToString(b)
	now, err := r.load(ctx, account)
	if err != nil {
		return nil, err
	}
	action, enrolled, err := r.linkAction(ctx, now)
	if err != nil {
		return nil, err
	}
	stored := body{Secret: r.c.Vault.Handle(vault.SecretAccount, secret), Expires: r.now().Add(enrolmentLife),
		ByTwo: action == access.RenewEnrolment, Enrolled: enrolled}
	p, err := r.Plan(ctx, account, Edit{action: action, do: func(s *set) error {
		if action == access.IssueEnrolment && len(s.of(kindCredential)) > 0 {
			return fault.New(fault.Conflict, "issue enrolment: the account has a passkey by now")
		}
		s.put(kindEnrolment, kindEnrolment.only(), stored)
		return nil
	}})
	if err != nil {
		return nil, err
	}
	// In the fragment, so that the secret reaches no server log on its way.
	p.linkEnds = stored.Expires
	p.link = r.c.Origin + "/enrol#" + account.String() + "." + secret
	return p, nil
}

// Link is the enrolment link of an applied PlanEnrolment, empty otherwise. It is
// shown once and stored nowhere.
func (p *Plan) Link() string {
	if !p.applied {
		return ""
	}
	return p.link
}

// LinkEnds is until when Link works.
func (p *Plan) LinkEnds() time.Time { return p.linkEnds }

// Passkey is the id of the passkey that the plan of FinishEnrol stores; the session
// that begins with it says so.
func (p *Plan) Passkey() string { return p.passkey }

// invited finds the account and the standing enrolment of a token
// (ACCOUNT.SECRET, what follows # in the link).
func (r *Room) invited(ctx context.Context, token string) (*set, int64, error) {
	id, secret, _ := strings.Cut(token, ".")
	account, err := person.ParseAccountID(id)
	if err != nil {
		return nil, 0, refused(err)
	}
	s, err := r.load(ctx, account)
	if err != nil {
		return nil, 0, err
	}
	handle := r.c.Vault.Handle(vault.SecretAccount, secret)
	if s == nil {
		return nil, 0, refused(errAnswer)
	}
	i := s.index(kindEnrolment, kindEnrolment.only())
	if i < 0 || subtle.ConstantTimeCompare(handle, s.rows[i].body.Secret) != 1 || !r.now().Before(s.rows[i].body.Expires) {
		return nil, 0, refused(errAnswer)
	}
	if err := r.stillGood(ctx, s, s.rows[i].body); err != nil {
		return nil, 0, err
	}
	return s, s.rows[i].seq, nil
}

// BeginEnrol starts the creation of a passkey by whoever holds an enrolment
// link. token is the part of the link after #. A token that is unknown, used,
// voided or late is fault.Unauthenticated, without saying which.
func (r *Room) BeginEnrol(ctx context.Context, token string) (Options, error) {
	s, invite, err := r.invited(ctx, token)
	if err != nil {
		return Options{}, err
	}
	c, err := r.begin(forEnrol, s.account, "")
	if err != nil {
		return Options{}, err
	}
	c.Invite = invite
	return r.register(c, s)
}

// FinishEnrol verifies the new passkey and plans to store it and to use up the
// enrolment. Ask the gate (EnrolPasskey, as a stranger), Apply, start a session.
func (r *Room) FinishEnrol(ctx context.Context, name phi.Text, answer []byte) (*Plan, error) {
	a, err := parseAnswer(answer)
	if err != nil {
		return nil, refused(err)
	}
	c, err := r.resume(forEnrol, a.Ceremony)
	if err != nil {
		return nil, refused(err)
	}
	account, err := person.AccountIDFromBytes(c.Account)
	if err != nil {
		return nil, refused(err)
	}
	s, err := r.load(ctx, account)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, refused(errAnswer)
	}
	fresh, err := r.registered(c, s, name, a.Credential)
	if err != nil {
		return nil, err
	}
	p, err := r.Plan(ctx, account, Edit{action: access.EnrolPasskey, do: func(s *set) error {
		i := s.index(kindEnrolment, kindEnrolment.only())
		if i < 0 || s.rows[i].seq != c.Invite || !r.now().Before(s.rows[i].body.Expires) {
			return refused(errAnswer) // used, voided or late
		}
		// Here, where one change at a time is made: of two links only the first is good.
		if err := r.stillGood(ctx, s, s.rows[i].body); err != nil {
			return err
		}
		s.drop(kindEnrolment, kindEnrolment.only())
		return fresh.add(s)
	}})
	if err == nil {
		p.passkey = hex.EncodeToString(fresh.id[:])
	}
	return p, err
}

// Enrolled reports whether the account has a passkey, for init --renew-link.
func (r *Room) Enrolled(ctx context.Context, account person.AccountID) (bool, error) {
	s, err := r.load(ctx, account)
	if err != nil || s == nil {
		return false, err
	}
	return len(s.of(kindCredential)) > 0, nil
}
