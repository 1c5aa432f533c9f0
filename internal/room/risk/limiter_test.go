package risk

import (
	"net/netip"
	"runtime"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/route"
	"postern.example/postern/test/covers"
)

// hand is a clock that tests move by hand.
type hand struct{ at time.Time }

func (h *hand) now() time.Time          { return h.at }
func (h *hand) forward(d time.Duration) { h.at = h.at.Add(d) }

func newHand() *hand { return &hand{time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)} }

func from(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func limiter(h *hand) *Limiter {
	return NewLimiter(Config{Clock: h.now, AtOnce: 3,
		Address: Rates{route.Page: {10, time.Minute}, route.Entry: {4, time.Minute}},
		Account: Rates{route.Page: {20, time.Minute}},
		Token:   Rates{route.Page: {5, time.Minute}}})
}

// person whose session or token has this secret.
func caller(n byte, role person.Role, token bool) person.Caller {
	id, _ := person.AccountIDFromBytes([]byte{15: n})
	return person.NewPerson(person.PersonConfig{Account: id, Role: role, Token: token, Device: "device " + strconv.Itoa(int(n))})
}

// ask sends n requests, one after the other, and says how many were let in.
func ask(l *Limiter, n int, c route.Class, address, credential string) (in int, last Verdict) {
	for range n {
		if last = l.Ask(c, from(address), credential); last.Wait == 0 {
			in++
			l.Done(last)
		}
	}
	return in, last
}

// A stranger gets his share, hears how long to wait, and that is true.
func TestAStrangerIsSlowedDown(t *testing.T) {
	covers.Covers(t, "SD-6")
	h := newHand()
	l := limiter(h)
	in, v := ask(l, 30, route.Page, "192.0.2.7/32", "")
	if in != 10 || v.What != "address" || v.Wait != 6*time.Second {
		t.Fatalf("%d let in, %+v", in, v)
	}
	if in, _ := ask(l, 1, route.Page, "192.0.2.8/32", ""); in != 1 {
		t.Error("the neighbour was stopped too")
	}
	if in, _ := ask(l, 9, route.Entry, "192.0.2.7/32", ""); in != 4 {
		t.Errorf("sign-in has a limit of its own: %d", in)
	}
	if in, _ := ask(l, 1, route.Search, "192.0.2.9/32", ""); in != 1 {
		t.Error("a class without a limit has none at all")
	}
	h.forward(v.Wait - 1)
	if in, _ := ask(l, 1, route.Page, "192.0.2.7/32", ""); in != 0 {
		t.Error("it was too early")
	}
	h.forward(1)
	if in, _ := ask(l, 2, route.Page, "192.0.2.7/32", ""); in != 1 {
		t.Errorf("after the time that was said %d were let in", in)
	}
}

// In the waiting room a visitor lets a program run against the clinic's one address.
// Nurse Amara, who is signed in, works on, with four times what a patient has; whoever sends an invented cookie does not.
func TestAVisitorDoesNotStopTheNurse(t *testing.T) {
	covers.Covers(t, "SD-6")
	h := newHand()
	l := limiter(h)
	const clinic = "198.51.100.1/32"
	l.Met("amara", caller(1, person.RoleNurse, false))
	ask(l, 100, route.Page, clinic, "")
	if in, v := ask(l, 200, route.Page, clinic, "amara"); in != 80 || v.What != "account" {
		t.Errorf("the nurse was let in %d times; %+v", in, v)
	}
	if in, _ := ask(l, 10, route.Page, clinic, "invented"); in != 0 {
		t.Errorf("an invented cookie was let in %d times", in)
	}
	l.Met("theo", caller(2, person.RolePatient, false))
	if in, _ := ask(l, 200, route.Page, clinic, "theo"); in != 20 {
		t.Errorf("a patient was let in %d times", in)
	}
	h.forward(metTime)
	l.Lost("theo") // signed out
	if in, _ := ask(l, 1, route.Page, "203.0.113.1/32", "theo"); in != 1 {
		t.Error("a cookie that is over is a stranger's, at another address")
	}
	if in, v := ask(l, 30, route.Page, "203.0.113.1/32", "amara"); in != 9 || v.What != "address" {
		t.Errorf("what was good long ago: %d, %+v", in, v)
	}
}

// Two phones of one person share what the account has, and a token has less.
func TestSessionsAndTokensOfOneAccountShare(t *testing.T) {
	l := limiter(newHand())
	l.Met("phone", caller(3, person.RolePatient, false))
	l.Met("tablet", caller(3, person.RolePatient, false))
	a, _ := ask(l, 15, route.Page, "192.0.2.1/32", "phone")
	b, v := ask(l, 15, route.Page, "192.0.2.2/32", "tablet")
	if a != 15 || b != 5 || v.What != "account" {
		t.Errorf("%d and %d, %+v", a, b, v)
	}
	l.Met("app", caller(4, person.RolePatient, true))
	if in, v := ask(l, 15, route.Page, "192.0.2.2/32", "app"); in != 5 || v.What != "token" {
		t.Errorf("the app: %d, %+v", in, v)
	}
}

// One account holds few requests at once, however slowly it reads the answers.
func TestAnAccountHoldsFewRequests(t *testing.T) {
	l := limiter(newHand())
	l.Met("app", caller(5, person.RoleClinician, false))
	var held []Verdict
	for range 3 {
		held = append(held, l.Ask(route.Page, from("192.0.2.1/32"), "app"))
	}
	if v := l.Ask(route.Page, from("192.0.2.1/32"), "app"); v.Wait != time.Second {
		t.Fatalf("the fourth at once: %+v", v)
	}
	l.Done(held[0])
	if v := l.Ask(route.Page, from("192.0.2.1/32"), "app"); v.Wait != 0 {
		t.Errorf("after one has gone: %+v", v)
	}
	for range 3 {
		l.Done(held[0])
	}
	l.Done(Verdict{})
	if len(l.running) != 0 {
		t.Errorf("%d accounts are remembered that hold nothing", len(l.running))
	}
}

// exact is the limiter that has all the memory that it wants.
type exact map[uint64]int64

func (m exact) take(key uint64, now int64, l limit) bool {
	next := max(m[key], now) + l.every
	if next-now > l.every*l.most {
		return false
	}
	m[key] = next
	return true
}

// Whatever comes in whatever order, a table that forgets never lets in what one that
// remembers everything would not: whoever is pushed out by others keeps the debt.
func TestForgettingForgivesNothing(t *testing.T) {
	covers.Covers(t, "SD-6")
	rapid.Check(t, func(t *rapid.T) {
		tab, all, now := newTable(1), exact{}, int64(0)
		l := limit{every: 10, most: int64(rapid.IntRange(1, 5).Draw(t, "most"))}
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			now += int64(rapid.SampledFrom([]int{0, 0, 0, 1, 7, 30}).Draw(t, "later"))
			key := uint64(rapid.IntRange(1, 3*ways).Draw(t, "who"))
			wait, ok := tab.take(key, now, l)
			if ok != (wait == 0) {
				t.Fatal("a refusal without a time, or the other way round")
			}
			// What the table refuses, the other is not asked.
			if ok && !all.take(key, now, l) {
				t.Fatalf("%d was let in at %d beyond its share", key, now)
			}
		}
	})
}

// With room for all it is the very same.
func TestWithRoomForAllNobodyPaysForOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, all, now := newTable(1), exact{}, int64(0)
		l := limit{every: 10, most: int64(rapid.IntRange(1, 5).Draw(t, "most"))}
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			now += int64(rapid.IntRange(0, 12).Draw(t, "later"))
			key := uint64(rapid.IntRange(1, ways).Draw(t, "who"))
			_, got := tab.take(key, now, l)
			if want := all.take(key, now, l); got != want {
				t.Fatalf("%d at %d: %v, want %v", key, now, got, want)
			}
		}
	})
}

// A million addresses cost no memory, and do not make a guesser's debt forgotten.
func TestAMillionAddressesCostNothing(t *testing.T) {
	covers.Covers(t, "SD-6")
	h := newHand()
	l := limiter(h)
	ask(l, 100, route.Entry, "192.0.2.7/32", "")
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc) //#nosec G115 -- a size
	}
	before := heap()
	for i := range 1_000_000 {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		l.Ask(route.Entry, netip.PrefixFrom(a, 32), strconv.Itoa(i))
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("it holds %d KB", grown>>10)
	}
	if in, _ := ask(l, 1, route.Entry, "192.0.2.7/32", ""); in != 0 {
		t.Error("the crowd took the guesser's debt away")
	}
}

// A flood is explained now and then, and else answered in few words.
func TestFewRefusalsAreExplained(t *testing.T) {
	l, n := limiter(newHand()), 0
	for range 100 {
		if l.Explain(from("192.0.2.7/32")) {
			n++
		}
	}
	if n != explanations().N || !l.Explain(from("192.0.2.8/32")) {
		t.Errorf("%d were explained", n)
	}
}

// What is remembered of good credentials is bounded; whoever came least lately is
// counted against the address again.
func TestFewCredentialsAreRemembered(t *testing.T) {
	m := newMet()
	for i := range uint64(2 * ways) {
		m.put(1+i*metSets, int64(i), Comer{Device: "x"})
	}
	for i := range uint64(2 * ways) {
		if _, ok := m.find(1+i*metSets, 100); ok != (i >= ways) {
			t.Errorf("%d: %v", i, ok)
		}
	}
	m.put(1+9*metSets, 200, Comer{Device: "again"})
	if who, ok := m.find(1+9*metSets, 200); !ok || who.Device != "again" {
		t.Errorf("%+v, %v", who, ok)
	}
}

// It stands before every request.
func BenchmarkAskToken(b *testing.B) {
	l := NewLimiter(Config{Clock: time.Now, AtOnce: 100, Address: Rates{route.Page: {1e9, time.Minute}},
		Account: Rates{route.Page: {1e9, time.Minute}}, Token: Rates{route.Page: {1e9, time.Minute}}})
	l.Met("pt_0123456789012345678901234567890123456789012", caller(1, person.RoleClinician, true))
	p := from("192.0.2.1/32")
	b.ReportAllocs()
	for b.Loop() {
		v := l.Ask(route.Read, p, "pt_0123456789012345678901234567890123456789012")
		if v.Wait != 0 {
			b.Fatal("refused")
		}
		l.Done(v)
	}
}

func BenchmarkAskAddress(b *testing.B) {
	l := NewLimiter(Config{Clock: time.Now, Address: Rates{route.Page: {10, time.Minute}}})
	p := from("192.0.2.1/32")
	b.ReportAllocs()
	for b.Loop() {
		l.Ask(route.Page, p, "")
	}
}
