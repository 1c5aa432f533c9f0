package risk

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/route"
)

// Rates are limits of rates by class of route. A class that is missing has the one of
// pages.
type Rates map[route.Class]Rate

// Config describes a Limiter; every field is required.
type Config struct {
	Clock   func() time.Time
	Address Rates // of whoever has not been met: strangers, mostly
	Account Rates // of one account, all its sessions and tokens together
	Token   Rates // of one token
	// AtOnce is how many requests of one account may run at once.
	AtOnce int
}

// careFactor is how much more than others those who treat patients may send: they are
// stopped last.
const careFactor = 4

// tableSets is how many sets of keys each class of each table has: 16,384 keys.
const tableSets = 2048

// Limiter bounds how often an address, an account and a token come. It is safe for
// concurrent use and asks nobody: it stands before everything else.
//
// A request whose credential was good a moment ago is its account's and is not counted
// against its address; so whoever floods from behind the one address of a clinic stops the
// strangers there, and not those who are signed in. One whose credential is new or was
// never good is its address's.
type Limiter struct {
	clock   func() time.Time
	start   time.Time
	seed    maphash.Seed
	address *dimension
	account *dimension
	care    [limits]limit // of an account that treats patients
	token   *dimension
	met     *met
	told    *table

	most    int
	mu      sync.Mutex
	running map[person.AccountID]int
}

// limits is how many classes there are room for.
const limits = 8

// dimension is one kind of key: a limit and a table for each class.
type dimension struct {
	limit  [limits]limit
	tables [limits]atomic.Pointer[table]
}

func newDimension(r Rates) *dimension { return &dimension{limit: limitsOf(r, 1)} }

// table is that of a class, made when the first request of it comes: a clinic whose
// programs are few has no memory lying idle for them.
func (d *dimension) table(c route.Class) *table {
	if t := d.tables[c].Load(); t != nil {
		return t
	}
	d.tables[c].CompareAndSwap(nil, newTable(tableSets))
	return d.tables[c].Load()
}

func limitsOf(r Rates, times int) (out [limits]limit) {
	for _, c := range route.Classes() {
		rate, ok := r[c]
		if !ok {
			rate = r[route.Page]
		}
		out[c] = rate.times(times).limit()
	}
	return out
}

// NewLimiter makes a Limiter that nobody has come to yet.
func NewLimiter(c Config) *Limiter {
	return &Limiter{clock: c.Clock, start: c.Clock(), seed: maphash.MakeSeed(), address: newDimension(c.Address), account: newDimension(c.Account),
		care: limitsOf(c.Account, careFactor), token: newDimension(c.Token), met: newMet(),
		told: newTable(tableSets), most: c.AtOnce,
		running: map[person.AccountID]int{}}
}

// Comer is who a request is counted against.
type Comer struct {
	Account person.AccountID // zero for whoever has not been met
	Kind    person.CallerKind
	Device  string // of the session or token
	Role    person.Role
}

// Verdict is what a Limiter says of a request.
type Verdict struct {
	Comer Comer
	Wait  time.Duration // 0: let it in; else come again after so long
	What  string        // which limit it was: "address", "account" or "token"
}

// Ask counts a request of class from address with credential, the secret of a cookie
// or a token, empty for none. When it returns no Wait, Done follows.
func (l *Limiter) Ask(c route.Class, address netip.Prefix, credential string) Verdict {
	now := l.now()
	if credential != "" {
		if who, ok := l.met.find(l.key(credential), now); ok {
			v := l.askAccount(c, who, now)
			if v.Wait == 0 && !l.enter(who.Account) {
				v.Wait, v.What = time.Second, "account"
			}
			return v
		}
	}
	wait, _ := l.address.table(c).take(some(maphash.Comparable(l.seed, address)), now, l.address.limit[c])
	return Verdict{Wait: wait, What: "address"}
}

func (l *Limiter) askAccount(c route.Class, who Comer, now int64) Verdict {
	v := Verdict{Comer: who, What: "token"}
	if who.Kind == person.KindToken {
		if v.Wait, _ = l.token.table(c).take(l.key(who.Device), now, l.token.limit[c]); v.Wait > 0 {
			return v
		}
	}
	most := l.account.limit[c]
	if who.Role == person.RoleClinician || who.Role == person.RoleNurse {
		most = l.care[c]
	}
	v.What = "account"
	v.Wait, _ = l.account.table(c).take(some(maphash.Comparable(l.seed, who.Account)), now, most)
	return v
}

// enter takes one of the places that an account has for requests at once.
func (l *Limiter) enter(a person.AccountID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[a] >= l.most {
		return false
	}
	l.running[a]++
	return true
}

// explanations is how often an address is told with a whole page that it has to wait;
// writing one costs more than the refusal saves.
func explanations() Rate { return Rate{N: 10, Per: time.Minute} }

// Explain reports whether a refusal is to be explained with a page.
func (l *Limiter) Explain(address netip.Prefix) bool {
	_, ok := l.told.take(some(maphash.Comparable(l.seed, address)), l.now(), explanations().limit())
	return ok
}

// Done gives back what Ask let in.
func (l *Limiter) Done(v Verdict) {
	if v.Comer.Account.IsZero() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[v.Comer.Account]--; l.running[v.Comer.Account] <= 0 {
		delete(l.running, v.Comer.Account)
	}
}

// Met tells that credential was good and whose it is.
func (l *Limiter) Met(credential string, c person.Caller) {
	l.met.put(l.key(credential), l.now(), Comer{Account: c.Account(), Kind: c.Kind(),
		Device: c.Device(), Role: c.Role()})
}

// Lost tells that credential is good for nothing.
func (l *Limiter) Lost(credential string) { l.met.drop(l.key(credential)) }

func (l *Limiter) key(s string) uint64 { return some(maphash.String(l.seed, s)) }

// now is the time since the start: a clock that is set meanwhile takes or gives nobody
// anything.
func (l *Limiter) now() int64 { return int64(l.clock().Sub(l.start)) }

// some is a key, which is never the one of an empty slot.
func some(hash uint64) uint64 { return max(hash, 1) }
