package session_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

func TestSignInMakesACaller(t *testing.T) {
	covers.Covers(t, "HC-6a", "AC-8b")
	each(t, func(t *testing.T, h *house) {
		mia := h.account(t, person.RolePatient)
		secret := h.signIn(t, mia)
		if len(secret) != 43 {
			t.Errorf("the secret has %d characters; 256 bits have 43", len(secret))
		}
		c := h.alive(t, secret)
		if c.Kind() != person.KindPerson || c.Account() != mia || c.Role() != person.RolePatient || c.Proof() != h.presence() ||
			c.Purpose() != person.PurposePatientRequest || c.Request() != vaulttest.Request() || c.Device() == "" || strings.Contains(secret, c.Device()) {
			t.Errorf("caller: %+v", c)
		}
		for _, row := range dbtest.Raw(h.DB).Query(t, `SELECT handle, body FROM session_row`) {
			if strings.Contains(string(row[0].([]byte))+string(row[1].([]byte)), secret) {
				t.Error("the secret is stored")
			}
		}
		h.dead(t, "no cookie", "")
		h.dead(t, "another secret", strings.Repeat("A", 43))
		h.dead(t, "cut off", secret[:42])
		h = h.restart(t)
		if again := h.alive(t, secret); again != c {
			t.Errorf("after a restart: %+v", again)
		}
	})
}

// Each role acts for its own purpose until the person states another.
func TestRolesAndPurposes(t *testing.T) {
	h := lite(t, "test")
	for role, purpose := range map[person.Role]person.Purpose{
		person.RolePatient: person.PurposePatientRequest, person.RoleClinician: person.PurposeTreatment, person.RoleNurse: person.PurposeTreatment,
		person.RoleAdministrator: person.PurposeOperations, person.RoleCompliance: person.PurposeAudit, person.RoleAuditor: person.PurposeAudit,
		person.RoleRecordsOffice: person.PurposeRecords, person.RoleFrontDesk: person.PurposeOperations, person.RoleBilling: person.PurposeOperations,
	} {
		c := h.alive(t, h.signIn(t, h.account(t, role)))
		if c.Role() != role || c.Purpose() != purpose {
			t.Errorf("%s acts as %s for %s, want %s", role, c.Role(), c.Purpose(), purpose)
		}
	}
	both := h.account(t, person.RoleNurse, person.RolePatient)
	if c := h.alive(t, h.signIn(t, both)); c.Role() != person.RolePatient {
		t.Errorf("acts as %s unasked", c.Role())
	}
	if c := h.alive(t, h.start(t, both, session.Begin{Proof: h.presence(), Role: person.RoleNurse})); c.Role() != person.RoleNurse {
		t.Errorf("acts as %s, asked for nurse", c.Role())
	}
	g := h.grant(t, stranger(), access.SignIn, both)
	wantKind(t, "a role not held", second(h.rooms.Start(t.Context(), g, session.Begin{Role: person.RoleClinician})), fault.Denied)
}

// One second before a limit the session is alive, at and after it gone.
func TestLimits(t *testing.T) {
	covers.Covers(t, "HC-6c")
	for name, c := range map[string]struct {
		role       person.Role
		idle, life time.Duration
	}{
		"patient": {person.RolePatient, 15 * time.Minute, 12 * time.Hour},
		"staff":   {person.RoleNurse, 10 * time.Minute, 8 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				account := h.account(t, c.role)
				used, left := h.signIn(t, account), h.signIn(t, account)
				h.Clock.Add(c.idle - time.Second)
				h.alive(t, used) // starts its idle time anew
				h.Clock.Add(2 * time.Second)
				h.alive(t, used)
				h.dead(t, "one second over the idle limit", left)
				h.Clock.Add(c.idle)
				h.dead(t, "at the idle limit", used)

				start := h.Clock.Now()
				busy := h.signIn(t, account)
				for h.Clock.Now().Before(start.Add(c.life - c.idle)) {
					h.Clock.Add(c.idle - time.Second)
					h.alive(t, busy)
				}
				h.Clock.Add(start.Add(c.life - time.Second).Sub(h.Clock.Now()))
				h.alive(t, busy)
				h.Clock.Add(2 * time.Second)
				h.dead(t, "one second over the absolute limit", busy)
			})
		})
	}
}

// The limits are configurable.
func TestConfiguredLimits(t *testing.T) {
	covers.Covers(t, "HC-6c")
	h := lite(t, "test")
	h = furnish(t, h.Kit, h.people, session.Limits{PatientIdle: time.Minute, PatientLife: time.Hour, Most: 2})
	secret := h.signIn(t, h.account(t, person.RolePatient))
	h.Clock.Add(time.Minute)
	h.dead(t, "idle for a minute", secret)
}

// After a restart the stored time of last use counts: it may be a little early,
// never late.
func TestIdleTimeSurvivesARestart(t *testing.T) {
	covers.Covers(t, "HC-6c")
	each(t, func(t *testing.T, h *house) {
		secret := h.signIn(t, h.account(t, person.RolePatient))
		h.Clock.Add(14 * time.Minute)
		h.alive(t, secret) // stored
		h.Clock.Add(2 * time.Minute)
		h.alive(t, secret) // too soon to be stored again
		h.rooms.Forget()
		h.Clock.Add(13*time.Minute - time.Second)
		h.alive(t, secret)
		h = h.restart(t)
		h.Clock.Add(15*time.Minute + time.Second)
		h.dead(t, "idle across a restart", secret)
	})
}

// Mia's tab asks again and again for an address that leads nowhere. She is recognized
// there, which is no use: it writes nothing, and her session ends as if nobody had come.
func TestRecognizingIsNoUse(t *testing.T) {
	covers.Covers(t, "HC-6c", "HC-8b")
	each(t, func(t *testing.T, h *house) {
		mia := h.account(t, person.RolePatient)
		secret := h.signIn(t, mia)
		stored := func() string {
			t.Helper()
			return fmt.Sprint(dbtest.Raw(h.DB).Query(t, `SELECT seen, body, version FROM session_row`))
		}
		h.alive(t, secret)
		before := stored()
		for range 2 {
			h.Clock.Add(7 * time.Minute)
			c, err := h.rooms.Recognize(t.Context(), secret, vaulttest.Request())
			if err != nil || c.Account() != mia || c.Role() != person.RolePatient || c.Request() != vaulttest.Request() {
				t.Fatalf("recognized %+v: %v", c, err)
			}
		}
		if stored() != before {
			t.Error("it was stored as a use")
		}
		h.Clock.Add(time.Minute + time.Second)
		for _, s := range []string{secret, "", strings.Repeat("A", 43)} {
			wantKind(t, "nobody", second(h.rooms.Recognize(t.Context(), s, vaulttest.Request())), fault.Unauthenticated)
		}
		h.dead(t, "idle", secret)
	})
}

// Rolling the stored time of last use back ends the session earlier; a later one
// cannot be made, and memory wins while the process lives.
func TestStoredUseCannotProlong(t *testing.T) {
	covers.Covers(t, "HC-6c", "HC-8b")
	each(t, func(t *testing.T, h *house) {
		raw := dbtest.Raw(h.DB)
		mia := h.account(t, person.RolePatient)
		secret, other := h.signIn(t, mia), h.signIn(t, mia)
		stored := func(s string) any {
			t.Helper()
			return raw.Query(t, `SELECT seen FROM session_row WHERE handle = ?`, h.Vault.Handle("session", s))[0][0]
		}
		put := func(v any, s string) {
			t.Helper()
			raw.Exec(t, `UPDATE session_row SET seen = ? WHERE handle = ?`, v, h.Vault.Handle("session", s))
		}
		h.Clock.Add(5 * time.Minute)
		h.alive(t, secret)
		early := stored(secret)
		h.Clock.Add(10 * time.Minute)
		h.alive(t, secret)
		put(early, secret)
		h.Clock.Add(14 * time.Minute)
		h.alive(t, secret) // memory wins
		late := stored(secret)
		put(early, secret)
		h.rooms.Forget()
		h.dead(t, "rolled back", secret)

		fresh := h.signIn(t, mia)
		put(late, fresh)
		h.rooms.Forget()
		_, err := h.resolve(t, fresh)
		wantKind(t, "another session's use", err, fault.Tampered)
		put([]byte("nonsense"), fresh)
		_, err = h.resolve(t, fresh)
		wantKind(t, "nonsense", err, fault.Tampered)
		put(nil, fresh)
		h.alive(t, fresh) // counts from its start
		_ = other
	})
}

// A clock that is set back brings nothing to life.
func TestClockSetBack(t *testing.T) {
	covers.Covers(t, "HC-6c")
	h := lite(t, "test")
	secret := h.signIn(t, h.account(t, person.RolePatient))
	h.Clock.Add(16 * time.Minute)
	h.dead(t, "idle", secret)
	h.Clock.Add(-10 * time.Minute)
	h.dead(t, "idle, with the clock set back", secret)
}

// Sign-in, step-up and change of role give a new secret, and the old one is dead.
func TestRotation(t *testing.T) {
	covers.Covers(t, "AC-8b")
	each(t, func(t *testing.T, h *house) {
		rosa := h.account(t, person.RolePatient, person.RoleNurse)
		planted := h.signIn(t, rosa)
		secret := h.start(t, rosa, session.Begin{Proof: h.presence(), Old: planted})
		h.dead(t, "cookie that came with the sign-in", planted)

		before := h.alive(t, secret)
		h.Clock.Add(6 * time.Minute)
		g := h.grant(t, stranger(), access.SignIn, rosa)
		stepped, err := h.rooms.Rotate(t.Context(), g, before, h.presence(), "")
		if err != nil {
			t.Fatal(err)
		}
		h.dead(t, "secret before the step-up", secret)
		after := h.alive(t, stepped)
		if after.Device() != before.Device() || after.Proof() != h.presence() || after.Role() != person.RolePatient {
			t.Errorf("after the step-up: %+v", after)
		}
		g = h.grant(t, stranger(), access.SignIn, rosa)
		nurse, err := h.rooms.Rotate(t.Context(), g, after, h.presence(), person.RoleNurse)
		if err != nil {
			t.Fatal(err)
		}
		h.dead(t, "secret before the change of role", stepped)
		if c := h.alive(t, nurse); c.Role() != person.RoleNurse || c.Purpose() != person.PurposeTreatment {
			t.Errorf("after the change of role: %+v", c)
		}
		wantKind(t, "a role not held", second(h.rooms.Rotate(t.Context(), g, after, h.presence(), person.RoleBilling)), fault.Denied)

		// A nurse's day is shorter than a patient's, and counts from the sign-in.
		for range 58 {
			h.Clock.Add(8 * time.Minute)
			h.alive(t, nurse)
		}
		h.Clock.Add(8 * time.Minute)
		h.alive(t, nurse)
		h.Clock.Add(3 * time.Minute)
		h.dead(t, "eight hours after the sign-in", nurse)
		g = h.grant(t, stranger(), access.SignIn, rosa)
		wantKind(t, "an ended session", second(h.rooms.Rotate(t.Context(), g, after, h.presence(), "")), fault.Unauthenticated)
		other := h.account(t, person.RolePatient)
		wantKind(t, "another's grant", second(h.rooms.Rotate(t.Context(), h.grant(t, stranger(), access.SignIn, other), after, h.presence(), "")), fault.Denied)
	})
}

func TestEndingSessions(t *testing.T) {
	covers.Covers(t, "AC-8b")
	each(t, func(t *testing.T, h *house) {
		mia := h.account(t, person.RolePatient)
		phone := h.start(t, mia, session.Begin{Proof: h.presence(), UserAgent: "Mozilla/5.0 (iPhone) Version/19.0 Safari/604.1"})
		h.Clock.Add(time.Minute)
		laptop, tablet := h.signIn(t, mia), h.signIn(t, mia)
		me := h.alive(t, phone)
		list, err := h.rooms.List(t.Context(), h.grant(t, me, access.ViewSecurity, mia))
		if err != nil || len(list) != 3 {
			t.Fatalf("list: %+v, %v", list, err)
		}
		last := list[2]
		if !last.Current || last.ID != me.Device() || last.Browser != "Safari" || last.System != "iOS" || last.Token ||
			!last.Created.Equal(h.Clock.Now().Add(-time.Minute)) || !last.Used.Equal(h.Clock.Now()) || list[0].Current {
			t.Errorf("list: %+v", list)
		}

		end := func(caller person.Caller, id string) error {
			return h.rooms.End(t.Context(), h.grant(t, caller, access.EndSession, mia), id)
		}
		if err := end(me, h.alive(t, laptop).Device()); err != nil {
			t.Errorf("end: %v", err)
		}
		h.dead(t, "ended", laptop)
		wantKind(t, "end it again", end(me, list[0].ID+"00"), fault.NotFound)
		wantKind(t, "no id", end(me, ""), fault.NotFound)

		out := h.grant(t, me, access.SignOut, mia)
		if err := h.rooms.SignOut(t.Context(), out); err != nil {
			t.Errorf("sign out: %v", err)
		}
		h.dead(t, "signed out", phone)
		if err := h.rooms.SignOut(t.Context(), out); err != nil {
			t.Errorf("sign out twice: %v", err)
		}

		keep := h.alive(t, tablet)
		more := h.signIn(t, mia)
		if err := h.rooms.EndAll(t.Context(), h.grant(t, keep, access.EndSession, mia), keep.Device()); err != nil {
			t.Errorf("end all others: %v", err)
		}
		h.dead(t, "another", more)
		h.alive(t, tablet)
		if err := h.rooms.EndAll(t.Context(), h.grant(t, keep, access.EndSession, mia), ""); err != nil {
			t.Errorf("end all: %v", err)
		}
		h.dead(t, "the own", tablet)
		if n := len(dbtest.Raw(h.DB).Query(t, `SELECT id FROM session_row WHERE kind <> 3`)); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// An administrator's suspension ends what is open.
func TestSuspensionEndsSessions(t *testing.T) {
	h := lite(t, "test")
	nurse, admin := h.account(t, person.RoleNurse), h.account(t, person.RoleAdministrator)
	secret := h.signIn(t, nurse)
	g := h.grant(t, h.alive(t, h.signIn(t, admin)), access.SuspendAccount, nurse)
	if err := h.rooms.EndAll(t.Context(), g, ""); err != nil {
		t.Fatal(err)
	}
	h.dead(t, "suspended", secret)
}

// A person has so many sessions at once; the oldest makes way. Expired ones go
// with the next change.
func TestSessionsAreBounded(t *testing.T) {
	h := lite(t, "test")
	mia := h.account(t, person.RolePatient)
	var all []string
	for range 21 {
		all = append(all, h.signIn(t, mia))
		h.Clock.Add(time.Second)
	}
	h.dead(t, "the oldest of 21", all[0])
	h.alive(t, all[1])
	h.Clock.Add(16 * time.Minute)
	h.signIn(t, mia)
	if n := len(dbtest.Raw(h.DB).Query(t, `SELECT id FROM session_row WHERE kind <> 3`)); n != 1 {
		t.Errorf("%d rows; the expired ones were kept", n)
	}
}

func TestGrantsAreChecked(t *testing.T) {
	h := lite(t, "test")
	mia := h.account(t, person.RolePatient)
	me := h.alive(t, h.signIn(t, mia))
	g := h.grant(t, me, access.RenamePasskey, mia)
	for name, err := range map[string]error{
		"start":    second(h.rooms.Start(t.Context(), g, session.Begin{})),
		"rotate":   second(h.rooms.Rotate(t.Context(), g, me, person.Proof{}, "")),
		"list":     second(h.rooms.List(t.Context(), g)),
		"token":    second(h.rooms.MintToken(t.Context(), g, "", time.Minute)),
		"sign out": h.rooms.SignOut(t.Context(), g),
		"end":      h.rooms.End(t.Context(), g, me.Device()),
		"end all":  h.rooms.EndAll(t.Context(), g, ""),
		"no grant": h.rooms.SignOut(t.Context(), access.Grant{}),
	} {
		wantKind(t, name, err, fault.Denied)
	}
	nobody, err := person.NewAccountID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h.people.roles[nobody] = []person.Role{person.RolePatient}
	_, err = h.rooms.Start(t.Context(), h.grant(t, stranger(), access.SignIn, nobody), session.Begin{})
	wantKind(t, "an account without a set", err, fault.NotFound)
}

// A form's token fits one secret.
func TestFormTokens(t *testing.T) {
	covers.Covers(t, "SD-5")
	h := lite(t, "test")
	mia := h.account(t, person.RolePatient)
	one, two := h.signIn(t, mia), h.signIn(t, mia)
	if err := h.rooms.CheckForm(one, h.rooms.FormToken(one)); err != nil {
		t.Errorf("own form: %v", err)
	}
	for name, token := range map[string]string{"another session's": h.rooms.FormToken(two), "none": "", "cut off": h.rooms.FormToken(one)[1:]} {
		wantKind(t, name, h.rooms.CheckForm(one, token), fault.Denied)
	}
	wantKind(t, "no session", h.rooms.CheckForm("", h.rooms.FormToken("")), fault.Denied)
	if h.rooms.FormToken(one) == one {
		t.Error("the form shows the secret")
	}
}

// Tokens act for a person in demo and test data, and are no cookies.
func TestTokens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		mia := h.account(t, person.RolePatient)
		mint := func(life time.Duration) (string, error) {
			return h.rooms.MintToken(t.Context(), h.grant(t, vaulttest.Operator(), access.MintToken, mia), "", life)
		}
		resolve := func(token string) (person.Caller, error) {
			return h.rooms.ResolveToken(t.Context(), token, vaulttest.Request())
		}
		token, err := mint(time.Hour)
		if err != nil || !strings.HasPrefix(token, "pt_") || len(token) != 46 {
			t.Fatalf("token of %d characters: %v", len(token), err)
		}
		c, err := resolve(token)
		if err != nil || c.Kind() != person.KindToken || c.Account() != mia || c.Role() != person.RolePatient || c.Proof() != (person.Proof{}) {
			t.Errorf("caller: %+v, %v", c, err)
		}
		secret := h.signIn(t, mia)
		for name, s := range map[string]string{"token as cookie": token, "its secret as cookie": token[3:]} {
			h.dead(t, name, s)
		}
		for name, s := range map[string]string{"cookie as token": secret, "with a prefix": "pt_" + secret, "empty": "", "prefix": "pt_", "unknown": "pt_" + strings.Repeat("A", 43)} {
			wantKind(t, name, second(resolve(s)), fault.Unauthenticated)
		}
		wantKind(t, "61 minutes", second(mint(61*time.Minute)), fault.Invalid)
		wantKind(t, "no time", second(mint(0)), fault.Invalid)
		g := h.grant(t, vaulttest.Operator(), access.MintToken, mia)
		wantKind(t, "a role not held", second(h.rooms.MintToken(t.Context(), g, person.RoleNurse, time.Minute)), fault.Denied)
		h.Clock.Add(time.Hour - time.Second)
		if _, err := resolve(token); err != nil {
			t.Errorf("one second before its end: %v", err)
		}
		h.Clock.Add(time.Second)
		wantKind(t, "at its end", second(resolve(token)), fault.Unauthenticated)
	})
}

// On production data no token is made, and one that was got into the database
// some other way is not looked at.
func TestNoTokensOnProduction(t *testing.T) {
	h := lite(t, "production")
	mia := h.account(t, person.RolePatient)
	g := h.grant(t, vaulttest.Operator(), access.MintToken, mia)
	wantKind(t, "mint", second(h.rooms.MintToken(t.Context(), g, "", time.Minute)), fault.Denied)
	c := config(t, h.Kit, h.people)
	c.Environment = "test"
	elsewhere, err := session.New(c)
	if err != nil {
		t.Fatal(err)
	}
	token, err := elsewhere.MintToken(t.Context(), g, "", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, "resolve", second(h.rooms.ResolveToken(t.Context(), token, vaulttest.Request())), fault.Unauthenticated)
}

// What the browser is told about the cookie.
func TestCookie(t *testing.T) {
	covers.Covers(t, "AC-8b")
	if got, want := session.Cookie("s3cret").String(), "__Host-postern=s3cret; Path=/; HttpOnly; Secure; SameSite=Lax"; got != want {
		t.Errorf("Set-Cookie: %s, want %s", got, want)
	}
	if got, want := session.NoCookie().String(), "__Host-postern=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"; got != want {
		t.Errorf("Set-Cookie: %s, want %s", got, want)
	}
}

func TestDescribe(t *testing.T) {
	for agent, want := range map[string][2]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0": {"Edge", "Windows"},
		"Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0":                                                        {"Firefox", "Linux"},
		"Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36":                  {"Chrome", "Android"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15":         {"Safari", "macOS"},
		"Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/156.0 Safari/604.1":               {"Chrome", "iPadOS"},
		"curl/8.9":                            {"", ""},
		"":                                    {"", ""},
		strings.Repeat("x", 600) + "Firefox/": {"", ""},
	} {
		if b, s := session.Describe(agent); b != want[0] || s != want[1] {
			t.Errorf("%.60q is %q on %q, want %q", agent, b, s, want)
		}
	}
}
