package identity_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/room/identity/identitytest"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

// mia is a patient with a passkey on her phone.
func mia(t *testing.T, h *house) (person.AccountID, *identitytest.Authenticator, *identitytest.Passkey) {
	t.Helper()
	a := device()
	id := h.account(t, identity.NewAccount{Name: phi.NewText("Mia Torres"), Roles: []person.Role{person.RolePatient}, Chart: newPatient(t)})
	return id, a, h.enrol(t, id, a)
}

func (h *house) passkeys(t *testing.T, account person.AccountID) []identity.Passkey {
	t.Helper()
	g := vaulttest.Grant(t, h.gate, access.Ask{Caller: patient(h, account), Action: access.ViewSecurity, Owner: person.Account(account)})
	list, err := h.rooms.Passkeys(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestEnrolAndSignIn(t *testing.T) {
	covers.Covers(t, "AC-4")
	each(t, func(t *testing.T, h *house) {
		id, a, key := mia(t, h)
		if key.Name != "Mia Torres" || !bytes.Equal(key.User, id.Bytes()) {
			t.Errorf("passkey of %q, user handle % x", key.Name, key.User)
		}
		h.Clock.Add(48 * time.Hour)
		h = h.restart(t)
		p, err := h.signIn(t, a, key)
		if err != nil {
			t.Fatalf("sign in: %v", err)
		}
		list := h.passkeys(t, id)
		if p.Account() != id || p.Proof() != (person.Proof{Method: "passkey", At: h.Clock.Now(), Passkey: list[0].ID}) {
			t.Errorf("presence of %v: %+v", p.Account(), p.Proof())
		}
		if len(list) != 1 || list[0].Name.Reveal() != "phone" || list[0].Synced || !list[0].Used.Equal(h.Clock.Now().Truncate(24*time.Hour)) {
			t.Errorf("passkeys: %+v", list)
		}
	})
}

// A synced passkey counts nothing, so a second sign-in on one day changes no row.
func TestSignInWritesLittle(t *testing.T) {
	h := lite(t, "test")
	id, _, _ := mia(t, h)
	a := device()
	a.Synced = true
	key := h.enrol(t, id, a)
	if _, err := h.signIn(t, a, key); err != nil {
		t.Fatal(err)
	}
	before := h.rows(t)
	if _, err := h.signIn(t, a, key); err != nil {
		t.Fatal(err)
	}
	if after := h.rows(t); after != before {
		t.Error("a sign-in that told nothing new changed the account")
	}
}

// Everybody who is not let in gets the same answer, whatever the reason.
func TestSignInRefusesAlike(t *testing.T) {
	covers.Covers(t, "AC-4")
	h := lite(t, "test")
	_, phone, key := mia(t, h)
	_, other, otherKey := mia(t, h)
	stranger := *key
	stranger.User = newAccount(t).Bytes()
	unknown := *key
	unknown.ID = []byte("no such credential")
	swapped := *otherKey
	swapped.User = key.User
	nameless := *key
	nameless.User = nil
	for name, c := range map[string]struct {
		a identitytest.Authenticator
		p *identitytest.Passkey
	}{
		"wrong origin":             {identitytest.Authenticator{Origin: "https://portal.clinic.example.evil.example"}, key},
		"wrong port":               {identitytest.Authenticator{Origin: origin + ":8443"}, key},
		"plain http":               {identitytest.Authenticator{Origin: "http://portal.clinic.example"}, key},
		"framed by another origin": {identitytest.Authenticator{Origin: origin, CrossOrigin: true}, key},
		"wrong relying party":      {identitytest.Authenticator{Origin: origin, RPID: "clinic.example"}, key},
		"user not verified":        {identitytest.Authenticator{Origin: origin, NoUV: true}, key},
		"nobody present":           {identitytest.Authenticator{Origin: origin, NoUP: true}, key},
		"another challenge":        {identitytest.Authenticator{Origin: origin, Challenge: strings.Repeat("A", 43)}, key},
		"unknown account":          {*phone, &stranger},
		"unknown credential":       {*phone, &unknown},
		"another's credential":     {*other, &swapped},
		"no user handle":           {*phone, &nameless},
	} {
		_, err := h.signIn(t, &c.a, c.p)
		wantKind(t, name, err, fault.Unauthenticated)
		if fault.Message(err) != fault.Unauthenticated.Message() {
			t.Errorf("%s: says %q", name, fault.Message(err))
		}
	}
	if _, err := h.signIn(t, phone, key); err != nil {
		t.Errorf("the honest one: %v", err)
	}
}

func TestChallengeIsUsedOnceAndInTime(t *testing.T) {
	covers.Covers(t, "AC-4")
	h := lite(t, "test")
	_, a, key := mia(t, h)
	begin := func() (identity.Options, []byte) {
		t.Helper()
		o, err := h.rooms.BeginSignIn()
		if err != nil {
			t.Fatal(err)
		}
		return o, identitytest.Answer(t, o.Ceremony, a.Get(t, o.PublicKey, key))
	}
	_, used := begin()
	if _, err := h.finishSignIn(t, used); err != nil {
		t.Fatal(err)
	}
	_, err := h.finishSignIn(t, used)
	wantKind(t, "replay", err, fault.Unauthenticated)

	_, inTime := begin()
	h.Clock.Add(5*time.Minute - time.Second)
	if _, err := h.finishSignIn(t, inTime); err != nil {
		t.Errorf("after 4:59: %v", err)
	}
	_, late := begin()
	h.Clock.Add(5 * time.Minute)
	_, err = h.finishSignIn(t, late)
	wantKind(t, "after 5:00", err, fault.Unauthenticated)

	one, first := begin()
	two, _ := begin()
	if one.Ceremony == two.Ceremony || member(t, one.PublicKey, "challenge") == member(t, two.PublicKey, "challenge") {
		t.Error("two ceremonies share a challenge")
	}
	crossed := bytes.Replace(first, []byte(one.Ceremony), []byte(two.Ceremony), 1)
	_, err = h.finishSignIn(t, crossed)
	wantKind(t, "answer to another challenge", err, fault.Unauthenticated)
}

func TestMalformedAnswers(t *testing.T) {
	h := lite(t, "test")
	id, a, key := mia(t, h)
	o, err := h.rooms.BeginSignIn()
	if err != nil {
		t.Fatal(err)
	}
	good := identitytest.Answer(t, o.Ceremony, a.Get(t, o.PublicKey, key))
	for name, b := range map[string][]byte{
		"empty":           nil,
		"not JSON":        []byte("{"),
		"nothing in it":   []byte("{}"),
		"more after it":   append(bytes.Clone(good), '1'),
		"unknown member":  bytes.Replace(good, []byte(`{"ceremony"`), []byte(`{"admin":1,"ceremony"`), 1),
		"huge":            append(bytes.Clone(good), bytes.Repeat([]byte{' '}, identity.MaxAnswer)...),
		"own ceremony":    identitytest.Answer(t, base64.RawURLEncoding.EncodeToString(make([]byte, 80)), a.Get(t, o.PublicKey, key)),
		"not base64":      identitytest.Answer(t, "*", a.Get(t, o.PublicKey, key)),
		"no credential":   identitytest.Answer(t, o.Ceremony, json.RawMessage(`{}`)),
		"not an object":   identitytest.Answer(t, o.Ceremony, json.RawMessage(`7`)),
		"creation's form": identitytest.Answer(t, o.Ceremony, json.RawMessage(`{"id":"AA","rawId":"AA","type":"public-key","response":{"attestationObject":"AA"}}`)),
	} {
		_, err := h.rooms.FinishSignIn(t.Context(), b)
		wantKind(t, "sign in: "+name, err, fault.Unauthenticated)
		_, err = h.rooms.FinishEnrol(t.Context(), phi.Text{}, b)
		wantKind(t, "enrol: "+name, err, fault.Unauthenticated)
		_, err = h.rooms.FinishStepUp(t.Context(), patient(h, id), b)
		wantKind(t, "step up: "+name, err, fault.Unauthenticated)
		_, err = h.rooms.FinishAdd(t.Context(), patient(h, id), phi.Text{}, b)
		wantKind(t, "add: "+name, err, fault.Unauthenticated)
	}
}

// A signature counter that stands still or falls back: somebody has a copy.
func TestCopiedPasskeyIsRefused(t *testing.T) {
	covers.Covers(t, "AC-4")
	each(t, func(t *testing.T, h *house) {
		id, a, key := mia(t, h)
		key.Count = 7
		copied := *key
		for range 2 {
			if _, err := h.signIn(t, a, key); err != nil {
				t.Fatal(err)
			}
		}
		_, err := h.signIn(t, a, &copied)
		wantKind(t, "copy", err, fault.Unauthenticated)
		h.wantAlarm(t, "passkey: the signature counter did not grow; the passkey may have been copied", id)

		// Two answers with the same count at the same time: the second is refused
		// when the first has been recorded.
		grants := make([]access.Grant, 2)
		there := make([]*identity.Presence, 2)
		count := key.Count
		for i := range there {
			key.Count = count
			o, err := h.rooms.BeginSignIn()
			if err != nil {
				t.Fatal(err)
			}
			if there[i], err = h.rooms.FinishSignIn(t.Context(), identitytest.Answer(t, o.Ceremony, a.Get(t, o.PublicKey, key))); err != nil {
				t.Fatal(err)
			}
			grants[i] = vaulttest.Grant(t, h.gate, there[i].Ask(vaulttest.Request()))
		}
		if err := h.rooms.Record(t.Context(), grants[0], there[0]); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "same count", h.rooms.Record(t.Context(), grants[1], there[1]), fault.Unauthenticated)
		h.wantAlarm(t, "passkey: the signature counter did not grow; the passkey may have been copied", id)
	})
}

// Backup eligibility never changes in the life of a passkey.
func TestBackupFlagsAreKept(t *testing.T) {
	covers.Covers(t, "AC-4")
	h := lite(t, "test")
	id := h.account(t, identity.NewAccount{Roles: []person.Role{person.RolePatient}})
	a := device()
	a.Synced = true
	key := h.enrol(t, id, a)
	if list := h.passkeys(t, id); len(list) != 1 || !list[0].Synced {
		t.Errorf("passkeys: %+v", list)
	}
	plain := device()
	impostor := h.enrol(t, id, plain)
	if _, err := h.signIn(t, a, key); err != nil {
		t.Errorf("synced: %v", err)
	}
	if _, err := h.signIn(t, plain, impostor); err != nil {
		t.Errorf("device bound: %v", err)
	}
	if list := h.passkeys(t, id); len(list) != 2 || list[0].Synced == list[1].Synced {
		t.Errorf("passkeys: %+v", list)
	}
	key.Synced, impostor.Synced = false, true
	_, err := h.signIn(t, a, key)
	wantKind(t, "no longer eligible", err, fault.Unauthenticated)
	_, err = h.signIn(t, plain, impostor)
	wantKind(t, "suddenly eligible", err, fault.Unauthenticated)
}

func TestEnrolmentLinkWorksOnceAndInTime(t *testing.T) {
	covers.Covers(t, "AC-4")
	each(t, func(t *testing.T, h *house) {
		id := h.account(t, identity.NewAccount{Roles: []person.Role{person.RolePatient}})
		refused := func(name, token string) {
			t.Helper()
			_, err := h.rooms.BeginEnrol(t.Context(), token)
			wantKind(t, name, err, fault.Unauthenticated)
		}
		voided, good := h.invite(t, id), h.invite(t, id)
		refused("voided by a new one", voided)
		other := byte('A') // in place of a letter that is another one
		if good[len(good)-2] == other {
			other = 'B'
		}
		refused("another secret", good[:len(good)-2]+string(other)+good[len(good)-1:])
		refused("no secret", id.String())
		refused("no account", newAccount(t).String()+good[strings.Index(good, "."):])
		refused("no token", "")

		o, err := h.rooms.BeginEnrol(t.Context(), good)
		if err != nil {
			t.Fatal(err)
		}
		answer := identitytest.Answer(t, o.Ceremony, device().Create(t, o.PublicKey))
		late := h.invite(t, id) // and the ceremony of the link before is void
		p, err := h.rooms.FinishEnrol(t.Context(), phi.NewText("phone"), answer)
		wantKind(t, "voided after it began", h.do(t, person.Stranger(vaulttest.Request()), p, err), fault.Unauthenticated)
		if ok, err := h.rooms.Enrolled(t.Context(), id); ok || err != nil {
			t.Errorf("enrolled: %v, %v", ok, err)
		}

		h.Clock.Add(30*time.Minute - time.Second)
		if _, err := h.rooms.BeginEnrol(t.Context(), late); err != nil {
			t.Errorf("after 29:59: %v", err)
		}
		h.Clock.Add(time.Second)
		refused("after 30:00", late)

		used := h.invite(t, id)
		h.accept(t, used, device())
		refused("used", used)
	})
}

// An answer for one purpose, person, session or act serves no other.
func TestStepUpAndApprovalAreBound(t *testing.T) {
	covers.Covers(t, "AC-4")
	h := lite(t, "test")
	id, a, key := mia(t, h)
	otherID, b, otherKey := mia(t, h)
	me, other := patient(h, id), patient(h, otherID)
	act, another := [32]byte{1}, [32]byte{2}

	o, err := h.rooms.BeginStepUp(t.Context(), me)
	if err != nil {
		t.Fatal(err)
	}
	answer := identitytest.Answer(t, o.Ceremony, a.Get(t, o.PublicKey, key))
	_, err = h.rooms.FinishSignIn(t.Context(), answer)
	wantKind(t, "step-up as sign-in", err, fault.Unauthenticated)
	_, err = h.rooms.FinishApproval(t.Context(), me, act, answer)
	wantKind(t, "step-up as approval", err, fault.Unauthenticated)
	_, err = h.rooms.FinishStepUp(t.Context(), other, answer)
	wantKind(t, "another person's", err, fault.Unauthenticated)
	elsewhere := person.NewPerson(person.PersonConfig{Account: id, Role: person.RolePatient, Device: "4567"})
	_, err = h.rooms.FinishStepUp(t.Context(), elsewhere, answer)
	wantKind(t, "another session's", err, fault.Unauthenticated)
	_, err = h.rooms.FinishStepUp(t.Context(), me, identitytest.Answer(t, o.Ceremony, b.Get(t, o.PublicKey, otherKey)))
	wantKind(t, "with another's passkey", err, fault.Unauthenticated)
	p, err := h.rooms.FinishStepUp(t.Context(), me, answer)
	if err != nil || p.Account() != id {
		t.Fatalf("step-up: %v", err)
	}
	if err := h.rooms.Record(t.Context(), vaulttest.Grant(t, h.gate, p.Ask(vaulttest.Request())), p); err != nil {
		t.Errorf("record: %v", err)
	}

	if o, err = h.rooms.BeginApproval(t.Context(), me, act); err != nil {
		t.Fatal(err)
	}
	answer = identitytest.Answer(t, o.Ceremony, a.Get(t, o.PublicKey, key))
	_, err = h.rooms.FinishApproval(t.Context(), me, another, answer)
	wantKind(t, "another act", err, fault.Unauthenticated)
	if p, err := h.rooms.FinishApproval(t.Context(), me, act, answer); err != nil || p.Proof().Method != "passkey" {
		t.Errorf("approval: %v", err)
	}
	_, err = h.rooms.BeginStepUp(t.Context(), person.Stranger(vaulttest.Request()))
	wantKind(t, "a stranger", err, fault.Unauthenticated)
	_, err = h.rooms.BeginStepUp(t.Context(), patient(h, newAccount(t)))
	wantKind(t, "nobody", err, fault.Unauthenticated)
}

func TestManagePasskeys(t *testing.T) {
	covers.Covers(t, "AC-4")
	each(t, func(t *testing.T, h *house) {
		id, a, key := mia(t, h)
		me := patient(h, id)
		only := h.passkeys(t, id)[0].ID
		p, err := h.rooms.Plan(t.Context(), id, identity.RemovePasskey(only))
		wantKind(t, "remove the last", h.do(t, me, p, err), fault.Conflict)

		o, err := h.rooms.BeginAdd(t.Context(), me)
		if err != nil {
			t.Fatal(err)
		}
		if a.Create(t, o.PublicKey) != nil {
			t.Error("the phone was asked for a second passkey")
		}
		laptop := device()
		answer := identitytest.Answer(t, o.Ceremony, laptop.Create(t, o.PublicKey))
		otherID, _, _ := mia(t, h)
		_, err = h.rooms.FinishAdd(t.Context(), patient(h, otherID), phi.NewText("x"), answer)
		wantKind(t, "another person adds it", err, fault.Unauthenticated)
		plan, err := h.rooms.FinishAdd(t.Context(), me, phi.NewText("laptop"), answer)
		h.must(t, me, plan, err)
		_, err = h.rooms.FinishAdd(t.Context(), me, phi.NewText("laptop"), answer)
		wantKind(t, "twice", err, fault.Unauthenticated)
		if _, err := h.signIn(t, laptop, laptop.Passkeys[0]); err != nil {
			t.Errorf("sign in with the laptop: %v", err)
		}

		p, err = h.rooms.Plan(t.Context(), id, identity.RenamePasskey(only, phi.NewText("old phone")))
		h.must(t, me, p, err)
		p, err = h.rooms.Plan(t.Context(), id, identity.RenamePasskey(only, phi.NewText("a\nb")))
		wantKind(t, "rename to two lines", h.do(t, me, p, err), fault.Invalid)
		p, err = h.rooms.Plan(t.Context(), id, identity.RenamePasskey("00", phi.NewText("x")))
		wantKind(t, "rename none", h.do(t, me, p, err), fault.NotFound)
		p, err = h.rooms.Plan(t.Context(), id, identity.ChooseLanguage(strings.Repeat("e", 17)))
		wantKind(t, "language", h.do(t, me, p, err), fault.Invalid)
		if list := h.passkeys(t, id); len(list) != 2 || list[0].Name.Reveal()+list[1].Name.Reveal() != "old phonelaptop" &&
			list[0].Name.Reveal()+list[1].Name.Reveal() != "laptopold phone" {
			t.Errorf("passkeys: %d, %q", len(list), list[0].Name.Reveal())
		}
		p, err = h.rooms.Plan(t.Context(), id, identity.RemovePasskey(only))
		h.must(t, me, p, err)
		_, err = h.signIn(t, a, key)
		wantKind(t, "with the removed one", err, fault.Unauthenticated)
	})
}

// A passkey that was removed while it was being used lets nobody in.
func TestRemovedWhileSigningIn(t *testing.T) {
	h := lite(t, "test")
	id, a, key := mia(t, h)
	if _, err := h.signIn(t, a, key); err != nil { // so that the next one has nothing new to record
		t.Fatal(err)
	}
	first := h.passkeys(t, id)[0].ID
	h.Clock.Add(time.Second)
	h.enrol(t, id, device())
	o, err := h.rooms.BeginSignIn()
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.rooms.FinishSignIn(t.Context(), identitytest.Answer(t, o.Ceremony, a.Get(t, o.PublicKey, key)))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := h.rooms.Plan(t.Context(), id, identity.RemovePasskey(first))
	h.must(t, patient(h, id), plan, err)
	g := vaulttest.Grant(t, h.gate, p.Ask(vaulttest.Request()))
	wantKind(t, "removed", h.rooms.Record(t.Context(), g, p), fault.Unauthenticated)
}
