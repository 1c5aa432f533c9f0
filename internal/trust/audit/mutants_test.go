package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// trees are stores in memory with whatever is put into them, stored hashes included.
type trees struct {
	Reader
	recs []Record
	hs   []tlog.Hash
	e    edge
}

func (s *trees) add(r Record) {
	s.hs = append(s.hs, s.e.add(r.Leaf.Hash(), nil)...)
	s.recs = append(s.recs, r)
}

func (s *trees) Size(context.Context) (int64, error)        { return int64(len(s.recs)), nil }
func (s *trees) Checkpoint(context.Context) ([]byte, error) { return nil, nil }

func (s *trees) Records(_ context.Context, from, to int64, fn func(Record) error) (err error) {
	for _, r := range s.recs[from:to] {
		err = errors.Join(err, fn(r))
	}
	return err
}

func (s *trees) Hashes(_ context.Context, idx []int64) (out []tlog.Hash, err error) {
	for _, i := range idx {
		out = append(out, s.hs[i])
	}
	return out, nil
}

// logKey is a signing key and its verifier key.
func logKey(t *testing.T) (note.Signer, string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, "postern/mutants")
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return s, vkey
}

// plainRecord is a record under the sealer that binds nothing.
func plainRecord(t *testing.T, seq int64) Record {
	t.Helper()
	b, _ := Entry{Seq: seq, Event: EventRead, Outcome: Success}.MarshalJSON()
	plain := append([]byte(commitLabel), make([]byte, saltSize)...)
	r, err := sealEntry(clear{}, nil, nil, seq, pad(append(plain, b...), len(plain)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A tree whose records stand under other numbers than theirs, or whose leaves have a
// form that this program does not know, does not verify, however consistent it is.
func TestVerifyKnowsNumberAndVersion(t *testing.T) {
	_, vkey := logKey(t)
	for name, c := range map[string]struct {
		change func(*Record)
		ok     bool
	}{
		"as it is": {func(*Record) {}, true},
		"number":   {func(r *Record) { r.Seq += 5 }, false},
		"version":  {func(r *Record) { r.Leaf[0] = leafVersion + 1 }, false},
	} {
		var s trees
		for seq := range int64(5) {
			r := plainRecord(t, seq)
			if seq == 3 {
				c.change(&r)
			}
			s.add(r)
		}
		r, err := Verify(t.Context(), VerifyConfig{Store: &s, VKey: vkey})
		if err != nil || r.OK != c.ok || !c.ok && (r.FirstBad == nil || *r.FirstBad != 3) {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
}

// A server that has logged an entry under a number that is not its place cannot prove
// it: the proof of a place is for the entry that says the same.
func TestProofIsForThePlaceThatTheEntrySays(t *testing.T) {
	signer, vkey := logKey(t)
	for says, ok := range map[int64]bool{2: true, 7: false} {
		var s trees
		var open opening
		for seq := range int64(4) {
			r := plainRecord(t, seq)
			if seq == 2 {
				r = plainRecord(t, says)
				e := Entry{Seq: says, Event: EventRead, Outcome: Success}
				open = opening{Entry: e, Salt: make([]byte, saltSize), Sealed: bytes.Clone(r.Leaf[33:])}
			}
			s.add(r)
		}
		path, err := tlog.ProveRecord(4, 2, hashReader(t.Context(), &s))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signHead(signer, "postern/mutants", s.e.head())
		if err != nil {
			t.Fatal(err)
		}
		extra, err := json.Marshal(open)
		if err != nil {
			t.Fatal(err)
		}
		if _, r, err := VerifyProof(formatProof(extra, 2, path, signed), vkey); err != nil || r.OK != ok {
			t.Errorf("the entry says %d: %+v %v", says, r, err)
		}
	}
}

// binding remembers under which associated data the log seals.
type binding struct{ ad [][]byte }

func (b *binding) AppendSeal(dst, plain, ad []byte) ([]byte, error) {
	b.ad = append(b.ad, bytes.Clone(ad))
	return append(dst, plain...), nil
}

func (b *binding) Open(sealed, ad []byte) ([]byte, error) {
	b.ad = append(b.ad, bytes.Clone(ad))
	return bytes.Clone(sealed), nil
}

// What the log seals is bound to the log's name and to the place, and is opened under
// the same alone: written out here, so that neither can change with the other.
func TestPayloadsAreBoundToLogAndPlace(t *testing.T) {
	b := &binding{}
	l := &Log{cfg: Config{Sealer: b}, key: key{origin: "postern/org-a"}, cores: 1}
	want := func(what string, seqs ...byte) {
		t.Helper()
		for i, seq := range seqs {
			ad := "\x00\x16postern.log.payload.v1\x00\rpostern/org-a\x00\x00\x00\x00\x00\x00\x00" + string(rune(seq))
			if i >= len(b.ad) || string(b.ad[i]) != ad {
				t.Fatalf("%s entry %d under %q", what, seq, b.ad)
			}
		}
		b.ad = nil
	}
	items := []*item{{receipt: Receipt{Seq: 8}}, {receipt: Receipt{Seq: 9}}}
	for _, it := range items {
		it.receipt.Time = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
		e := Entry{Event: EventRead, Outcome: Success}
		body := e.appendBody(nil)
		it.body = &body
	}
	rs := make([]Record, len(items))
	if err := l.sealSome(rs, items, make([]byte, saltSize*len(items)), -1); err != nil {
		t.Fatal(err)
	}
	want("sealed", 8, 9)
	for _, r := range rs {
		if _, _, err := openRecord(b, "postern/org-a", r); err != nil {
			t.Fatal(err)
		}
	}
	want("opened", 8, 9)
}

// failing seals everything but the entry at one place.
type failing struct {
	clear
	at byte
}

func (f failing) AppendSeal(dst, plain, ad []byte) ([]byte, error) {
	if ad[len(ad)-1] == f.at {
		return nil, errors.New("no key")
	}
	return f.clear.AppendSeal(dst, plain, ad)
}

// A batch that is sealed on several cores gives each entry the salt that was drawn for
// it, and is not written when one of its entries cannot be sealed, whichever it is.
func TestSealingOnManyCores(t *testing.T) {
	const n = 150
	items, salts := make([]*item, n), make([]byte, n*saltSize)
	for i := range items {
		e := Entry{Event: EventRead, Outcome: Success}
		body := e.appendBody(nil)
		items[i] = &item{body: &body, receipt: Receipt{Seq: int64(i), Time: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}}
		salts[i*saltSize] = byte(i)
	}
	l := &Log{cfg: Config{Sealer: clear{}}, cores: 3}
	rs, _, err := l.seal(items, salts, -1)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rs {
		if _, salt, err := openRecord(clear{}, "", r); err != nil || !bytes.Equal(salt, salts[i*saltSize:(i+1)*saltSize]) {
			t.Fatalf("entry %d has salt %x, %v", i, salt, err)
		}
	}
	for _, at := range []byte{0, n / 2, n - 1} {
		l.cfg.Sealer = failing{at: at}
		if _, _, err := l.seal(items, salts, -1); err == nil {
			t.Errorf("entry %d was not sealed, and nobody said so", at)
		}
	}
}
