package app_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/test/covers"
)

// fakeACME is a certificate authority of one test, with as much of RFC 8555 as a
// client needs. It takes every signature and checks the one thing that matters here: who
// answers the challenge on the server's own listener.
type fakeACME struct {
	*httptest.Server
	ca     *authority
	server string // where the server to be certified listens

	mu     sync.Mutex
	orders int
	valid  bool
	chain  []byte
	failed string
}

func newFakeACME(t *testing.T, ca *authority) *fakeACME {
	f := &fakeACME{ca: ca}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeACME) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var jws struct{ Payload string }
	if r.Method == http.MethodPost {
		_ = json.NewDecoder(r.Body).Decode(&jws)
	}
	payload, _ := base64.RawURLEncoding.DecodeString(jws.Payload)
	w.Header().Set("Replay-Nonce", base64.RawURLEncoding.EncodeToString(fmt.Append(nil, time.Now().UnixNano())))
	w.Header().Set("Content-Type", "application/json")
	status, at := "pending", func(path string) string { return f.URL + path }
	if f.valid {
		status = "valid"
	}
	order := map[string]any{"status": "pending", "identifiers": []any{map[string]string{"type": "dns", "value": "localhost"}},
		"authorizations": []string{at("/authz")}, "finalize": at("/finalize")}
	if f.valid {
		order["status"] = "ready"
	}
	if f.chain != nil {
		order["status"], order["certificate"] = "valid", at("/cert")
	}
	challenge := map[string]any{"type": "tls-alpn-01", "url": at("/challenge"), "token": strings.Repeat("token-", 8), "status": status}
	answer := any(order)
	switch r.URL.Path {
	case "/directory":
		answer = map[string]string{"newNonce": at("/nonce"), "newAccount": at("/account"), "newOrder": at("/new-order")}
	case "/nonce":
		return
	case "/account":
		w.Header().Set("Location", at("/account/1"))
		w.WriteHeader(http.StatusCreated)
		answer = map[string]string{"status": "valid"}
	case "/new-order":
		f.orders++
		w.Header().Set("Location", at("/order"))
		w.WriteHeader(http.StatusCreated)
	case "/authz":
		answer = map[string]any{"status": status, "identifier": map[string]string{"type": "dns", "value": "localhost"}, "challenges": []any{challenge}}
	case "/challenge":
		f.validate()
		answer = challenge
	case "/finalize":
		f.issue(payload)
		order["status"], order["certificate"] = "valid", at("/cert")
	case "/cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(f.chain)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// validate is RFC 8737 3: the server answers acme-tls/1 with the challenge's
// certificate for the name.
func (f *fakeACME) validate() {
	c, err := tls.Dial("tcp", f.server, &tls.Config{ServerName: "localhost", NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true}) //#nosec G402 -- the challenge is what identifies it
	if err != nil {
		f.failed = err.Error()
		return
	}
	defer func() { _ = c.Close() }()
	state := c.ConnectionState()
	for _, e := range state.PeerCertificates[0].Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) && e.Critical && state.NegotiatedProtocol == "acme-tls/1" {
			f.valid = true
			return
		}
	}
	f.failed = "the certificate of the challenge is missing"
}

func (f *fakeACME) issue(payload []byte) {
	var in struct{ CSR string }
	_ = json.Unmarshal(payload, &in)
	der, _ := base64.RawURLEncoding.DecodeString(in.CSR)
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil || !f.valid {
		f.failed = fmt.Sprint("finalize: ", err)
		return
	}
	tpl := &x509.Certificate{SerialNumber: big.NewInt(77), DNSNames: csr.DNSNames, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	leaf, err := x509.CreateCertificate(rand.Reader, tpl, f.ca.cert, csr.PublicKey, f.ca.key)
	if err != nil {
		f.failed = err.Error()
		return
	}
	for _, b := range [][]byte{leaf, f.ca.cert.Raw} {
		f.chain = append(f.chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b})...)
	}
}

func (f *fakeACME) said() (orders int, failed string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.orders, f.failed
}

// Covers ED-1: a certificate comes from an authority by ACME, over our own listener, its
// key is private, and a restart uses it again.
func TestACME(t *testing.T) {
	covers.Covers(t, "ED-1")
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Stopped: true})
	in.Stop(t)
	must(t, os.RemoveAll(in.Dir)) // the origin is https from the beginning
	origin := "https://" + strings.TrimPrefix(in.Origin, "http://")
	_, err := initAt(t, in.Dir, func(o *initOptions) { o.Origin, o.Listen = origin, in.Address })
	must(t, err)
	ca := newAuthority(t)
	f := newFakeACME(t, ca)
	f.server = in.Address
	edit(t, in.Dir, "origin:", "tls:\n  acme:\n    email: it@clinic.example\n    directory: "+f.URL+"/directory\norigin:")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool}, ForceAttemptHTTP2: true}}
	for run := range 2 {
		stop := background(t, in.Place)
		tick := time.NewTicker(50 * time.Millisecond)
		var res *http.Response
		for range 400 {
			if res, err = client.Get(origin + "/healthz"); err == nil {
				break
			}
			<-tick.C
		}
		tick.Stop()
		orders, failed := f.said()
		if err != nil || failed != "" {
			stop()
			t.Fatalf("run %d: %v; %d orders, the authority says %q", run, err, orders, failed)
		}
		must(t, res.Body.Close())
		if res.StatusCode != 200 || res.ProtoMajor != 2 || res.TLS.PeerCertificates[0].SerialNumber.Int64() != 77 || orders != 1 {
			t.Errorf("run %d: %d over HTTP/%d, %d orders", run, res.StatusCode, res.ProtoMajor, orders)
		}
		client.CloseIdleConnections()
		stop()
	}
	must(t, filepath.WalkDir(filepath.Join(in.Dir, "acme"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
		return nil
	}))
}
