// Package session owns browser sessions and the bearer tokens of demo and test
// data: from a secret that a browser or client holds to a person.Caller.
//
// It guarantees:
//
//   - A secret is 256 random bits, shown once, stored as a keyed hash. The secret
//     of a session dies when the person signs in, steps up or changes role: the
//     session goes on under a new one.
//   - The rows of an account's sessions and tokens form one authenticated set. A
//     session that was ended and put back by raw SQL, moved to another account or
//     rolled back is fault.Tampered at next use.
//   - Limits are kept by the server's clock: idle, and since sign-in. Nothing that
//     a browser sends prolongs a session but its use, and a clock that steps back
//     prolongs none.
//   - What a form asked a page for travels in an address only sealed, and opens for
//     the session and page that it was sealed for, for half an hour.
//   - A token never works as a cookie, nor a cookie as a token, and tokens work on
//     production data at no call.
//
// Only this package makes the Caller of a person. It never decides: roles and
// standing are checked by package access at every decision.
//
// # When a session was last used
//
// The time of the last use changes with every request, so it stands outside of
// the authenticated set: a change of heads costs a sync of the log. The exact
// time is in memory; a sealed copy, bound to its row and at most a fifth of the
// idle limit old, is stored beside the row for the time after a restart. Whoever
// writes the database can put back an older copy, which ends the session
// earlier, or no copy, which counts from the start of the session; a later time
// than Postern wrote cannot be sealed. While the process lives, memory wins.
//
// # When a person was here before
//
// A session in the role of a patient knows when the person's session before it was last
// used, so that pages can say what is new since. When such a session ends or has
// expired, that time goes into one more row of the set, sealed like a session, which
// nothing resolves. It lies in no column in clear; an older copy of a last use, put
// back with SQL, makes seen things look new and hides nothing.
package session
