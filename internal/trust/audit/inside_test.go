package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/word/fault"
)

// clear seals nothing and binds nothing: it shows what the layers above check.
type clear struct{}

func (clear) AppendSeal(dst, plain, _ []byte) ([]byte, error) { return append(dst, plain...), nil }
func (clear) Open(sealed, _ []byte) ([]byte, error)           { return bytes.Clone(sealed), nil }

// Even a sealer that authenticates nothing cannot make a record pass whose payload,
// leaf and position do not belong together.
func TestOpenRecordChecksEverything(t *testing.T) {
	record := func(entry string, seq int64) Record {
		plain := append([]byte(commitLabel), make([]byte, saltSize)...)
		r, err := sealEntry(clear{}, nil, associated("o", seq), seq, pad(append(plain, entry...), len(plain)))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	b, _ := Entry{Seq: 4, Event: EventRead, Outcome: Success}.MarshalJSON()
	good := record(string(b), 4)
	if e, _, err := openRecord(clear{}, "o", good); err != nil || e.Seq != 4 || len(good.Sealed) != saltSize+512 {
		t.Fatal(e, err)
	}
	bad := map[string]Record{"position": record(string(b), 5), "not an entry": record("{}", 4)}
	version, payload, commitment := good, good, good
	version.Leaf[0]++
	payload.Sealed = []byte("short")
	commitment.Leaf[1]++
	bad["version"], bad["payload"], bad["commitment"] = version, payload, commitment
	short := good
	short.Sealed = []byte("short")
	short.Leaf = makeLeaf([32]byte{}, sha256.Sum256(short.Sealed))
	bad["short"] = short
	for name, r := range bad {
		if _, _, err := openRecord(clear{}, "o", r); !fault.Is(err, fault.Tampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The formats are for six years and more: this entry must always have this encoding,
// this leaf, this associated data and this place in the tree.
func TestGolden(t *testing.T) {
	e := Entry{Seq: 3, Time: time.Date(2026, 11, 22, 9, 30, 0, 123456000, time.UTC), LastAnchor: -1, Settled: -1,
		Event: EventRead, Action: "readChart", Outcome: Success, Policy: []string{"patient-reads-own"},
		Caller: Caller{Kind: "person", Role: "patient"}, Objects: []string{"Observation/a"}, Txn: "t\"1"}
	const want = `{"seq":3,"time":"2026-11-22T09:30:00.123456Z","lastAnchor":-1,"settled":-1,"event":"read",` +
		`"action":"readChart","outcome":"success","policy":["patient-reads-own"],"caller":{"kind":"person","role":"patient"},` +
		`"objects":["Observation/a"],"txn":"t\"1"}`
	b, _ := e.MarshalJSON()
	if string(b) != want {
		t.Errorf("encoding\n%s\nwant\n%s", b, want)
	}
	plain := append([]byte(commitLabel), bytes.Repeat([]byte{7}, saltSize)...)
	r, err := sealEntry(clear{}, nil, associated("postern/org-a", 3), 3, pad(append(plain, b...), len(plain)))
	if err != nil {
		t.Fatal(err)
	}
	hash := r.Leaf.Hash()
	for name, c := range map[string][2]string{
		"leaf": {fmt.Sprintf("%x", r.Leaf), goldenLeaf},
		"hash": {fmt.Sprintf("%x", hash[:]), goldenHash},
		"data": {fmt.Sprintf("%q", associated("postern/org-a", 3)), goldenData},
	} {
		if c[0] != c[1] {
			t.Errorf("%s %s, want %s", name, c[0], c[1])
		}
	}
	if hash != tlog.RecordHash(r.Leaf[:]) {
		t.Error("not tlog's record hash")
	}
}

const (
	goldenLeaf = "01c57271f95ee451c7149498f971fc209df23becc96ddb9cfb71d5d177bd12643425ce83fa2f8aa03f1767b1d4002464997070dae49b455643537ea4d62659e3ae"
	goldenHash = "ecd8b83b488a4c1b8ef757aa9cb17b20088c6f2db78066753a4aabe05ccaf600"
	goldenData = `"\x00\x16postern.log.payload.v1\x00\rpostern/org-a\x00\x00\x00\x00\x00\x00\x00\x03"`
)

// Two equal entries have unlike leaves, and no bucket leaves a size to be read.
func TestBuckets(t *testing.T) {
	for n, want := range map[int]int{0: 512, 512: 512, 513: 1024, 1025: 2048, 2049: 4096, 4097: 8192, 16384: 16384, 16385: 0} {
		if bucket(n) != want {
			t.Errorf("bucket(%d) = %d", n, bucket(n))
		}
	}
}

func TestStampsFit(t *testing.T) {
	e := Entry{Seq: 1<<62 - 1, LastAnchor: 1<<62 - 1, Settled: 1<<62 - 1}
	if n := len(e.appendStamps(nil)); n > maxStamp {
		t.Fatalf("stamps of %d bytes", n)
	}
}

// The edge is tlog's tree, at every size.
func TestEdge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "n")
		var e edge
		var stored []tlog.Hash
		read := tlog.HashReaderFunc(func(idx []int64) (out []tlog.Hash, err error) {
			for _, i := range idx {
				out = append(out, stored[i])
			}
			return out, nil
		})
		for i := range n {
			data := []byte{byte(i), byte(i >> 8)}
			want, err := tlog.StoredHashes(int64(i), data, read)
			got := e.add(tlog.RecordHash(data), nil)
			if err != nil || len(got) != len(want) || got[len(got)-1] != want[len(want)-1] {
				t.Fatal(got, want, err)
			}
			stored = append(stored, got...)
		}
		root, err := tlog.TreeHash(int64(n), read)
		same := e.clone()
		if err != nil || e.root() != root || same.root() != root {
			t.Fatal(err)
		}
		for i, index := range edgeIndexes(int64(n)) {
			if stored[index] != e.roots[i] {
				t.Fatal("edgeIndexes")
			}
		}
	})
}

func TestParseFrame(t *testing.T) {
	b, at := appendFrames(nil, []Record{{Seq: 7, Sealed: []byte("sealed")}, {Seq: 8}})
	f, err := parseFrame(b)
	if err != nil || f.record.Seq != 7 || f.first != 7 || f.last != 8 || string(f.record.Sealed) != "sealed" || int64(f.size) != at[1] {
		t.Fatalf("%+v %v", f, err)
	}
	for n := range f.size {
		if _, err := parseFrame(b[:n]); !errors.Is(err, errFrameShort) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	for i := range f.size {
		bad := bytes.Clone(b)
		bad[i] ^= 1
		if _, err := parseFrame(bad); err == nil {
			t.Fatalf("flip at %d is not found", i)
		}
	}
}

func FuzzParseFrame(f *testing.F) {
	b, _ := appendFrames(nil, []Record{{Seq: 7, Sealed: []byte("sealed")}})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if f, err := parseFrame(b); err == nil && (f.size > len(b) || f.record.Seq < f.first) {
			t.Fatalf("%+v", f)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add("o", formatHead("o", Head{Size: 3}))
	f.Fuzz(func(t *testing.T, origin, text string) {
		h, err := parseHead(origin, text)
		if err == nil && text[:len(formatHead(origin, h))] != formatHead(origin, h) {
			t.Fatalf("%q is not canonical", text)
		}
	})
}

func FuzzParseSubjectPage(f *testing.F) {
	f.Add(subjectPage{seqs: []int64{1, 5, 900}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := parseSubjectPage(b); err == nil && !bytes.Equal(p.encode(), b) {
			t.Fatalf("%+v", p)
		}
	})
}

func TestParseSubjectPage(t *testing.T) {
	good := subjectPage{seqs: []int64{1, 5}}.encode()
	more, padded := bytes.Clone(good), bytes.Clone(good)
	more[33] = 200 // more entries than there are bytes
	padded[len(padded)-1] = 1
	cut := append(bytes.Clone(good[:34]), bytes.Repeat([]byte{0xff}, 20)...)
	for name, b := range map[string][]byte{"short": good[:33], "more": more, "padding": padded, "cut": cut} {
		if _, err := parseSubjectPage(b); !errors.Is(err, errSubjectRow) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What an error of the database means for the log.
func TestAppendError(t *testing.T) {
	for _, c := range []struct {
		err       error
		is, isNot error
	}{
		{db.ErrConflict, ErrForked, ErrNotWritten},
		{ErrForked, ErrForked, ErrNotWritten},
		{db.ErrCommitUnknown, db.ErrCommitUnknown, ErrNotWritten},
		{db.ErrFull, ErrFull, ErrForked},
		{db.ErrFull, ErrNotWritten, ErrForked},
		{db.ErrBusy, ErrNotWritten, ErrFull},
	} {
		if got := appendError(c.err); !errors.Is(got, c.is) || errors.Is(got, c.isNot) {
			t.Errorf("%v becomes %v", c.err, got)
		}
	}
}

func TestOSDisk(t *testing.T) {
	gone := osDisk{dir: filepath.Join(t.TempDir(), "gone")}
	if _, err := gone.list(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := gone.sync(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	d := osDisk{dir: t.TempDir()}
	f, err := d.open("f", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.size(); err == nil {
		t.Error("size of a closed file")
	}
	if err := f.lock(); err == nil {
		t.Error("lock of a closed file")
	}
	if err := f.allocate(0, 1); err == nil {
		t.Error("allocation in a closed file")
	}
	if b, err := readFile(d, "f"); err != nil || len(b) != 0 {
		t.Error(b, err)
	}
	if !isFull(unix.EDQUOT) {
		t.Error("a quota is a full disk")
	}
	// A file that has no blocks to reserve gets zeros written.
	null, err := osDisk{dir: "/dev"}.open("null", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(null.allocate(0, 3<<20), null.Close()); err != nil {
		t.Error(err)
	}
}

func TestReadSegments(t *testing.T) {
	if err := readSegments(nil, make([]byte, 1), 0); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

// A timer that fires late finds nothing to do.
func TestRefusalExpiresOnce(t *testing.T) {
	r := NewRefusals(RefusalsConfig{Log: nothing{}})
	if err := r.Refuse(t.Context(), "a", Entry{Event: EventRefused}); err != nil {
		t.Fatal(err)
	}
	x := r.order.Front().Value.(*refusal)
	r.expire(x)
	r.expire(x)
	if err := r.Refuse(t.Context(), "a", Entry{Event: EventRefused}); err != nil {
		t.Fatal(err)
	}
	r.expire(x) // its successor stays
	if r.order.Len() != 1 {
		t.Fatal("the successor was removed")
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.expire(x)
}

type nothing struct{}

func (nothing) Append(context.Context, Entry) (Receipt, error) { return Receipt{}, nil }

func TestOrigin(t *testing.T) {
	if Origin("org-a") != "postern/org-a" {
		t.Fatal(Origin("org-a"))
	}
}
