// Package identity owns accounts: who may sign in, with which passkeys, in
// which roles, and which patients are assigned to a clinician.
//
// It guarantees:
//
//   - The rows of an account form one authenticated set. Every use compares the
//     stored rows with the head that the log anchored; a row that was inserted,
//     changed, swapped, rolled back or deleted by raw SQL is fault.Tampered.
//   - Nothing about a person is readable in the database: names, roles,
//     credential ids and assigned patients are sealed and padded. Clear are
//     random ids, kinds, versions and sequence numbers.
//   - A change is a Plan: what would change is known, with digests for the log,
//     before the gate is asked, and Apply does exactly that or nothing.
//   - Passkeys are discoverable and user-verified; a challenge is used once, lives
//     five minutes and is bound to purpose, account, session and, for an
//     approval, to the exact act. Whoever is not let in learns no reason.
//   - The last passkey of an account is never removed. Account ids are never reused.
//
// It never makes a session (package session does), never decides (package
// access does), and knows no HTTP.
package identity
