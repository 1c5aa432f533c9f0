package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/word/fault"
)

// assets is GET /assets/{hash}/{name}.
func (d *Door) assets(v *Visit) error {
	d.c.Assets.ServeHTTP(v.w, v.r)
	return nil
}

// health is GET /healthz: for whoever keeps the service running. It says yes or no.
func (d *Door) health(v *Visit) error {
	if d.c.Healthy != nil {
		if err := d.c.Healthy(v.Context()); err != nil {
			d.c.Log.Error("not healthy", "error", err)
			v.write(http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("unavailable\n"))
			return nil
		}
	}
	v.write(http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}

// securityTxt is GET /.well-known/security.txt (RFC 9116).
func (d *Door) securityTxt(v *Visit) error {
	s := d.c.SecurityTxt
	if s.Contact == "" {
		return fault.New(fault.NotFound, "find security.txt")
	}
	var b strings.Builder
	b.WriteString("Contact: " + s.Contact + "\nExpires: " + s.Expires.UTC().Format(time.RFC3339) + "\n")
	if s.Policy != "" {
		b.WriteString("Policy: " + s.Policy + "\n")
	}
	b.WriteString("Preferred-Languages: " + strings.Join(catalog.Languages(), ", ") + "\nCanonical: " + d.c.Origin + "/.well-known/security.txt\n")
	v.write(http.StatusOK, "text/plain; charset=utf-8", []byte(b.String()))
	return nil
}

// languageAge is how long a browser remembers the language of somebody who is
// not signed in.
const languageAge = 365 * 24 * time.Hour

// chooseLanguage is POST /language: for this browser, and for the account.
func (d *Door) chooseLanguage(v *Visit) error {
	tag := v.Field("lang")
	if !slices.Contains(catalog.Languages(), tag) {
		return fault.New(fault.Invalid, "choose language: not one of ours")
	}
	if v.SignedIn() {
		if _, err := v.change(v.caller.Account(), identity.ChooseLanguage(tag)); err != nil {
			return err
		}
	}
	http.SetCookie(v.w, &http.Cookie{Name: languageCookie, Value: tag, Path: "/", MaxAge: int(languageAge.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	path := d.path(v.Field("next"), v.Field("next_id"))
	if e := d.page(v.Field("next")); e != nil && path != "/" {
		if q := e.kept(v.Field("next_query")); q != "" {
			path += "?" + q
		}
	}
	return v.done("language", path)
}
