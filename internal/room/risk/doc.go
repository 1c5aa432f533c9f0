// Package risk says when somebody has had enough for now: how many requests an
// address, an account or a token may send, how many people's charts one of the staff
// may open in a day, and how much a program that acts for staff may be given.
//
// It owns the counts and the rules of what counts. It guarantees that memory is
// bounded whoever comes; that no flood of others, however many addresses it has,
// takes a debt off anybody; and that a count of the day outlives a restart, because the
// log of all accesses is what it is made of (decision 34).
//
// It stores nothing, knows no HTTP, and holds no health data: it keeps identifiers of
// accounts and of charts opened today, in memory alone.
package risk
