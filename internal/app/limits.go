package app

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern.example/postern/internal/room/risk"
	"postern.example/postern/internal/word/route"
)

// Limits bound what is open at once, how often somebody comes, and how much one person
// or program is given in a day.
type Limits struct {
	Connections           int `yaml:"connections,omitempty"`             // in all. Empty means 1024.
	ConnectionsPerAddress int `yaml:"connections_per_address,omitempty"` // of one IPv4 address or one /64 of IPv6. Empty means 64, and with plain HTTP as many as in all.
	RequestsPerAccount    int `yaml:"requests_per_account,omitempty"`    // at once. Empty means 32.
	// ClientHeader is the header in which the proxy before plain HTTP names its client,
	// such as X-Forwarded-For: the last address in it counts. Empty means that everybody
	// comes from the proxy's address.
	ClientHeader string     `yaml:"client_header,omitempty"`
	Address      Rates      `yaml:"address,omitempty"` // of strangers, and of whoever was not seen for a while
	Account      Rates      `yaml:"account,omitempty"` // of everything that one person has signed in with
	Token        TokenRates `yaml:"token,omitempty"`   // of one token

	ChartsPerDay    int `yaml:"charts_per_day,omitempty"`    // people whose charts one of the staff may open. Empty means 60.
	NamesPerDay     int `yaml:"names_per_day,omitempty"`     // people whose names one of the staff may list. Empty means 1000.
	ResourcesPerDay int `yaml:"resources_per_day,omitempty"` // resources that the tokens of one of the staff may be given. Empty means 2000.
}

// Rate is a limit such as "300/minute": so many at once, and then as many again in
// each second, minute or hour, evenly spread.
type Rate string

// Rates are limits by class of route.
type Rates struct {
	Page   Rate `yaml:"page,omitempty"`    // pages, and addresses that lead nowhere
	Asset  Rate `yaml:"asset,omitempty"`   // files that are the same for everybody
	Change Rate `yaml:"change,omitempty"`  // forms
	Entry  Rate `yaml:"sign_in,omitempty"` // steps of sign-in, enrolment and proving presence again
	Read   Rate `yaml:"read,omitempty"`    // reads by programs
	Search Rate `yaml:"search,omitempty"`  // searches by programs
	Heavy  Rate `yaml:"heavy,omitempty"`   // verifying and copying the whole log, and a whole record in one file
}

// TokenRates are the limits of a token, which comes to programs' routes alone.
type TokenRates struct {
	Read   Rate `yaml:"read,omitempty"`
	Search Rate `yaml:"search,omitempty"`
}

func (r Rates) byClass() map[route.Class]Rate {
	return map[route.Class]Rate{route.Page: r.Page, route.Asset: r.Asset, route.Change: r.Change, route.Entry: r.Entry,
		route.Read: r.Read, route.Search: r.Search, route.Heavy: r.Heavy}
}

// The defaults. Whoever works at a clinic of 200 behind one address signs in within the
// same quarter of an hour; a page with its files is some eight requests; a program reads
// a chart of 2,000 resources in two minutes.
func addressRates() Rates {
	return Rates{Page: "600/minute", Asset: "1200/minute", Change: "300/minute", Entry: "120/minute",
		Read: "1200/minute", Search: "600/minute", Heavy: "60/hour"}
}

func accountRates() Rates {
	return Rates{Page: "300/minute", Asset: "1200/minute", Change: "120/minute", Entry: "30/minute",
		Read: "3000/minute", Search: "1200/minute", Heavy: "6/hour"}
}

func tokenRates() TokenRates { return TokenRates{Read: "1500/minute", Search: "600/minute"} }

// NoLimits are limits that nobody reaches, for measurements and for tests of other
// things. What counts stays in the way.
func NoLimits() Limits {
	const most Rate = "100000000/second"
	all := Rates{most, most, most, most, most, most, most}
	return Limits{Address: all, Account: all, Token: TokenRates{most, most},
		Connections: mostConnections, ConnectionsPerAddress: mostConnections, RequestsPerAccount: mostConnections,
		ChartsPerDay: mostNumber, NamesPerDay: mostNumber, ResourcesPerDay: mostNumber}
}

// byProxy is how much more one address may send that stands for everybody.
const byProxy = 20

// Defaults and bounds of Limits. A connection costs up to some 100 KB, and the
// whole process should stay below 256 MiB.
const (
	connections     = 1024
	perAddress      = 64
	mostConnections = 100_000
	perAccount      = 32
	chartsPerDay    = 60
	namesPerDay     = 1000
	resourcesPerDay = 2000
	mostNumber      = 1_000_000_000
)

// parse reads a rate; empty is otherwise.
func (r Rate) parse(otherwise Rate) (risk.Rate, error) {
	number, unit, _ := strings.Cut(string(cmp.Or(r, otherwise)), "/")
	n, err := strconv.Atoi(number)
	per := map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour}[unit]
	if err != nil || n < 1 || n > mostNumber || per == 0 {
		return risk.Rate{}, fmt.Errorf("%q is not a rate such as 300/minute, 5/second or 12/hour", string(r))
	}
	return risk.Rate{N: n, Per: per}, nil
}

// parseRates reads the rates of one kind, with what is wrong with them.
func parseRates(name string, given, usual Rates, times int) (risk.Rates, []error) {
	out, otherwise := risk.Rates{}, usual.byClass()
	var errs []error
	for _, c := range route.Classes() {
		said := given.byClass()[c]
		rate, err := said.parse(otherwise[c])
		if err != nil {
			errs = append(errs, fmt.Errorf("limits.%s.%s: %w", name, c, err))
		}
		if said == "" {
			rate.N *= times
		}
		out[c] = rate
	}
	return out, errs
}

// rates are the limits of rates with their defaults.
func (c Config) rates() (r risk.Config, errs []error) {
	times := 1
	if !c.encrypted() && c.Limits.ClientHeader == "" {
		times = byProxy
	}
	var wrong [3][]error
	r.Address, wrong[0] = parseRates("address", c.Limits.Address, addressRates(), times)
	r.Account, wrong[1] = parseRates("account", c.Limits.Account, accountRates(), 1)
	usual, given := tokenRates(), c.Limits.Token
	r.Token, wrong[2] = parseRates("token", Rates{Read: given.Read, Search: given.Search},
		Rates{Page: usual.Read, Asset: usual.Read, Change: usual.Read, Entry: usual.Read, Heavy: usual.Read, Read: usual.Read, Search: usual.Search}, 1)
	r.AtOnce = cmp.Or(c.Limits.RequestsPerAccount, perAccount)
	return r, append(append(wrong[0], wrong[1]...), wrong[2]...)
}

func (c Config) encrypted() bool { return c.TLS.Certificate != "" || c.TLS.ACME.Email != "" }

// openLimits are the limits of connections with their defaults. Plain HTTP is for a
// proxy on the same host, from whose one address everybody comes.
func (c Config) openLimits() openLimits {
	l := openLimits{total: cmp.Or(c.Limits.Connections, connections), each: c.Limits.ConnectionsPerAddress}
	switch {
	case l.each > 0:
	case c.encrypted():
		l.each = min(perAddress, l.total)
	default:
		l.each = l.total
	}
	return l
}

// requestLimits are those of requests at once: as of connections, but where a proxy
// names its clients each is counted for itself.
func (c Config) requestLimits() openLimits {
	l := c.openLimits()
	if c.Limits.ClientHeader != "" && c.Limits.ConnectionsPerAddress == 0 {
		l.each = min(perAddress, l.total)
	}
	return l
}

func (c Config) checkLimits() (errs []error) {
	l := c.openLimits()
	if l.total < 1 || l.total > mostConnections {
		errs = append(errs, fmt.Errorf("limits.connections: is not between 1 and %d", mostConnections))
	}
	if c.Limits.ConnectionsPerAddress < 0 || l.each > l.total {
		errs = append(errs, errors.New("limits.connections_per_address: is not between 1 and limits.connections"))
	}
	for _, n := range []struct {
		name string
		is   int
	}{{"requests_per_account", c.Limits.RequestsPerAccount}, {"charts_per_day", c.Limits.ChartsPerDay},
		{"names_per_day", c.Limits.NamesPerDay}, {"resources_per_day", c.Limits.ResourcesPerDay}} {
		if n.is < 0 || n.is > mostNumber {
			errs = append(errs, fmt.Errorf("limits.%s: is not between 1 and %d", n.name, mostNumber))
		}
	}
	switch h := c.Limits.ClientHeader; {
	case h == "":
	case h != http.CanonicalHeaderKey(h) || strings.Trim(h, "-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" || slices.Contains([]string{"Host", "Cookie", "Authorization"}, h):
		errs = append(errs, fmt.Errorf("limits.client_header: %q is not the name of a header such as X-Forwarded-For", h))
	case c.encrypted():
		errs = append(errs, errors.New("limits.client_header: is for a proxy before plain HTTP; over TLS anybody could write it"))
	}
	_, wrong := c.rates()
	return append(errs, wrong...)
}
