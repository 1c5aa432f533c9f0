package keys

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

var credential = []byte("0123456789abcdef0123456789abcdef\n")

// A key of random bytes may end with the byte of a newline: one did, and was refused
// as too short.
func TestCredentialIsTakenAsItIs(t *testing.T) {
	p := Protector{How: ByCredential, Secret: append(bytes.Repeat([]byte{7}, 31), '\n')}
	path := create(t, Production, p)
	if _, err := OpenRoot(path, p); err != nil {
		t.Fatal(err)
	}
	p.Secret = append(bytes.Repeat([]byte{7}, 31), '\r')
	if _, err := OpenRoot(path, p); !errors.Is(err, ErrProtector) {
		t.Fatalf("another last byte: %v", err)
	}
}

func create(t *testing.T, env string, p Protector) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.key")
	if _, err := CreateRoot(path, env, p, rand.Reader); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRootOpensWithItsProtectorOnly(t *testing.T) {
	pass := Protector{How: ByPassphrase, Secret: []byte("correct horse battery staple"), Work: 1000}
	cred := Protector{How: ByCredential, Secret: credential}
	for _, c := range []struct {
		name string
		made Protector
		with Protector
		want error
	}{
		{"passphrase", pass, pass, nil},
		{"passphrase with newline", pass, Protector{How: ByPassphrase, Secret: append(bytes.Clone(pass.Secret), '\n')}, nil},
		{"credential", cred, cred, nil},
		{"wrong passphrase", pass, Protector{How: ByPassphrase, Secret: []byte("wrong")}, ErrProtector},
		{"empty passphrase", pass, Protector{How: ByPassphrase}, ErrProtector},
		{"credential instead", pass, cred, ErrProtector},
		{"nothing", cred, Protector{}, ErrProtector},
		{"short credential", cred, Protector{How: ByCredential, Secret: []byte("short")}, ErrProtector},
		{"plain instead", cred, Protector{How: Plain}, ErrProtector},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := create(t, Production, c.made)
			r, err := OpenRoot(path, c.with)
			if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err == nil && (r.Environment() != Production || r.Protection() != c.made.How) {
				t.Fatalf("environment %s, protection %s", r.Environment(), r.Protection())
			}
			how, env, err := Protected(path)
			if err != nil || how != c.made.How || env != Production {
				t.Fatalf("protected: %v %v %v", how, env, err)
			}
		})
	}
}

func TestPlainRootNeedsItsFlagAndIsRefusedForProduction(t *testing.T) {
	plain := Protector{How: Plain}
	if _, err := CreateRoot(filepath.Join(t.TempDir(), "r"), Production, plain, rand.Reader); !errors.Is(err, ErrPlain) {
		t.Fatalf("create for production: %v", err)
	}
	path := create(t, Test, plain)
	if _, err := OpenRoot(path, plain); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRoot(path, Protector{How: ByPassphrase, Secret: []byte("x")}); !errors.Is(err, ErrPlain) {
		t.Fatalf("without the flag: %v", err)
	}
	edit(t, path, `"environment": "test"`, `"environment": "production"`)
	if _, err := OpenRoot(path, plain); !errors.Is(err, ErrPlain) {
		t.Fatalf("edited to production: %v", err)
	}
}

func edit(t *testing.T, path, old, text string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(old)) {
		t.Fatalf("%s does not contain %s", b, old)
	}
	if err := os.WriteFile(path, bytes.Replace(b, []byte(old), []byte(text), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEditedRootFileIsRefused(t *testing.T) {
	p := Protector{How: ByCredential, Secret: credential}
	for name, c := range map[string]struct {
		old, text string
		want      error
	}{
		"environment": {`"production"`, `"demo"`, ErrProtector},
		"format":      {rootFormat, "postern-root-v9", ErrFormat},
		"field":       {`"format"`, `"extra": 1, "format"`, ErrFormat},
		"salt":        {`"salt": "`, `"salt": "AAAA`, ErrFormat},
		"root":        {`"root": "`, `"root": "*`, ErrFormat},
		"json":        {`{`, `[`, ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			path := create(t, Production, p)
			edit(t, path, c.old, c.text)
			if _, err := OpenRoot(path, p); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
	pass := Protector{How: ByPassphrase, Secret: []byte("x"), Work: 10}
	path := create(t, Test, pass)
	edit(t, path, `"iterations": 10`, `"iterations": 2000000000`)
	if _, err := OpenRoot(path, pass); !errors.Is(err, ErrProtector) {
		t.Fatalf("absurd work factor: %v", err)
	}
	plain := create(t, Test, Protector{How: Plain})
	edit(t, plain, `"root": "`, `"root": "AAAA`)
	if _, err := OpenRoot(plain, Protector{How: Plain}); !errors.Is(err, ErrFormat) {
		t.Fatalf("plain root of wrong length: %v", err)
	}
}

func TestRootFileFailures(t *testing.T) {
	dir := t.TempDir()
	p := Protector{How: ByPassphrase, Secret: []byte("x"), Work: 1}
	if _, err := OpenRoot(filepath.Join(dir, "none"), p); err == nil {
		t.Error("opened a missing file")
	}
	if _, _, err := Protected(filepath.Join(dir, "none")); err == nil {
		t.Error("read a missing file")
	}
	bad := filepath.Join(dir, "bad")
	if err := os.WriteFile(bad, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Protected(bad); !errors.Is(err, ErrFormat) {
		t.Errorf("protected of a foreign file: %v", err)
	}
	path := create(t, Test, p)
	if _, err := CreateRoot(path, Test, p, rand.Reader); !errors.Is(err, os.ErrExist) {
		t.Errorf("replaced an existing root file: %v", err)
	}
	if _, err := CreateRoot(filepath.Join(dir, "x"), Test, p, iotest.ErrReader(io.ErrUnexpectedEOF)); err == nil {
		t.Error("made a root key without randomness")
	}
	if _, err := CreateRoot(filepath.Join(dir, "y"), Test, p, io.LimitReader(rand.Reader, KeySize)); err == nil {
		t.Error("made a salt without randomness")
	}
	if _, err := CreateRoot(filepath.Join(dir, "z"), Test, Protector{How: "magic"}, rand.Reader); !errors.Is(err, ErrProtector) {
		t.Errorf("unknown protection: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("root file mode %v, %v", info.Mode(), err)
	}
	b, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(b), "passphrase\": \"x") {
		t.Errorf("root file shows its passphrase")
	}
}

func TestDerivationsAreBoundToPurposeAndEnvironment(t *testing.T) {
	a := &Root{env: Test, root: bytes.Repeat([]byte{1}, KeySize)}
	b := &Root{env: Demo, root: bytes.Repeat([]byte{1}, KeySize)}
	pa, err := a.RiskyPageKey()
	if err != nil || len(pa) != 64 || bytes.Equal(pa[:32], pa[32:]) {
		t.Fatalf("page key: %d bytes, %v", len(pa), err)
	}
	pb, err := b.RiskyPageKey()
	if err != nil || bytes.Equal(pa, pb) {
		t.Fatalf("two environments share a page key (%v)", err)
	}
	ka, err := a.Service(ServiceForm)
	if err != nil {
		t.Fatal(err)
	}
	kb, err := a.Service(ServiceSource)
	if err != nil || ka.MAC() == kb.MAC() {
		t.Fatalf("two purposes share a key (%v)", err)
	}
	s, err := a.LogSigner()
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Sign([]byte("m"))
	if err != nil || len(sig) != 64 || len(s.Public()) != 32 {
		t.Fatalf("signature of %d bytes, %v", len(sig), err)
	}
}
