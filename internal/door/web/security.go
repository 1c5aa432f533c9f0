package web

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// security is GET /security: passkeys and sessions of whoever is signed in.
func (d *Door) security(v *Visit) error {
	g, err := v.decide(access.Ask{Caller: v.caller, Action: access.ViewSecurity, Owner: person.Account(v.caller.Account())})
	if err != nil {
		return err
	}
	keys, err := d.c.Identity.Passkeys(v.Context(), g)
	if err != nil {
		return err
	}
	sessions, err := d.c.Sessions.List(v.Context(), g)
	if err != nil {
		return err
	}
	m := &view.Security{Base: v.Base(view.PlaceSecurity)}
	for _, k := range keys {
		m.Passkeys = append(m.Passkeys, view.Passkey{ID: k.ID, Name: k.Name.Reveal(), Added: v.local(k.Created), LastUsed: v.usedOn(k.Used),
			This: k.ID == v.caller.Proof().Passkey})
	}
	for _, s := range sessions {
		m.Sessions = append(m.Sessions, view.Session{ID: s.ID, Device: v.deviceName(s.Browser, s.System), Started: v.local(s.Created),
			LastSeen: v.local(s.Used), This: s.Current})
	}
	return v.Render(http.StatusOK, m)
}

// usedOn is the day on which a passkey was last used. It is kept as a day in UTC,
// which may be tomorrow's at the clinic.
func (v *Visit) usedOn(day time.Time) time.Time {
	if day.IsZero() {
		return day
	}
	noon := time.Date(day.Year(), day.Month(), day.Day(), 12, 0, 0, 0, v.door.c.Location)
	if now := v.now(); noon.YearDay() != now.YearDay() && noon.After(now) {
		return now
	}
	return noon
}

// deviceName is "Firefox on Linux" in the page's language, as much of it as is known.
func (v *Visit) deviceName(browser, system string) string {
	if browser == "" || system == "" {
		return browser + system
	}
	// The message has these two placeholders; the catalogues were checked when they were loaded.
	name, err := v.door.c.Catalog.Language(v.language()).Text("security.device", "browser", browser, "system", system)
	if err != nil {
		return browser + ", " + system
	}
	return name
}

// change plans an edit of the caller's own account, asks the gate and applies it.
func (v *Visit) change(account person.AccountID, edit identity.Edit) (access.Grant, error) {
	p, err := v.door.c.Identity.Plan(v.Context(), account, edit)
	if err != nil {
		return access.Grant{}, err
	}
	return v.apply(p)
}

func (v *Visit) apply(p *identity.Plan) (access.Grant, error) {
	g, err := v.decide(p.Ask(v.caller))
	if err != nil {
		return access.Grant{}, err
	}
	return g, v.door.c.Identity.Apply(v.Context(), g, p)
}

// maxName is the longest name that a form takes, in letters.
const maxName = 60

// nameProblem is what is wrong with a typed name.
func nameProblem(name string, most int) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "problem.name-empty"
	case utf8.RuneCountInString(name) > most:
		return "problem.name-long"
	default:
		return ""
	}
}

// passkeyOptions is POST /security/passkeys/options.
func (d *Door) passkeyOptions(v *Visit) error {
	if err := v.fresh(); err != nil {
		return err
	}
	return v.offer(d.c.Identity.BeginAdd(v.Context(), v.caller))
}

// passkeyFinish is POST /security/passkeys/finish.
func (d *Door) passkeyFinish(v *Visit) error {
	answer, err := v.credential()
	if err != nil {
		return err
	}
	p, err := d.c.Identity.FinishAdd(v.Context(), v.caller, v.passkeyName(), answer)
	if err != nil {
		v.notLetIn(err)
		return err
	}
	if _, err := v.apply(p); err != nil {
		return err
	}
	v.leave("passkey-added")
	return v.answer(http.StatusOK, onward{Go: "/security"})
}

// passkeyRename is POST /security/passkeys/{id}/rename.
func (d *Door) passkeyRename(v *Visit) error {
	name := v.Field("name")
	if p := nameProblem(name, maxName); p != "" {
		return v.sorry(p, "/security")
	}
	if _, err := v.change(v.caller.Account(), identity.RenamePasskey(v.Path("id"), phi.NewText(name))); err != nil {
		return err
	}
	return v.done("passkey-renamed", "/security")
}

// passkeyRemove is POST /security/passkeys/{id}/remove. Sessions that the lost
// passkey may have opened end with it.
func (d *Door) passkeyRemove(v *Visit) error {
	g, err := v.change(v.caller.Account(), identity.RemovePasskey(v.Path("id")))
	if fault.Is(err, fault.Conflict) {
		return v.sorry("problem.last-passkey", "/security")
	}
	if err != nil {
		return err
	}
	if err := d.c.Sessions.EndAll(v.Context(), g, v.caller.Device()); err != nil {
		return err
	}
	return v.done("passkey-removed", "/security")
}

// ending asks the gate for the end of sessions of the own account.
func (v *Visit) ending(object string, end func(context.Context, access.Grant) error) error {
	g, err := v.decide(access.Ask{Caller: v.caller, Action: access.EndSession, Owner: person.Account(v.caller.Account()), Object: object})
	if err != nil {
		return err
	}
	return end(v.Context(), g)
}

// sessionEnd is POST /security/sessions/{id}/end.
func (d *Door) sessionEnd(v *Visit) error {
	id := v.Path("id")
	if !opaque(id) {
		return fault.New(fault.NotFound, "end session")
	}
	err := v.ending("session/"+id, func(ctx context.Context, g access.Grant) error { return d.c.Sessions.End(ctx, g, id) })
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err // one that has ended by itself is what was asked for
	}
	return v.done("session-ended", "/security")
}

// sessionsEnd is POST /security/sessions/end-others.
func (d *Door) sessionsEnd(v *Visit) error {
	err := v.ending("session/others", func(ctx context.Context, g access.Grant) error {
		return d.c.Sessions.EndAll(ctx, g, v.caller.Device())
	})
	if err != nil {
		return err
	}
	return v.done("sessions-ended", "/security")
}
