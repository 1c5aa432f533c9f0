package app

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"postern.example/postern/internal/word/fault"
)

// timeouts are the limits in time of every connection. A slow client holds a
// connection, never a Grant: Grants die with their request.
type timeouts struct {
	header time.Duration // for the head of a request, and for the TLS handshake
	read   time.Duration // for a whole request: the largest body is 16 KiB, so this is a rate
	write  time.Duration // until an answer begins
	pace   time.Duration // for each paceBytes of an answer
	idle   time.Duration // between requests
}

var usualTimeouts = timeouts{header: 10 * time.Second, read: 15 * time.Second, write: 120 * time.Second,
	pace: 15 * time.Second, idle: 120 * time.Second}

// openLimits say how much may be open at once: connections, and requests in them.
type openLimits struct {
	total int
	each  int // of one source
}

const (
	headerBytes = 16 << 10 // all names and values; a browser of ours sends less than 2 KiB
	h2Streams   = 32       // requests at once in one HTTP/2 connection
	h2Window    = 64 << 10 // bytes of bodies that a connection may send ahead: the least there is
)

// frontConfig configures what stands before every door.
type frontConfig struct {
	Origin   string
	TLS      bool      // the listener encrypts: send HSTS
	Requests *share    // requests at once; nil for any number
	Client   string    // header in which a proxy names its client; empty for none
	Doorstep *doorstep // how often somebody comes; nil for any number of times
	Redirect string    // host that GET requests are redirected from (demo: "127.0.0.1:PORT"); empty for none
	Web      http.Handler
	API      http.Handler
	Log      *slog.Logger
}

// front is what every request passes before a door: our Host or none, headers on
// every answer including errors, and no panic text to anybody. Browser routes
// and API routes are two handlers; which one serves is decided by path prefix
// alone, so a cookie never reaches the API and a token never reaches a page.
func front(c frontConfig) (http.Handler, error) {
	u, err := url.Parse(c.Origin)
	if err != nil {
		return nil, fmt.Errorf("parse origin: %w", err)
	}
	host := u.Host
	onAll, onPages := commonHeaders(c.TLS)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The values are shared by all answers: a page that replaces one sets a
		// slice of its own, and nothing changes them in place.
		api := r.URL.Path == apiPrefix || strings.HasPrefix(r.URL.Path, apiPrefix+"/")
		common := onPages
		if api {
			common = onAll
		}
		maps.Copy(w.Header(), common)
		defer recovered(w, r, common, c.Log)
		if len(r.TransferEncoding) > 0 {
			// It may have had a Content-Length too, which net/http drops in silence. A
			// proxy that went by that sees another end of this request: nothing that
			// follows in the connection may be taken for one (RFC 9112 6.1).
			w.Header().Set("Connection", "close")
		}
		if c.Client != "" {
			r.RemoteAddr = clientOf(r, c.Client)
		}
		from := sourceOf(r.RemoteAddr)
		if c.Requests != nil {
			if !c.Requests.take(from) {
				tooMany(w, fault.New(fault.Throttled, "serve: too many at once"))
				return
			}
			defer c.Requests.give(from)
		}
		if r.Host != host {
			misdirected(w, r, c)
			return
		}
		enter(c, w, r, from, api)
	}), nil
}

// enter takes a request over the doorstep to its door.
func enter(c frontConfig, w http.ResponseWriter, r *http.Request, from source, api bool) {
	door, not := c.Web, "Authorization"
	if api {
		door, not = c.API, "Cookie"
	}
	r.Header.Del(not)
	if c.Doorstep != nil {
		v, ok := c.Doorstep.in(w, r, from, api, door)
		if !ok {
			return
		}
		defer c.Doorstep.limiter.Done(v)
	}
	door.ServeHTTP(w, r)
}

const apiPrefix = "/fhir"

// commonHeaders returns what every answer carries, and what every answer to a browser's
// page carries beside that; a page's own policy, with its nonce, replaces the closed
// one. What says something of documents and their frames stays away from the API,
// whose answers are data: writing heads is a sixth of what a short answer costs.
// Referrer-Policy is same-origin and not no-referrer, because the latter makes
// browsers send "Origin: null" with our own forms.
func commonHeaders(tls bool) (onAll, onPages http.Header) {
	onAll = http.Header{}
	for name, value := range map[string]string{
		"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=(), publickey-credentials-create=(self), publickey-credentials-get=(self)",
		"Referrer-Policy":              "same-origin",
		"Cache-Control":                "no-store",
	} {
		onAll.Set(name, value)
	}
	if tls {
		onAll.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
	onPages = onAll.Clone()
	onPages.Set("X-Frame-Options", "DENY")
	onPages.Set("Cross-Origin-Embedder-Policy", "require-corp")
	onPages.Set("Origin-Agent-Cluster", "?1")
	return onAll, onPages
}

// misdirected answers a request for another host (RFC 9110 15.5.20). In the demo
// a GET for the loopback address is sent to the origin, because passkeys are
// bound to the name.
func misdirected(w http.ResponseWriter, r *http.Request, c frontConfig) {
	if c.Redirect != "" && r.Host == c.Redirect && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		// Only our own path goes into the address: never the Host that was asked for.
		http.Redirect(w, r, c.Origin+(&url.URL{Path: r.URL.Path}).EscapedPath(), http.StatusTemporaryRedirect)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(fault.Misdirected.Status())
	_, _ = io.WriteString(w, "This server does not answer for that address.\nEste servidor no responde por esa dirección.\n")
}

// tooMany answers one request too many in few words. HTTP/2 would carry thousands in
// the connections that are allowed.
func tooMany(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfter(err)))
	w.WriteHeader(fault.Throttled.Status())
	_, _ = io.WriteString(w, "Too many requests. Please try again in a minute.\nDemasiadas solicitudes. Inténtelo de nuevo en un minuto.\n")
}

// recovered turns a panic into an answer without its text, and logs the place. What the
// answer was to carry goes, its length, cookie or version too; one that has begun is
// broken off, so that nobody takes the part for the whole.
func recovered(w http.ResponseWriter, r *http.Request, common http.Header, log *slog.Logger) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	// The value may hold anything, so only its type and the stack are logged.
	log.Error("panic in handler", "type", fmt.Sprintf("%T", v), "method", r.Method, "stack", string(debug.Stack()))
	if p, ok := w.(*paced); ok && p.begun {
		panic(http.ErrAbortHandler)
	}
	maps.DeleteFunc(w.Header(), func(name string, _ []string) bool { return name != "Connection" })
	maps.Copy(w.Header(), common)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, "Something went wrong on our side. Nothing was changed. Please try again.\nAlgo falló de nuestro lado. No se cambió nada. Inténtelo de nuevo.\n")
}

// requestID draws a transaction id; it appears in the log entry and in the error
// that a person can read out on the phone.
func requestID() string { return newRequestIDs()() }

// requestIDs is how many transaction ids are drawn at once: the certified source
// costs as much for one as for all.
const requestIDs = 64

// newRequestIDs returns requestID for whoever needs many.
func newRequestIDs() func() string {
	const size = 10
	encoding := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567")
	var mu sync.Mutex
	var drawn [requestIDs * size]byte
	var left []byte
	return func() string {
		mu.Lock()
		if len(left) == 0 {
			_, _ = rand.Read(drawn[:]) // never fails (crypto/rand)
			left = drawn[:]
		}
		b := [size]byte(left)
		left = left[size:]
		mu.Unlock()
		var text [size * 8 / 5]byte
		encoding.Encode(text[:], b[:])
		return string(text[:])
	}
}

// server makes the HTTP server with every limit set. It serves on a listener of bound.
func server(h http.Handler, l *listener, t timeouts, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(pace(w, r, t.pace), r) }),
		ReadHeaderTimeout: t.header, ReadTimeout: t.read, WriteTimeout: t.write, IdleTimeout: t.idle,
		MaxHeaderBytes: headerBytes, ConnState: l.state, ConnContext: withConn, Protocols: &http.Protocols{},
		DisableGeneralOptionsHandler: true, // it answers "OPTIONS *" before h, to any Host and without headers
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: h2Streams, MaxReceiveBufferPerConnection: h2Window,
			MaxReceiveBufferPerStream: h2Window, SendPingTimeout: t.idle / 2, PingTimeout: t.pace, WriteByteTimeout: t.pace},
		ErrorLog: slog.NewLogLogger(quietTLS{log.Handler()}, slog.LevelWarn),
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true) // over TLS; in the clear there is HTTP/1.1 alone
	return s
}

// quietTLS keeps addresses and bytes of failed handshakes out of the log: only
// the fact is kept.
type quietTLS struct{ slog.Handler }

func (q quietTLS) Handle(ctx context.Context, r slog.Record) error {
	return q.Handler.Handle(ctx, slog.NewRecord(r.Time, r.Level, "connection failed before a request", r.PC))
}
