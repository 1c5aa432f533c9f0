// Package audit is the log: one Merkle tree of sealed entries that says who did
// what, in which role, for which purpose, and how it went.
//
// It owns the Entry and its two encodings (canonical JSON, and the IHE BALP
// AuditEvent), the leaf format, the sequencer, the two stores (files beside the
// embedded database, tables in PostgreSQL), checkpoints, proofs, the offline
// verifier, the export, and the per-patient index of entries.
//
// It guarantees that Append returns only after the entry is durable; that a
// batch which failed is never acknowledged, and that a log whose store cannot
// prove its state refuses everything until it is reopened (fail closed); that
// times never run backwards; that no checkpoint is signed over a tree which
// contradicts an earlier one; and that start refuses a log that is smaller than,
// or different from, the checkpoint kept outside. Stored records carry no
// identifier in clear text: the leaf is a salted commitment, the payload is sealed
// and padded to fixed sizes.
//
// It never decides who may do what (package access), never holds a key (Sealer
// and Signer are given), never changes or removes an entry, and never opens an
// entry for anybody but the callers of the functions named Risky, which the walls
// test lists.
//
// What it cannot see: entries cut from the end that no checkpoint covers yet (at
// most Config.CheckpointEvery of them); records forged behind the newest checkpoint,
// for the verifier, which cannot open them (a start opens the newest and refuses);
// and a tree rebuilt with the server's own
// key by whoever also replaces every outside checkpoint.
package audit
