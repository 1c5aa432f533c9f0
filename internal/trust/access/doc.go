// Package access is the gate: it decides, has the decision logged durably, and
// only then mints a Grant. Policies are Cedar files embedded in the binary and
// validated strictly at start.
//
// It guarantees:
//
//   - No Grant without a durable log entry that names caller, action, owner and
//     the policy that allowed it.
//   - A Grant says what it may change, and of whom: what its action stands for in the
//     list of actions, of its owner, or of the one that the action makes. A Grant for
//     a read changes nothing.
//   - The facts of a decision (roles, own chart, assignment, proof of presence)
//     are fetched here, for every decision, through interfaces that package app
//     plugs in. No room can leave one out, and none comes from a request.
//   - A policy error is a deny and an alert. A fact that cannot be fetched, or a
//     log that cannot be written, is fault.Unavailable: closed.
//   - The first refusal of a Caller for an action and target is durable before
//     it is answered.
//
// It never opens sealed data and knows no HTTP.
package access
