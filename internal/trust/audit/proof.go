package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/word/fault"
)

// A proof is a C2SP tlog-proof (c2sp.org/tlog-proof@v1): index, inclusion path and a
// signed checkpoint. Its extra line holds what opens the leaf: the entry, its salt
// and the digest of the sealed payload. It discloses this entry and nothing about
// any other, and needs no server to be checked.
const proofHeader = "c2sp.org/tlog-proof@v1"

// maxProof is the longest proof that VerifyProof reads.
const maxProof = 128 << 10

// ErrProof is returned for a proof that cannot be parsed or does not hold.
var ErrProof = errors.New("audit: the proof does not hold")

// opening is the extra data of a proof.
type opening struct {
	Entry  Entry  `json:"entry"`
	Salt   []byte `json:"salt"`
	Sealed []byte `json:"sealed"` // SHA-256 of the sealed payload
	VKey   string `json:"vkey"`   // for information: a verifier is given its key
}

// RiskyProof opens the entry at seq and proves it against the newest checkpoint,
// signing one when none covers the entry yet. Walled like RiskyEntry.
func (l *Log) RiskyProof(ctx context.Context, seq int64) ([]byte, error) {
	path, s, err := l.inclusion(ctx, seq)
	if err != nil {
		return nil, err
	}
	open := opening{VKey: l.key.text}
	err = l.read(ctx, seq, seq+1, func(e Entry, r Record, salt []byte) error {
		open.Entry, open.Salt, open.Sealed = e, salt, append([]byte{}, r.Leaf[33:]...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	extra, err := json.Marshal(open)
	return formatProof(extra, seq, path, s.note), err
}

// Inclusion is the path of hashes from the leaf at seq to the root of the newest
// checkpoint that covers it. It opens and discloses nothing.
func (l *Log) Inclusion(ctx context.Context, seq int64) (tlog.RecordProof, Head, error) {
	path, s, err := l.inclusion(ctx, seq)
	if err != nil {
		return nil, Head{}, err
	}
	return path, s.head, nil
}

func (l *Log) inclusion(ctx context.Context, seq int64) (tlog.RecordProof, *signed, error) {
	if seq < 0 || seq >= l.Size() {
		return nil, nil, fault.New(fault.NotFound, "prove log entry: no such entry")
	}
	if l.note.Load().head.Size <= seq {
		// An outside checkpoint that cannot be written now does not spoil a proof.
		if _, err := l.Checkpoint(ctx); err != nil && l.note.Load().head.Size <= seq {
			return nil, nil, err
		}
	}
	s := l.note.Load()
	path, err := tlog.ProveRecord(s.head.Size, seq, tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		return l.upper.read(idx, func(idx []int64) ([]tlog.Hash, error) { return l.cfg.Store.Hashes(ctx, idx) })
	}))
	return path, s, readFault(err)
}

// upperHashes remembers hashes of large subtrees, which every proof needs and which
// never change. The verifier and the scrub do not use it: they must see the disk.
type upperHashes struct {
	mu sync.Mutex
	m  map[int64]tlog.Hash
}

// A subtree of upperLevel has 64 leaves; upperMost hashes cover a million entries.
const (
	upperLevel = 6
	upperMost  = 32_768
)

func (u *upperHashes) read(idx []int64, under func([]int64) ([]tlog.Hash, error)) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(idx))
	var missing []int64
	var at []int
	u.mu.Lock()
	for i, index := range idx {
		h, ok := u.m[index]
		if out[i] = h; !ok {
			missing, at = append(missing, index), append(at, i)
		}
	}
	u.mu.Unlock()
	hs, err := under(missing)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.m == nil || len(u.m) > upperMost {
		u.m = map[int64]tlog.Hash{}
	}
	for i, h := range hs {
		out[at[i]] = h
		if level, _ := tlog.SplitStoredHashIndex(missing[i]); level >= upperLevel {
			u.m[missing[i]] = h
		}
	}
	return out, nil
}

func formatProof(extra []byte, seq int64, path tlog.RecordProof, note []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(extra), seq)
	for _, h := range path {
		fmt.Fprintf(&b, "%s\n", h)
	}
	b.WriteByte('\n')
	b.Write(note)
	return b.Bytes()
}

// proof is a parsed proof.
type proof struct {
	open  opening
	index int64
	path  tlog.RecordProof
	note  []byte
}

func parseProof(b []byte) (p proof, err error) {
	if len(b) > maxProof {
		return p, ErrProof
	}
	head, note, found := strings.Cut(string(b), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != proofHeader {
		return p, ErrProof
	}
	p.note = []byte(note)
	extra, is := strings.CutPrefix(lines[1], "extra ")
	raw, err := base64.StdEncoding.Strict().DecodeString(extra)
	if !is || err != nil {
		return p, ErrProof
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p.open); err != nil || len(p.open.Salt) != saltSize || len(p.open.Sealed) != sha256.Size {
		return p, ErrProof
	}
	index, is := strings.CutPrefix(lines[2], "index ")
	p.index, err = strconv.ParseInt(index, 10, 64)
	if !is || err != nil || p.index < 0 {
		return p, ErrProof
	}
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return p, ErrProof
		}
		p.path = append(p.path, h)
	}
	return p, nil
}

// VerifyProof checks a proof against the log's key, which alone is trusted: the key
// that the proof names is not. It returns the proved entry. Checkpoints from
// elsewhere anchor the proof when they sign the same tree; one of the same size with
// another root shows that the log has shown two faces. A size that differs cannot be
// compared without the log, and does not anchor.
func VerifyProof(file []byte, vkey string, checkpoints ...[]byte) (Entry, Report, error) {
	k, err := parseVKey(vkey)
	if err != nil {
		return Entry{}, Report{}, err
	}
	p, err := parseProof(file)
	if err != nil {
		return Entry{}, Report{}, fault.Wrap(fault.Invalid, "read proof", err)
	}
	var r Report
	h, err := k.open(p.note)
	if err != nil {
		return Entry{}, r.bad(err), nil
	}
	r = Report{OK: true, Size: h.Size, Root: Digest(h.Root)}
	if err := p.check(h); err != nil {
		r.FirstBad = &p.index
		return Entry{}, r.bad(err), nil
	}
	for _, note := range checkpoints {
		c, err := k.open(note)
		if err == nil && c.Size == h.Size {
			r.Anchored = true
			if c.Root != h.Root {
				err = ErrRoot
			}
		}
		if err != nil {
			return Entry{}, r.bad(fmt.Errorf("outside checkpoint: %w", err)), nil
		}
	}
	return p.open.Entry, r, nil
}

// check recomputes the leaf from the opened entry and climbs to the signed root.
func (p *proof) check(h Head) error {
	e := &p.open.Entry
	encoded := e.appendBody(e.appendStamps(nil))
	if bucket(len(encoded)) == 0 || e.Seq != p.index {
		return ErrProof
	}
	leaf := makeLeaf(commit(p.open.Salt, pad(encoded, 0)), [32]byte(p.open.Sealed))
	if err := tlog.CheckRecord(p.path, h.Size, h.Root, p.index, leaf.Hash()); err != nil {
		return ErrProof
	}
	return nil
}
