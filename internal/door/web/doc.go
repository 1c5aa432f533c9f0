// Package web owns the browser's door: every page, the passkey ceremonies and
// the wrapper around them. The list of endpoints (endpoints.go) is the table of
// contents; package view owns what a page looks like.
//
// It guarantees for every endpoint, because one wrapper does it: the body is
// bounded and of the declared type, with no field that was not declared; an
// unsafe request comes from our own pages and, where there is a session, carries
// its form token; a page that needs a session is not reached without one; the
// answer is never stored by anybody; and a failure is answered through the one
// table of package fault, in the reader's language, without its reason. GET
// changes nothing.
//
// It never decides: handlers hand a Caller to a room, or a question to the gate,
// and show the answer. It holds no SQL, keeps no PHI after a request, puts none
// into a URL, a header or a log line, and makes no Caller but a stranger.
package web
