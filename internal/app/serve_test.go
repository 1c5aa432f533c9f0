package app_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/test/covers"
)

// headersOf are those that every answer carries, and what they begin with.
var headersOf = map[string]string{
	"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff",
	"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy": "accelerometer=()", "Referrer-Policy": "same-origin",
}

// Covers CH-11, SD-5: every answer carries the headers, errors of every door
// included, and whatever is personal is not kept.
func TestHeadersOnEveryAnswer(t *testing.T) {
	covers.Covers(t, "CH-11", "SD-5")
	in := apptest.Start(t, apptest.Options{Fill: true})
	b := in.Enter(t, "mother")
	token := in.Token(t, "mother")
	raw := func(method, host, path, body string, header ...string) apptest.Answer {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, in.Origin+path, strings.NewReader(body))
		must(t, err)
		r.Host = host
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return in.Browser().Send(t, r)
	}
	host := strings.TrimPrefix(in.Origin, "http://")
	answers := map[string]apptest.Answer{
		"page": b.Get(t, "/"), "result list": b.Get(t, "/results"), "not found": b.Get(t, "/no/such/page"), "stranger": in.Browser().Get(t, "/results"),
		"other host": raw("GET", "evil.example", "/", ""), "redirect": raw("GET", in.Address, "/demo", ""), "method": raw("DELETE", host, "/results", ""),
		"cross-site": raw("POST", host, "/language", "lang=es", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"),
		"no origin":  raw("POST", host, "/demo/enter", "persona=mother"),
		"no token":   raw("POST", host, "/sign-out", "", "Sec-Fetch-Site", "same-origin", "Content-Type", "application/x-www-form-urlencoded"),
		"API":        in.API(t, token, "/Observation"), "API stranger": in.API(t, "wrong", "/Observation"), "API foreign": in.API(t, token, "/Observation/none"),
		"API method": raw("DELETE", host, "/fhir/R4/Observation/x", ""), "API path": raw("GET", host, "/fhir//R4", ""),
		"health": in.Browser().Get(t, "/healthz"), "security.txt": in.Browser().Get(t, "/.well-known/security.txt"),
	}
	want := map[string]int{"page": 200, "not found": 404, "stranger": 303, "other host": 421, "redirect": 307, "method": 405, "cross-site": 403,
		"no origin": 403, "API": 200, "API stranger": 401, "API foreign": 404, "API method": 405, "API path": 404, "security.txt": 404}
	for name, a := range answers {
		if s, ok := want[name]; ok && s != a.Status {
			t.Errorf("%s: status %d, want %d", name, a.Status, s)
		}
		for h, begins := range headersOf {
			if got := a.Header.Values(h); len(got) != 1 || !strings.HasPrefix(got[0], begins) {
				t.Errorf("%s: %s is %q", name, h, got)
			}
		}
		// What is said of documents and their frames, by browsers of every age.
		if api := strings.HasPrefix(name, "API"); !api && (a.Header.Get("X-Frame-Options") != "DENY" || a.Header.Get("Cross-Origin-Embedder-Policy") != "require-corp" || a.Header.Get("Origin-Agent-Cluster") != "?1") {
			t.Errorf("%s: lacks a header of pages: %v", name, a.Header)
		}
		if !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: may be framed: %s", name, a.Header.Get("Content-Security-Policy"))
		}
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", name, a.Header.Get("Cache-Control"))
		}
		if a.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS without TLS", name)
		}
		if a.Header.Get("Server")+a.Header.Get("X-Powered-By") != "" {
			t.Errorf("%s: the answer names its software", name)
		}
	}
}

// The limits of the configuration hold in a server that serves: connections over
// them are closed, and another address is served meanwhile.
func TestConfiguredLimits(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Limits: &app.Limits{Connections: 6, ConnectionsPerAddress: 3}})
	from := func(ip string) *net.Dialer {
		return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: 10 * time.Second}
	}
	host := strings.TrimPrefix(in.Origin, "http://")
	closed := 0
	for range 10 {
		c, err := from("127.0.0.9").DialContext(t.Context(), "tcp", in.Address)
		if err != nil {
			closed++
			continue
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, "POST /sign-in/finish HTTP/1.1\r\nHost: "+host+"\r\nContent-Type: application/json\r\nContent-Length: 900\r\nOrigin: "+in.Origin+"\r\n\r\nx")
		must(t, c.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
		var timeout net.Error
		if _, err := c.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
			closed++
		}
	}
	if closed != 7 {
		t.Errorf("%d of 10 were closed, want 7", closed)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return from("127.0.0.8").DialContext(ctx, "tcp", in.Address)
	}}}
	res, err := client.Get(in.Origin + "/sign-in")
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != 200 || !strings.Contains(in.Process.String(), "connection refused: too many are open") {
		t.Errorf("%d\n%s", res.StatusCode, in.Process)
	}
}

// authority is a certificate authority of one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	must(t, err)
	a := &authority{key: key, pool: x509.NewCertPool()}
	a.cert, err = x509.ParseCertificate(der)
	must(t, err)
	a.pool.AddCert(a.cert)
	return a
}

// issue writes a certificate for localhost into dir.
func (a *authority) issue(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tpl := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, tpl, a.cert, &key.PublicKey, a.key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for name, block := range map[string]*pem.Block{"tls.key": {Type: "PRIVATE KEY", Bytes: private}, "tls.pem": {Type: "CERTIFICATE", Bytes: der}} {
		must(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
	// Files written in the same instant must still look changed.
	must(t, os.Chtimes(filepath.Join(dir, "tls.pem"), time.Time{}, time.Now().Add(time.Duration(serial)*time.Minute)))
}

// hello is a ClientHello by hand: no library of today offers what must be refused.
func hello(version uint16, suites ...uint16) []byte {
	var ext []byte
	add := func(id uint16, body ...byte) {
		ext = binary.BigEndian.AppendUint16(ext, id)
		ext = binary.BigEndian.AppendUint16(ext, uint16(len(body)))
		ext = append(ext, body...)
	}
	add(0, 0, 12, 0, 0, 9, 'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't') // server_name
	add(10, 0, 4, 0, 23, 0, 24)                                         // P-256, P-384
	add(11, 1, 0)                                                       // uncompressed points
	add(13, 0, 8, 4, 3, 4, 1, 8, 4, 5, 3)                               // signature algorithms
	add(0xff01, 0)                                                      // secure renegotiation
	add(23)                                                             // extended master secret
	body := binary.BigEndian.AppendUint16(nil, version)
	body = append(body, make([]byte, 33)...) // random, no session
	body = binary.BigEndian.AppendUint16(body, uint16(2*len(suites)))
	for _, s := range suites {
		body = binary.BigEndian.AppendUint16(body, s)
	}
	body = append(body, 1, 0)
	body = binary.BigEndian.AppendUint16(body, uint16(len(ext)))
	body = append(body, ext...)
	msg := append([]byte{1, 0}, binary.BigEndian.AppendUint16(nil, uint16(len(body)))...)
	msg = append(msg, body...)
	rec := append([]byte{22, 3, 1}, binary.BigEndian.AppendUint16(nil, uint16(len(msg)))...)
	return append(rec, msg...)
}

// greet sends a ClientHello and returns whether the server accepted it, and the
// alert when not.
func greet(t *testing.T, address string, h []byte) (accepted bool, alert byte) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	must(t, err)
	defer func() { _ = c.Close() }()
	must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = c.Write(h)
	must(t, err)
	head := make([]byte, 7)
	_, err = io.ReadFull(c, head)
	must(t, err)
	switch head[0] {
	case 22:
		return true, 0
	case 21:
		return false, head[6]
	}
	t.Fatalf("answer % x", head)
	return false, 0
}

// Covers ED-1: the handshakes that are accepted, and those that are not.
func TestTLSHandshakes(t *testing.T) {
	covers.Covers(t, "ED-1")
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Stopped: true})
	in.Stop(t)
	ca := newAuthority(t)
	ca.issue(t, in.Dir, 1)
	link := filepath.Join(in.Dir, "postern.yaml")
	must(t, os.RemoveAll(in.Dir)) // the origin is https from the beginning
	origin := "https://" + strings.TrimPrefix(in.Origin, "http://")
	_, err := initAt(t, in.Dir, func(o *initOptions) { o.Origin, o.Listen = origin, in.Address })
	must(t, err)
	ca.issue(t, in.Dir, 2)
	b, err := os.ReadFile(link)
	must(t, err)
	must(t, os.WriteFile(link, append(b, "tls:\n  certificate: tls.pem\n  key: tls.key\n"...), 0o600))
	stop := background(t, in.Place)
	defer stop()

	const gcm = 0xc02b // ECDHE-ECDSA-AES128-GCM-SHA256
	for name, c := range map[string]struct {
		hello []byte
		ok    bool
		alert byte
	}{
		"SSL 3.0":                  {hello(0x0300, gcm, 0x002f), false, 70},
		"TLS 1.0":                  {hello(0x0301, gcm, 0xc009, 0x002f), false, 70},
		"TLS 1.1":                  {hello(0x0302, gcm, 0xc009, 0x002f), false, 70},
		"1.2 ECDHE AES-128-GCM":    {hello(0x0303, gcm), true, 0},
		"1.2 ECDHE AES-256-GCM":    {hello(0x0303, 0xc02c), true, 0},
		"1.2 ECDHE AES-128-CBC":    {hello(0x0303, 0xc009, 0xc023), false, 40},
		"1.2 ECDHE AES-256-CBC":    {hello(0x0303, 0xc00a, 0xc024), false, 40},
		"1.2 ECDHE ChaCha20":       {hello(0x0303, 0xcca9), false, 40},
		"1.2 RSA key exchange":     {hello(0x0303, 0x009c, 0x009d, 0x002f, 0x0035), false, 40},
		"1.2 3DES and RC4":         {hello(0x0303, 0x000a, 0xc008, 0x0005, 0xc007), false, 40},
		"1.2 NULL and anonymous":   {hello(0x0303, 0x0001, 0x003b, 0xc018, 0x006c), false, 40},
		"1.2 finite-field DHE GCM": {hello(0x0303, 0x009e, 0x009f), false, 40},
	} {
		ok, alert := greet(t, in.Address, c.hello)
		if ok != c.ok || alert != c.alert {
			t.Errorf("%s: accepted %v, alert %d; want %v, %d", name, ok, alert, c.ok, c.alert)
		}
	}

	conn, err := tls.Dial("tcp", in.Address, &tls.Config{RootCAs: ca.pool, ServerName: "localhost"})
	must(t, err)
	state := conn.ConnectionState()
	if state.Version != tls.VersionTLS13 || state.CurveID != tls.X25519MLKEM768 || state.PeerCertificates[0].SerialNumber.Int64() != 2 {
		t.Errorf("version %x, group %v, serial %v", state.Version, state.CurveID, state.PeerCertificates[0].SerialNumber)
	}
	_, err = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: "+strings.TrimPrefix(origin, "https://")+"\r\nConnection: close\r\n\r\n")
	must(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	must(t, res.Body.Close())
	must(t, conn.Close())
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Strict-Transport-Security"), "max-age=63072000") {
		t.Errorf("%d, HSTS %q", res.StatusCode, res.Header.Get("Strict-Transport-Security"))
	}

	serial := func() int64 {
		t.Helper()
		c, err := tls.Dial("tcp", in.Address, &tls.Config{RootCAs: ca.pool, ServerName: "localhost", NextProtos: []string{"h2"}})
		must(t, err)
		defer func() { _ = c.Close() }()
		if p := c.ConnectionState().NegotiatedProtocol; p != "h2" {
			t.Errorf("protocol %q", p)
		}
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	ca.issue(t, in.Dir, 3)
	if n := serial(); n != 3 {
		t.Errorf("after a renewal: certificate %d", n)
	}
	must(t, os.WriteFile(filepath.Join(in.Dir, "tls.pem"), []byte("half"), 0o600))
	if n := serial(); n != 3 {
		t.Errorf("with half a file: certificate %d", n)
	}
}
