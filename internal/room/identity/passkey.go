package identity

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// relyingParty configures the library: our origin alone, discoverable
// credentials, user verification required, no attestation asked for.
func relyingParty(c Config) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(c.Origin)
	if err != nil || u.Host == "" || u.Path != "" {
		return nil, errors.New("the origin is not scheme://host[:port]")
	}
	if u.Hostname() != c.RPID {
		return nil, errors.New("the relying party id is not the origin's host")
	}
	timeout := webauthn.TimeoutConfig{Timeout: ceremonyLife, TimeoutUVD: ceremonyLife}
	required := true
	return webauthn.New(&webauthn.Config{
		RPID: c.RPID, RPDisplayName: c.RPName, RPOrigins: []string{c.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{RequireResidentKey: &required,
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		// Password managers report credProps unasked. No extension's output is
		// ever read, so refusing them would only lock people out.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

// nobodysCredential is a key whose private half is gone. A sign-in with a
// credential that does not exist is checked against it, so that it fails at the
// signature like a wrong signature does, after the same work.
func nobodysCredential() (webauthn.Credential, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return webauthn.Credential{}, fmt.Errorf("draw key: %w", err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return webauthn.Credential{}, fmt.Errorf("encode key: %w", err)
	}
	public, err := webauthncbor.Marshal(webauthncose.EC2PublicKeyData{
		PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.EllipticKey), Algorithm: int64(webauthncose.AlgES256)},
		Curve:         int64(webauthncose.P256), XCoord: point[1:33], YCoord: point[33:65],
	})
	if err != nil {
		return webauthn.Credential{}, fmt.Errorf("encode key: %w", err)
	}
	return webauthn.Credential{PublicKey: public}, nil
}

// holder is an account as the library wants it.
type holder struct {
	account     person.AccountID
	name        string
	credentials []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return h.account.Bytes() }
func (h holder) WebAuthnName() string                       { return h.name }
func (h holder) WebAuthnDisplayName() string                { return h.name }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }

func (c credential) flags() protocol.AuthenticatorFlags { return protocol.AuthenticatorFlags(c.Flags) }

// record is the credential in the library's form.
func (c credential) record() webauthn.Credential {
	w := webauthn.Credential{ID: c.ID, PublicKey: c.PublicKey, Flags: webauthn.NewCredentialFlags(c.flags()),
		Authenticator: webauthn.Authenticator{AAGUID: c.AAGUID, SignCount: c.Count}}
	for _, t := range c.Transports {
		w.Transport = append(w.Transport, protocol.AuthenticatorTransport(t))
	}
	return w
}

func credentialOf(w *webauthn.Credential) *credential {
	c := &credential{ID: w.ID, PublicKey: w.PublicKey, AAGUID: w.Authenticator.AAGUID,
		Flags: byte(w.Flags.ProtocolValue()), Count: w.Authenticator.SignCount}
	for _, t := range w.Transport {
		// Transports are hints to find the authenticator again, given by the browser: keep few and short.
		if len(c.Transports) < 8 && len(t) <= 32 {
			c.Transports = append(c.Transports, string(t))
		}
	}
	return c
}

func (s *set) holder() holder {
	h := holder{account: s.account, name: s.profile().Name}
	for _, r := range s.of(kindCredential) {
		h.credentials = append(h.credentials, r.body.Credential.record())
	}
	return h
}

// expected is the library's record of a ceremony, made again from ours.
func (r *Room) expected(c ceremony, account []byte, act []byte) webauthn.SessionData {
	return webauthn.SessionData{Challenge: protocol.URLEncodedBase64(c.challenge(act)).String(), RelyingPartyID: r.c.RPID,
		UserID: account, UserVerification: protocol.VerificationRequired, CredParams: webauthn.CredentialParametersDefault()}
}

// ask makes the options of a ceremony in which an existing passkey signs.
func (r *Room) ask(c ceremony, act []byte, allow []protocol.CredentialDescriptor) (Options, error) {
	a, _, err := r.party.BeginDiscoverableLogin(webauthn.WithChallenge(c.challenge(act)), webauthn.WithAllowedCredentials(allow))
	if err != nil {
		return Options{}, fault.Wrap(fault.Internal, "begin passkey ceremony", err)
	}
	return r.options(c, a.Response)
}

func (r *Room) options(c ceremony, publicKey any) (Options, error) {
	token, err := r.seal(c)
	if err != nil {
		return Options{}, err
	}
	b, err := json.Marshal(publicKey)
	if err != nil {
		return Options{}, fault.Wrap(fault.Internal, "encode passkey options", err)
	}
	return Options{Ceremony: token, PublicKey: b}, nil
}

// refused is the one answer to everybody who is not let in.
func refused(err error) error { return fault.Wrap(fault.Unauthenticated, "use passkey", err) }

// BeginSignIn starts a sign-in. The account is not known yet: the browser offers
// the passkeys that it has for this origin.
func (r *Room) BeginSignIn() (Options, error) {
	c, err := r.begin(forSignIn, person.AccountID{}, "")
	if err != nil {
		return Options{}, err
	}
	return r.ask(c, nil, nil)
}

// Presence is a verified passkey ceremony: who was present, and how the use of
// the passkey is to be recorded. Only this package makes one.
type Presence struct {
	plan    *Plan
	passkey [16]byte // id of the row
	proof   person.Proof
}

// Account is who was present.
func (p *Presence) Account() person.AccountID { return p.plan.account }

// Proof is the proof of presence, for session.Start or session.Rotate.
func (p *Presence) Proof() person.Proof { return p.proof }

// Ask is the question to the gate: may this account sign in? Proving presence
// again is a sign-in too, and so is its entry in the log; until the gate has
// answered, the passkey's holder is a stranger.
func (p *Presence) Ask(q person.Request) access.Ask { return p.plan.Ask(person.Stranger(q)) }

// Record keeps how the passkey was used, under the Grant for Ask. Call it before
// a session is started or rotated: it refuses a passkey that was removed, or used
// elsewhere, in between.
func (r *Room) Record(ctx context.Context, g access.Grant, p *Presence) error {
	s, err := r.load(ctx, p.plan.account)
	if err != nil {
		return err
	}
	if s == nil || s.index(kindCredential, p.passkey) < 0 {
		return refused(errRemoved)
	}
	return r.Apply(ctx, g, p.plan)
}

var errRemoved = errors.New("identity: the passkey was removed")

// FinishSignIn verifies the answer to BeginSignIn. It does not sign in: ask the
// gate (the Presence's Ask), Record, then start a session. Unknown credential,
// unknown account, wrong signature and everything else that is not a defect of
// Postern's is the same fault.Unauthenticated. A suspended account passes here;
// the gate refuses it with the same kind, in an entry that names the account.
func (r *Room) FinishSignIn(ctx context.Context, answer []byte) (*Presence, error) {
	a, err := parseAnswer(answer)
	if err != nil {
		return nil, refused(err)
	}
	c, err := r.resume(forSignIn, a.Ceremony)
	if err != nil {
		return nil, refused(err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(a.Credential)
	if err != nil {
		return nil, refused(err)
	}
	account, err := person.AccountIDFromBytes(parsed.Response.UserHandle)
	if err != nil {
		parsed.Response.UserHandle = account.Bytes() // nobody's, so that the rest takes its time
	}
	// From the database in any case: an account that is known must not answer sooner
	// than one that does not exist.
	s, err := r.loadStored(ctx, account)
	if err != nil {
		return nil, err
	}
	return r.verify(ctx, verification{c: c, parsed: parsed, account: account, set: s})
}

// verification is one answer to check against one account.
type verification struct {
	c       ceremony
	parsed  *protocol.ParsedCredentialAssertionData
	account person.AccountID
	set     *set // nil for an unknown account
	act     []byte
}

// verify checks the answer and uses the challenge up.
func (r *Room) verify(ctx context.Context, v verification) (*Presence, error) {
	h, row, known := holder{account: v.account}, row{}, false
	if v.set != nil {
		h = v.set.holder()
		row, known = v.set.byCredential(v.parsed.RawID)
	}
	if !known {
		nobody := r.nobody
		nobody.ID = v.parsed.RawID
		h.credentials = []webauthn.Credential{nobody}
	}
	used, err := r.party.ValidateLogin(h, r.expected(v.c, v.account.Bytes(), v.act), v.parsed)
	if err == nil && !known {
		err = errAnswer
	}
	if err != nil {
		return nil, refused(err)
	}
	if err := r.spent.spend(v.c, v.account, r.now()); err != nil {
		return nil, err
	}
	if used.Authenticator.CloneWarning {
		return nil, r.cloned(ctx, v.account)
	}
	p := &Presence{passkey: row.id, proof: person.Proof{Method: "passkey", At: r.now(), Passkey: hex.EncodeToString(row.id[:])}}
	p.plan = &Plan{account: v.account, action: access.SignIn, owner: person.Account(v.account), loose: true,
		edit: r.recordUse(ctx, row, credentialOf(used))}
	return p, nil
}

// cloned answers a signature counter that did not grow: two authenticators may
// hold the same key.
func (r *Room) cloned(ctx context.Context, account person.AccountID) error {
	r.c.Alarm(ctx, "passkey: the signature counter did not grow; the passkey may have been copied", person.Account(account))
	return refused(errors.New("signature counter did not grow"))
}

func (s *set) byCredential(id []byte) (row, bool) {
	i := slices.IndexFunc(s.rows, func(r row) bool { return r.kind == kindCredential && bytes.Equal(r.body.Credential.ID, id) })
	if i < 0 {
		return row{}, false
	}
	return s.rows[i], true
}

// recordUse returns the edit that keeps counter, backup state and day of use,
// nil when none of them changed: a synced passkey counts nothing, and a change
// of heads costs a sync of the log.
func (r *Room) recordUse(ctx context.Context, o row, now *credential) func(*set) error {
	old, today := o.body.Credential, r.now().Truncate(24*time.Hour)
	if now.Count == old.Count && now.Flags == old.Flags && today.Equal(old.Used) {
		return nil
	}
	return func(s *set) error {
		i := s.index(kindCredential, o.id)
		if i < 0 {
			return refused(errRemoved)
		}
		b := s.rows[i].body
		stored := *b.Credential
		if now.Count != 0 && now.Count <= stored.Count {
			return r.cloned(ctx, s.account) // the same count was used twice at the same time
		}
		stored.Count, stored.Flags, stored.Used = now.Count, now.Flags, today
		b.Credential = &stored
		s.put(kindCredential, o.id, b)
		return nil
	}
}

// BeginStepUp asks the signed-in person to prove presence again.
func (r *Room) BeginStepUp(ctx context.Context, caller person.Caller) (Options, error) {
	return r.beginOwn(ctx, forStepUp, caller, nil)
}

// FinishStepUp verifies the answer. Ask the gate, Record, then session.Rotate
// with the Proof.
func (r *Room) FinishStepUp(ctx context.Context, caller person.Caller, answer []byte) (*Presence, error) {
	return r.finishOwn(ctx, forStepUp, caller, nil, answer)
}

// BeginApproval asks the signed-in person to approve one exact act: act is a
// hash of everything that would be done.
func (r *Room) BeginApproval(ctx context.Context, caller person.Caller, act [32]byte) (Options, error) {
	return r.beginOwn(ctx, forApproval, caller, act[:])
}

// FinishApproval verifies that the answer is for this act. Otherwise it is FinishStepUp.
func (r *Room) FinishApproval(ctx context.Context, caller person.Caller, act [32]byte, answer []byte) (*Presence, error) {
	return r.finishOwn(ctx, forApproval, caller, act[:], answer)
}

// own loads the account of a person who has signed in in a browser.
func (r *Room) own(ctx context.Context, caller person.Caller) (*set, error) {
	if caller.Kind() != person.KindPerson {
		return nil, fault.New(fault.Unauthenticated, "use passkey: nobody has signed in")
	}
	s, err := r.load(ctx, caller.Account())
	if err == nil && s == nil {
		err = fault.New(fault.Unauthenticated, "use passkey: there is no such account")
	}
	return s, err
}

func (r *Room) beginOwn(ctx context.Context, p purpose, caller person.Caller, act []byte) (Options, error) {
	s, err := r.own(ctx, caller)
	if err != nil {
		return Options{}, err
	}
	c, err := r.begin(p, s.account, caller.Device())
	if err != nil {
		return Options{}, err
	}
	return r.ask(c, act, webauthn.Credentials(s.holder().credentials).CredentialDescriptors())
}

func (r *Room) finishOwn(ctx context.Context, p purpose, caller person.Caller, act, answer []byte) (*Presence, error) {
	s, err := r.own(ctx, caller)
	if err != nil {
		return nil, err
	}
	c, parsed, err := r.answered(p, caller, answer)
	if err != nil {
		return nil, refused(err)
	}
	return r.verify(ctx, verification{c: c, parsed: parsed, account: s.account, set: s, act: act})
}

// answered parses an answer and checks that caller's own session began it.
func (r *Room) answered(p purpose, caller person.Caller, answer []byte) (ceremony, *protocol.ParsedCredentialAssertionData, error) {
	a, err := parseAnswer(answer)
	if err != nil {
		return ceremony{}, nil, err
	}
	c, err := r.resume(p, a.Ceremony)
	if err != nil {
		return ceremony{}, nil, err
	}
	if !bytes.Equal(c.Account, caller.Account().Bytes()) || c.Device != caller.Device() {
		return ceremony{}, nil, errAnswer
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(a.Credential)
	return c, parsed, err
}
