package view

import "time"

// Security is GET /security: the passkeys and the open sessions of the person
// who is signed in, whatever the role.
//
// Forms: POST /security/passkeys/{id}/rename (`name`), POST
// /security/passkeys/{id}/remove, POST /security/sessions/{id}/end, POST
// /security/sessions/end-others, POST /sign-out. The module on the page uses
// POST /security/passkeys/options and /finish (field `name`).
type Security struct {
	Base
	Passkeys []Passkey
	Sessions []Session
}

func (*Security) page() string { return "security" }

// CanRemove reports whether a passkey may go: never the last one.
func (s *Security) CanRemove() bool { return len(s.Passkeys) > 1 }

// Others counts the sessions that are not this one.
func (s *Security) Others() int {
	n := 0
	for _, x := range s.Sessions {
		if !x.This {
			n++
		}
	}
	return n
}

// Passkey is one registered passkey.
type Passkey struct {
	ID       string
	Name     string // given by the person
	Added    time.Time
	LastUsed time.Time // the day; zero for never
	This     bool      // used for this session
}

// Session is one open session.
type Session struct {
	ID       string // opaque handle, never the secret
	Device   string // "Firefox on Linux"; empty when not known
	Started  time.Time
	LastSeen time.Time
	This     bool
}
