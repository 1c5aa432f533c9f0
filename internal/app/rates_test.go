package app

import (
	"errors"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/room/risk"
	"postern.example/postern/internal/word/route"
	"postern.example/postern/test/covers"
)

// What docs/configuration.md says of rates and of a day is what holds.
func TestRateDefaultsAreThoseOfThePage(t *testing.T) {
	covers.Covers(t, "SD-6")
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	says := func(key, value string) {
		if !strings.Contains(string(page), "| `limits."+key+"` | `"+value+"` |") {
			t.Errorf("the page does not say that limits.%s is %s", key, value)
		}
	}
	for name, rates := range map[string]Rates{"address": addressRates(), "account": accountRates()} {
		for c, r := range rates.byClass() {
			says(name+"."+c.String(), string(r))
		}
	}
	says("token.read", string(tokenRates().Read))
	says("token.search", string(tokenRates().Search))
	for key, n := range map[string]int{"requests_per_account": perAccount, "charts_per_day": chartsPerDay, "names_per_day": namesPerDay, "resources_per_day": resourcesPerDay} {
		says(key, strconv.Itoa(n))
	}
	tls := TLS{Certificate: "c.pem", Key: "k.pem"}
	for name, c := range map[string]struct {
		c       Config
		pages   int // of an address
		signIns int
		each    int // requests at once
	}{
		"TLS":                     {Config{TLS: tls}, 600, 120, 64},
		"a proxy":                 {Config{}, 600 * byProxy, 120 * byProxy, 1024},
		"a proxy that says who":   {Config{Limits: Limits{ClientHeader: "X-Real-Ip"}}, 600, 120, 64},
		"a proxy, pages as said":  {Config{Limits: Limits{Address: Rates{Page: "7/second"}}}, 7, 120 * byProxy, 1024},
		"TLS, sign-in as said":    {Config{TLS: tls, Limits: Limits{Address: Rates{Entry: "9/hour"}}}, 600, 9, 64},
		"a proxy, places as said": {Config{Limits: Limits{ClientHeader: "X-Real-Ip", ConnectionsPerAddress: 7}}, 600, 120, 7},
	} {
		r, errs := c.c.rates()
		if len(errs) > 0 || r.Address[route.Page].N != c.pages || r.Address[route.Entry].N != c.signIns || c.c.requestLimits().each != c.each ||
			r.Account[route.Entry] != (risk.Rate{N: 30, Per: time.Minute}) || r.Token[route.Search].N != 600 || r.AtOnce != 32 {
			t.Errorf("%s: %+v, %v, %+v", name, r, errs, c.c.requestLimits())
		}
	}
}

// Whoever adds a number to the limits says what is too little and too much of it, and what
// of it nobody reaches.
func TestEveryNumberOfTheLimitsIsBounded(t *testing.T) {
	covers.Covers(t, "SD-6")
	none, found := reflect.ValueOf(NoLimits()), 0
	for f := range reflect.TypeFor[Limits]().Fields() {
		if f.Type.Kind() != reflect.Int {
			continue
		}
		found++
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		for n, good := range map[int64]bool{-1: false, 0: true, 1: true, mostNumber + 1: false} {
			var c Config
			reflect.ValueOf(&c.Limits).Elem().FieldByIndex(f.Index).SetInt(n)
			err := errors.Join(c.checkLimits()...)
			if (err == nil) != good || err != nil && !strings.HasPrefix(err.Error(), "limits."+name+": ") {
				t.Errorf("limits.%s of %d: %v", name, n, err)
			}
		}
		if none.FieldByIndex(f.Index).Int() == 0 {
			t.Errorf("NoLimits leaves limits.%s at its default", name)
		}
	}
	if errs := (Config{Limits: NoLimits()}).checkLimits(); len(errs) > 0 || found < 6 {
		t.Errorf("%d numbers; NoLimits is refused: %v", found, errs)
	}
}
