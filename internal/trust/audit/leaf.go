package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/word/fault"
)

// Sealer encrypts and authenticates payloads; a key of package keys is one. The
// associated data bind a payload to its log and position. Both methods must be
// safe for concurrent use.
type Sealer interface {
	// AppendSeal seals into the spare capacity of dst, which must not overlap plain.
	AppendSeal(dst, plain, ad []byte) ([]byte, error)
	Open(sealed, ad []byte) ([]byte, error)
}

// A leaf is what the tree hashes and what a proof is checked against:
//
//	version (1) | commitment (32) | SHA-256 of the sealed payload (32)
//
// The commitment is SHA-256("postern.entry.v1" | salt | padded entry), so a leaf
// says nothing about an entry, two equal entries have unlike leaves, and whoever
// is given salt and entry can check that this entry was logged. The second digest
// lets the verifier find a flipped byte in a payload that it cannot open.
const (
	leafVersion = 1
	leafSize    = 1 + 32 + 32
	saltSize    = 32
	commitLabel = "postern.entry.v1"
	sealLabel   = "postern.log.payload.v1"
)

// Leaf is the data of one leaf.
type Leaf [leafSize]byte

// Hash is the leaf's hash in the tree (RFC 6962 section 2.1), tlog.RecordHash
// without its allocations.
func (l *Leaf) Hash() tlog.Hash {
	var b [1 + leafSize]byte // 0x00 marks a leaf
	copy(b[1:], l[:])
	return sha256.Sum256(b[:])
}

func makeLeaf(commitment, sealed [32]byte) (l Leaf) {
	l[0] = leafVersion
	copy(l[1:33], commitment[:])
	copy(l[33:], sealed[:])
	return l
}

// bucket is the padded size for n bytes of entry: the stored size tells one of six
// sizes and no more. It is 0 when there is no bucket.
func bucket(n int) int {
	for _, size := range [...]int{512, 1024, 2048, 4096, 8192, 16384} {
		if n <= size {
			return size
		}
	}
	return 0
}

// pad appends the spaces that fill b, from start on, up to its bucket. A canonical
// entry does not end in a space, so unpad is exact.
func pad(b []byte, start int) []byte {
	n := start + bucket(len(b)-start) - len(b)
	b = slices.Grow(b, n)
	fill := b[len(b) : len(b)+n]
	for i := range fill {
		fill[i] = ' '
	}
	return b[:len(b)+n]
}

func commit(salt, padded []byte) [32]byte {
	return sha256.Sum256(slices.Concat([]byte(commitLabel), salt, padded))
}

// associated is the associated data of the payload at seq: label, origin and
// position, length-prefixed.
func associated(origin string, seq int64) []byte {
	b := make([]byte, 0, 4+len(sealLabel)+len(origin)+8)
	for _, s := range [...]string{sealLabel, origin} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return binary.BigEndian.AppendUint64(b, uint64(seq))
}

// maxOverhead is the most by which a Sealer makes a payload longer; one that makes
// it longer costs an allocation each.
const maxOverhead = 64

// sealedSize is room for the sealed payload of an entry whose body has n bytes.
func sealedSize(n int) int { return maxOverhead + saltSize + bucket(maxStamp+n) }

// sealEntry makes the record of an encoded entry, with its payload in the spare capacity
// of dst. plain is label | salt | padded entry; neither it nor ad is kept.
func sealEntry(s Sealer, dst, ad []byte, seq int64, plain []byte) (Record, error) {
	sealed, err := s.AppendSeal(dst, plain[len(commitLabel):], ad)
	if err != nil {
		return Record{}, fault.Wrap(fault.Unavailable, "seal log entry", err)
	}
	leaf := makeLeaf(sha256.Sum256(plain), sha256.Sum256(sealed))
	return Record{Seq: seq, Leaf: leaf, Sealed: sealed}, nil
}

var errRecord = errors.New("payload, leaf and position do not belong together")

// openRecord opens a record and checks that payload, leaf and position belong
// together. It returns the salt too, for proofs.
func openRecord(s Sealer, origin string, r Record) (Entry, []byte, error) {
	if r.Leaf[0] != leafVersion || sha256.Sum256(r.Sealed) != [32]byte(r.Leaf[33:]) {
		return Entry{}, nil, fault.Wrap(fault.Tampered, "open log entry", errRecord)
	}
	plain, err := s.Open(r.Sealed, associated(origin, r.Seq))
	if err != nil {
		return Entry{}, nil, fault.Wrap(fault.Tampered, "open log entry", err)
	}
	if len(plain) < saltSize || commit(plain[:saltSize], plain[saltSize:]) != [32]byte(r.Leaf[1:33]) {
		return Entry{}, nil, fault.Wrap(fault.Tampered, "open log entry", errRecord)
	}
	e, err := ParseEntry(bytes.TrimRight(plain[saltSize:], " "))
	if err != nil {
		return Entry{}, nil, fault.Wrap(fault.Tampered, "open log entry", err)
	}
	if e.Seq != r.Seq {
		return Entry{}, nil, fault.Wrap(fault.Tampered, "open log entry", errRecord)
	}
	return e, plain[:saltSize], nil
}
