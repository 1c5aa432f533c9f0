// Package vault owns what stands between plaintext and the database: sealing
// of rows under the keys of their owner, the three ways to plaintext, blind
// indexes, and the heads that keep the database honest.
//
// It guarantees:
//
//   - A sealed row opens only as the row that it was sealed as: environment,
//     owner, kind, identifier, version and field are bound to it.
//   - Chart data comes out of Open and its variants only, and they need a live
//     Grant for this owner and kind. Rework opens for one of Postern's own jobs,
//     which seals what it makes of it, and its Grant is no good for Open. Facts
//     opens a row's header, labels and time, without one. Secret opens service
//     data (credentials, roles, sessions)
//     of the kinds in one list, none of which is a chart kind.
//   - A change makes owners, seals rows and sets heads only of those that its Grants
//     are about, and only of the sets that their actions change. A head is set in no
//     other way.
//   - A set of rows whose digest is a head cannot be extended, cut, swapped or
//     rolled back by somebody who writes the database: the head is a leaf of a
//     tree whose root stands in the newest anchor of the log.
//
// It never decides (package access does), holds no SQL for tables of other
// packages, and never returns plaintext of a row that fails a check: the error
// is fault.Tampered, and an alarm has been raised; or, where a change may have come
// between two reads, ErrNotCurrent, and the caller looks again before it calls Tampered.
package vault
