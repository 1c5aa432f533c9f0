// Package identitytest is a passkey authenticator in software: what a browser
// and a security key do together, with every check of theirs that a hostile one
// would leave out as a field to turn. Only tests import it.
package identitytest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Authenticator holds passkeys and answers ceremonies.
type Authenticator struct {
	Origin      string // of the page
	RPID        string // empty takes that of the options, as an honest browser does
	NoUV        bool   // does not verify the user
	NoUP        bool   // does not even test presence
	Synced      bool   // its passkeys are backup eligible and backed up
	CrossOrigin bool   // the page is framed by another origin
	Challenge   string // base64url; empty takes that of the options
	Ignore      bool   // creates a passkey although one of the excluded is here
	Passkeys    []*Passkey
}

// Passkey is one credential.
type Passkey struct {
	ID     []byte
	User   []byte // user handle
	RPID   string
	Count  uint32 // signature counter; 0 counts nothing, as synced passkeys do
	Name   string // as the relying party called the account
	Synced bool   // backup eligible and backed up
	key    *ecdsa.PrivateKey
}

// options is what both ceremonies read of publicKey.
type options struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"user"`
	Exclude          []descriptor `json:"excludeCredentials"`
	Allow            []descriptor `json:"allowCredentials"`
	UserVerification string       `json:"userVerification"`
	Selection        struct {
		ResidentKey      string `json:"residentKey"`
		UserVerification string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation string `json:"attestation"`
}

type descriptor struct {
	ID string `json:"id"`
}

// Create answers navigator.credentials.create and keeps the passkey. It returns
// nil when the options exclude a passkey that is here.
func (a *Authenticator) Create(t testing.TB, publicKey json.RawMessage) json.RawMessage {
	t.Helper()
	o := read(t, publicKey)
	if o.Selection.ResidentKey != "required" || o.Selection.UserVerification != "required" || o.Attestation == "direct" {
		t.Errorf("creation options: %s", publicKey)
	}
	if !a.Ignore && a.holds(o.Exclude) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &Passkey{ID: make([]byte, 32), User: decode(t, o.User.ID), RPID: o.RP.ID, Name: o.User.Name, key: key, Synced: a.Synced}
	_, _ = rand.Read(p.ID) // never fails
	a.Passkeys = append(a.Passkeys, p)

	client := a.clientData(t, "webauthn.create", o.Challenge)
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	public := cbor(t, webauthncose.EC2PublicKeyData{
		PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.EllipticKey), Algorithm: int64(webauthncose.AlgES256)},
		Curve:         int64(webauthncose.P256), XCoord: point[1:33], YCoord: point[33:65]})
	data := a.authData(p, protocol.FlagAttestedCredentialData)
	data = append(data, make([]byte, 16)...) // AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(p.ID)))
	data = append(append(data, p.ID...), public...)
	object := cbor(t, map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	return a.credential(t, p, map[string]any{"clientDataJSON": encode(client), "attestationObject": encode(object),
		"transports": []string{"internal", "hybrid"}})
}

// Get answers navigator.credentials.get with p.
func (a *Authenticator) Get(t testing.TB, publicKey json.RawMessage, p *Passkey) json.RawMessage {
	t.Helper()
	o := read(t, publicKey)
	if o.UserVerification != "required" {
		t.Errorf("request options: %s", publicKey)
	}
	client := a.clientData(t, "webauthn.get", o.Challenge)
	if p.Count > 0 {
		p.Count++
	}
	data := a.authData(p, 0)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(bytes.Clone(data), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, p.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return a.credential(t, p, map[string]any{"clientDataJSON": encode(client), "authenticatorData": encode(data),
		"signature": encode(sig), "userHandle": encode(p.User)})
}

// Answer joins a ceremony and its credential as the page does.
func Answer(t testing.TB, ceremony string, credential json.RawMessage) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"ceremony": ceremony, "credential": credential})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (a *Authenticator) holds(list []descriptor) bool {
	for _, d := range list {
		for _, p := range a.Passkeys {
			if encode(p.ID) == d.ID {
				return true
			}
		}
	}
	return false
}

func (a *Authenticator) clientData(t testing.TB, kind, challenge string) []byte {
	if a.Challenge != "" {
		challenge = a.Challenge
	}
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": a.CrossOrigin})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (a *Authenticator) authData(p *Passkey, flags protocol.AuthenticatorFlags) []byte {
	rpID := p.RPID
	if a.RPID != "" {
		rpID = a.RPID
	}
	if !a.NoUP {
		flags |= protocol.FlagUserPresent
	}
	if !a.NoUV {
		flags |= protocol.FlagUserVerified
	}
	if p.Synced {
		flags |= protocol.FlagBackupEligible | protocol.FlagBackupState
	}
	hash := sha256.Sum256([]byte(rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], byte(flags)), p.Count)
}

func (a *Authenticator) credential(t testing.TB, p *Passkey, response map[string]any) json.RawMessage {
	b, err := json.Marshal(map[string]any{"id": encode(p.ID), "rawId": encode(p.ID), "type": "public-key",
		"authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}},
		"response": response})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t testing.TB, publicKey json.RawMessage) options {
	t.Helper()
	var o options
	if err := json.Unmarshal(publicKey, &o); err != nil {
		t.Fatalf("options %s: %v", publicKey, err)
	}
	return o
}

func cbor(t testing.TB, v any) []byte {
	t.Helper()
	b, err := webauthncbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatalf("decode %q: %v", s, err)
	}
	return b
}
