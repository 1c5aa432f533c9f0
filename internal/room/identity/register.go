package identity

import (
	"bytes"
	"context"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// BeginAdd asks the signed-in person for one more passkey.
func (r *Room) BeginAdd(ctx context.Context, caller person.Caller) (Options, error) {
	s, err := r.own(ctx, caller)
	if err != nil {
		return Options{}, err
	}
	c, err := r.begin(forAdd, s.account, caller.Device())
	if err != nil {
		return Options{}, err
	}
	return r.register(c, s)
}

// FinishAdd verifies the new passkey and plans to store it under name.
func (r *Room) FinishAdd(ctx context.Context, caller person.Caller, name phi.Text, answer []byte) (*Plan, error) {
	s, err := r.own(ctx, caller)
	if err != nil {
		return nil, err
	}
	a, err := parseAnswer(answer)
	if err != nil {
		return nil, refused(err)
	}
	c, err := r.resume(forAdd, a.Ceremony)
	if err != nil || !bytes.Equal(c.Account, s.account.Bytes()) || c.Device != caller.Device() {
		return nil, refused(errAnswer)
	}
	fresh, err := r.registered(c, s, name, a.Credential)
	if err != nil {
		return nil, err
	}
	return r.Plan(ctx, s.account, Edit{action: access.AddPasskey, do: fresh.add})
}

// register makes the options of a ceremony that creates a passkey.
func (r *Room) register(c ceremony, s *set) (Options, error) {
	h := s.holder()
	created, _, err := r.party.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.credentials).CredentialDescriptors()),
		func(o *protocol.PublicKeyCredentialCreationOptions) error { o.Challenge = c.challenge(nil); return nil })
	if err != nil {
		return Options{}, fault.Wrap(fault.Internal, "begin passkey registration", err)
	}
	return r.options(c, created.Response)
}

// newPasskey is a verified passkey that is not stored yet.
type newPasskey struct {
	id   [16]byte
	body body
}

// registered verifies a created passkey and uses the challenge up.
func (r *Room) registered(c ceremony, s *set, name phi.Text, response []byte) (newPasskey, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return newPasskey{}, refused(err)
	}
	w, err := r.party.CreateCredential(s.holder(), r.expected(c, s.account.Bytes(), nil), parsed)
	if err != nil {
		return newPasskey{}, refused(err)
	}
	if err := r.spent.spend(c, s.account, r.now()); err != nil {
		return newPasskey{}, err
	}
	n := newPasskey{body: body{Name: name.Reveal(), Created: r.now(), Credential: credentialOf(w)}}
	if !goodName(n.body.Name) {
		return newPasskey{}, fault.New(fault.Invalid, "add passkey: the name is too long or not text")
	}
	return n, r.draw(n.id[:])
}

// maxPasskeys bounds the passkeys of one account.
const maxPasskeys = 20

// add is the edit that stores the passkey.
func (n newPasskey) add(s *set) error {
	if _, there := s.byCredential(n.body.Credential.ID); there || len(s.of(kindCredential)) >= maxPasskeys {
		return fault.New(fault.Conflict, "add passkey: it is there already, or there are too many")
	}
	s.put(kindCredential, n.id, n.body)
	return nil
}
