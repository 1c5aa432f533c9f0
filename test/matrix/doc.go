// Package matrix attacks the assembled server over real HTTP: every route of every
// door, by every persona, with identifiers that are their own, somebody else's and
// nobody's, with every method, content type and trick of the path.
//
// What has to come back stands in expect.tsv, written by hand: persona, action, whose
// chart or account, answer. The routes come from the doors themselves, so that a new
// one is attacked by itself; one whose action has no line fails the test. The file is
// never generated: not from the policies, not from the routes, not from an answer.
// There is no flag that writes it.
//
// The package guarantees, beyond the status, that a refused answer holds nothing of
// another's chart, that foreign and nonexistent look alike, and that each decision has
// its entry in the log. It holds tests alone and is no part of the product.
// README.md beside this file says how to add to it.
package matrix
