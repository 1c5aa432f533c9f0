package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// The samples are put together here, so that the scan does not find them in
// this file.
func TestLookFinds(t *testing.T) {
	raw := make([]byte, 48)
	rand.Read(raw)
	samples := map[string]string{
		"private key":       "-----BEGIN EC PRIV" + "ATE KEY-----\nMHcCAQEEIIIIIIIIIIIIIIII\n",
		"age":               "AGE-SECRET" + "-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQ",
		"cloud":             "id = AKIA" + "ABCDEFGHIJKLMNOP",
		"forge":             "ghp" + "_0123456789abcdefghijABCDEFGHIJ012345",
		"web token":         "eyJhbGciOiJI" + "UzI1NiJ9.eyJzdWIiOiIx" + "MjM0In0.SflKxwRJSMeKKF2QT4",
		"password in URL":   "postgres://clinic:" + "hunter22@db.example/x",
		"password assigned": `pass` + `word = "correct-horse-battery"`,
		"random base64":     base64.StdEncoding.EncodeToString(raw),
		"random hex":        hex.EncodeToString(raw),
	}
	for name, s := range samples {
		if len(look("x.go", []byte("a\n"+s+"\n"))) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

func TestLookLeavesWordsAlone(t *testing.T) {
	for _, s := range []string{
		"func TestTheOfficerReadsTheLogAndSeesNoChart(t *testing.T)",
		"github.com/go-json-experiment/json-and-a-very-long-path/internal/something/else",
		strings.Repeat("a", 80), strings.Repeat("0", 64), "abcdefghijklmnopqrstuvwxyz234567",
		"https://terminology.example/CodeSystem/v3-ActReason", "password_file: /etc/postern/password",
		"\x00" + strings.Repeat("Zk3", 40),
	} {
		if fs := look("x.go", []byte(s)); len(fs) > 0 {
			t.Errorf("%q: taken for a %s", s, fs[0].what)
		}
	}
}
