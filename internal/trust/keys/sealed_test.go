package keys

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func testKey(t testing.TB, env string) Key {
	t.Helper()
	k, err := newKey(env, 7, bytes.Repeat([]byte{0x42}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// goldenSealed is "Salazar, Inés" sealed under 32 bytes of 0x42, key id 7, in the
// environment test with the associated data "row". It must open for ever.
const goldenSealed = "0101000000074fa0502aa00f2398723f1589e9a1fcac9a62b0e514eb8a5f609a1d3b367d4c0e6049826d4b3bdffb6e77"

func TestGoldenVectorOpens(t *testing.T) {
	b, err := hex.DecodeString(goldenSealed)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := testKey(t, Test).Open(b, []byte("row"))
	if err != nil || string(plain) != "Salazar, Inés" {
		t.Fatalf("golden vector: %q, %v", plain, err)
	}
	if b[0] != 1 || b[1] != 1 || !bytes.Equal(b[2:6], []byte{0, 0, 0, 7}) {
		t.Fatalf("header %x: want version 1, suite 1, key id 7", b[:6])
	}
}

func TestSealedOpensOnlyAsSealed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, err := newKey(Test, 7, bytes.Repeat([]byte{0x42}, KeySize))
		if err != nil {
			t.Fatal(err)
		}
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		ad := rapid.SliceOf(rapid.Byte()).Draw(t, "ad")
		sealed, err := key.Seal(plain, ad)
		if err != nil || len(sealed) != len(plain)+Overhead {
			t.Fatalf("seal: %d bytes, %v", len(sealed), err)
		}
		got, err := key.Open(sealed, ad)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("open: %v", err)
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(t, "i")
		broken := bytes.Clone(sealed)
		broken[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := key.Open(broken, ad); err == nil {
			t.Fatalf("a flipped bit in byte %d opened", i)
		}
		other := append(bytes.Clone(ad), 0)
		if _, err := key.Open(sealed, other); !errors.Is(err, ErrOpen) {
			t.Fatalf("other associated data: %v", err)
		}
	})
}

func TestEnvironmentsDoNotOpenEachOther(t *testing.T) {
	sealed, err := testKey(t, Demo).Seal([]byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := testKey(t, Production).Open(sealed, nil); !errors.Is(err, ErrOpen) {
		t.Fatalf("demo data opened with the same key in production: %v", err)
	}
	first, again := testKey(t, Demo).MAC([]byte("a")), testKey(t, Demo).MAC([]byte("a"))
	if first != again {
		t.Fatal("a MAC is not deterministic")
	}
}

func TestUnknownFormatsFailClosed(t *testing.T) {
	key := testKey(t, Test)
	sealed, err := key.Seal([]byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]byte) []byte{
		"version": func(b []byte) []byte { b[0] = 2; return b },
		"suite":   func(b []byte) []byte { b[1] = 0; return b },
		"short":   func(b []byte) []byte { return b[:Overhead-1] },
		"empty":   func([]byte) []byte { return nil },
	} {
		if _, err := key.Open(change(bytes.Clone(sealed)), nil); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
	other := bytes.Clone(sealed)
	other[5] = 8
	if _, err := key.Open(other, nil); !errors.Is(err, ErrKey) {
		t.Errorf("other key id: %v, want ErrKey", err)
	}
	var zero Key
	if _, err := zero.Seal([]byte("x"), nil); !errors.Is(err, ErrKey) {
		t.Errorf("the zero key sealed: %v", err)
	}
}

func TestMACBindsTheSplit(t *testing.T) {
	key := testKey(t, Test)
	if key.MAC([]byte("ab"), []byte("c")) == key.MAC([]byte("a"), []byte("bc")) {
		t.Fatal("two splits of the same bytes have one MAC")
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	key := testKey(t, Test)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, key); strings.Contains(s, "42") || s != "key 7" {
			t.Errorf("%s prints %q", verb, s)
		}
	}
	var s Signer
	if fmt.Sprintf("%v %#v", s, s) != "log signer log signer" {
		t.Error("a signer prints")
	}
}

func FuzzOpen(f *testing.F) {
	key, err := newKey(Test, 7, bytes.Repeat([]byte{0x42}, KeySize))
	if err != nil {
		f.Fatal(err)
	}
	// The golden vector, not a fresh seal: every worker process must know it.
	seed, err := hex.DecodeString(goldenSealed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte{1, 1, 0, 0, 0, 7})
	f.Fuzz(func(t *testing.T, b []byte) {
		plain, err := key.Open(b, []byte("row"))
		if err == nil && !bytes.Equal(b, seed) {
			t.Fatalf("forged bytes opened as %q", plain)
		}
	})
}
