package session_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// The limits of the model's patients.
const (
	modelIdle = 15 * time.Minute
	modelLife = 12 * time.Hour
	modelMost = 4
)

// known is what the model says of one secret.
type known struct {
	secret        string
	created, used time.Time
	token         bool
	life          time.Duration
	ended         bool
}

func (k *known) alive(now time.Time) bool {
	return !k.ended && now.Before(k.created.Add(k.life)) && (k.token || now.Before(k.used.Add(modelIdle)))
}

// model is one account's sessions as a reader of the rules expects them.
type model struct {
	t       *testing.T
	h       *house
	account person.AccountID
	all     []*known
}

func (m *model) living() []*known {
	var out []*known
	for _, k := range m.all {
		if k.alive(m.h.Clock.Now()) {
			out = append(out, k)
		}
	}
	return out
}

// add remembers a new secret, and that the oldest makes way.
func (m *model) add(k *known) {
	alive := m.living()
	slices.SortStableFunc(alive, func(a, b *known) int { return a.created.Compare(b.created) })
	for len(alive) >= modelMost {
		alive[0].ended, alive = true, alive[1:]
	}
	// Two of one age: which of them goes is not promised. Ages differ here.
	m.h.Clock.Add(time.Millisecond)
	m.all = append(m.all, k)
}

func (m *model) resolve(k *known) (person.Caller, error) {
	if k.token {
		return m.h.rooms.ResolveToken(m.t.Context(), k.secret, person.Request{})
	}
	return m.h.rooms.Resolve(m.t.Context(), k.secret, person.Request{})
}

// check resolves k and compares with the model. Its use counts.
func (m *model) check(t *rapid.T, k *known) (person.Caller, bool) {
	want := k.alive(m.h.Clock.Now())
	c, err := m.resolve(k)
	if (err == nil) != want || err != nil && !fault.Is(err, fault.Unauthenticated) {
		t.Fatalf("resolve: %v; the model says alive is %v", err, want)
	}
	if want {
		k.used = m.h.Clock.Now()
	}
	return c, want
}

// pick draws a secret, one that never was when there is none yet.
func (m *model) pick(t *rapid.T) *known {
	if len(m.all) == 0 {
		return &known{secret: strings.Repeat("A", 43), ended: true}
	}
	return m.all[rapid.IntRange(0, len(m.all)-1).Draw(t, "which")]
}

// signIn with or without a cookie that came along.
func (m *model) signIn(t *rapid.T) {
	b := session.Begin{Proof: m.h.presence()}
	if len(m.all) > 0 && rapid.Bool().Draw(t, "cookie came along") {
		old := m.pick(t)
		b.Old = old.secret
		old.ended = old.ended || !old.token // a token is no cookie
		if old.token {
			b.Old = old.secret[3:]
		}
	}
	now := m.h.Clock.Now()
	m.add(&known{secret: m.h.start(m.t, m.account, b), created: now, used: now, life: modelLife})
}

func (m *model) mint(t *rapid.T) {
	life := time.Duration(rapid.IntRange(1, 60).Draw(t, "minutes")) * time.Minute
	g := m.h.grant(m.t, vaulttest.Operator(), access.MintToken, m.account)
	token, err := m.h.rooms.MintToken(m.t.Context(), g, "", life)
	if err != nil {
		t.Fatal(err)
	}
	m.add(&known{secret: token, created: m.h.Clock.Now(), token: true, life: life})
}

func (m *model) rotate(t *rapid.T) {
	k := m.pick(t)
	c, ok := m.check(t, k)
	if !ok {
		return
	}
	g := m.h.grant(m.t, stranger(), access.SignIn, m.account)
	secret, err := m.h.rooms.Rotate(m.t.Context(), g, c, m.h.presence(), "")
	if k.token {
		if !fault.Is(err, fault.Unauthenticated) {
			t.Fatalf("rotate a token: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	next := *k
	next.secret, k.ended = secret, true
	m.all = append(m.all, &next)
}

func (m *model) end(t *rapid.T) {
	k := m.pick(t)
	c, ok := m.check(t, k)
	if !ok || k.token {
		return
	}
	switch rapid.SampledFrom([]string{"sign out", "end", "end others"}).Draw(t, "how") {
	case "sign out":
		if err := m.h.rooms.SignOut(m.t.Context(), m.h.grant(m.t, c, access.SignOut, m.account)); err != nil {
			t.Fatal(err)
		}
		k.ended = true
	case "end":
		if err := m.h.rooms.End(m.t.Context(), m.h.grant(m.t, c, access.EndSession, m.account), c.Device()); err != nil {
			t.Fatal(err)
		}
		k.ended = true
	default:
		if err := m.h.rooms.EndAll(m.t.Context(), m.h.grant(m.t, c, access.EndSession, m.account), c.Device()); err != nil {
			t.Fatal(err)
		}
		for _, other := range m.all {
			other.ended = other.ended || other != k
		}
	}
}

// Whatever happens in whatever order: a secret works exactly as long as the
// rules say.
func TestSessionsFollowTheModel(t *testing.T) {
	covers.Covers(t, "HC-6c", "AC-8b")
	h := lite(t, "test")
	h = furnish(t, h.Kit, h.people, session.Limits{PatientIdle: modelIdle, PatientLife: modelLife, Most: modelMost})
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{t: t, h: h, account: h.account(t, person.RolePatient)}
		rt.Repeat(map[string]func(*rapid.T){
			"sign in": m.signIn,
			"mint":    m.mint,
			"use":     func(rt *rapid.T) { m.check(rt, m.pick(rt)) },
			"rotate":  m.rotate,
			"end":     m.end,
			"wait": func(rt *rapid.T) {
				h.Clock.Add(time.Duration(rapid.IntRange(1, 1000).Draw(rt, "seconds")) * time.Second)
			},
			"wait to the limit": func(rt *rapid.T) {
				if k := m.pick(rt); k.alive(h.Clock.Now()) && !k.token {
					h.Clock.Add(k.used.Add(modelIdle).Sub(h.Clock.Now()) + time.Duration(rapid.IntRange(-1, 1).Draw(rt, "second"))*time.Second)
				}
			},
			"wait long": func(*rapid.T) { h.Clock.Add(11 * time.Hour) },
			"": func(rt *rapid.T) {
				if found := h.Alarms.Take(); len(found) != 0 {
					rt.Fatalf("alarms: %v", fmt.Sprint(found))
				}
			},
		})
		for _, k := range m.all {
			m.check(rt, k)
		}
	})
}
