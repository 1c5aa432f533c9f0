package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// socketFile is the control socket in the data folder. Its mode is 0600: who
// opens it could read the folder anyway. On production data opening it gives no
// right: it lets a command propose an act, which a named person approves with a
// passkey in the browser, and fetch the result.
const socketFile = "control.sock"

// socketPathMost is what the kernel takes as the path of a socket (unix(7)).
const socketPathMost = 107

// order is a command on its way to the server.
type order struct {
	Command string          `json:"command"`
	Args    json.RawMessage `json:"args"`
	Files   []fileArg       `json:"files,omitempty"` // of import on production data
}

// fileArg names a bundle by content, so that what is approved is what is stored.
type fileArg struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Digest string `json:"digest"` // SHA-256, hexadecimal
}

// proposed is the answer to a proposal.
type proposed struct {
	ID  string `json:"id"`
	URL string `json:"url"` // where a person approves it
}

// control is the server's end of the socket.
type control struct {
	app *App

	mu      sync.Mutex
	waiting map[string]*waiting
}

// waiting is a proposed order.
type waiting struct {
	order   order
	expires time.Time
	by      person.AccountID // who approved, zero before
	ended   string           // why nobody can approve it any more; empty while somebody can
	done    chan struct{}    // closed by the approval, or when it ended
}

// Why a proposal ended before its time.
const (
	declined  = "it was declined"
	pushedOut = "newer proposals of the same command took its place; run it again"
)

// end tells the command that nothing comes of it. The caller holds mu.
func (w *waiting) end(why string) {
	w.ended = why
	close(w.done)
}

// listenControl serves the socket until ctx is done.
func (a *App) listenControl(ctx context.Context) (*control, error) {
	path := filepath.Join(a.Config.dir, socketFile)
	// The folder lock is ours, so a socket that is there belongs to a process that died.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	if len(path) > socketPathMost {
		return nil, fmt.Errorf("open control socket: the path of the data folder is too long; at most %d bytes with /%s", socketPathMost, socketFile)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("open control socket: %w", err), l.Close())
	}
	c := &control{app: a, waiting: map[string]*waiting{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /propose", c.answer(c.propose))
	mux.HandleFunc("GET /wait/{id}", c.answer(c.wait))
	mux.HandleFunc("POST /run/{id}", c.answer(c.runApproved))
	mux.HandleFunc("POST /run", c.answer(c.runNow))
	s := &http.Server{Handler: mux, ReadHeaderTimeout: usualTimeouts.header, ReadTimeout: usualTimeouts.read, MaxHeaderBytes: headerBytes}
	s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, peerKey{}, peer(conn))
	}
	// Without a limit for the answer: a wait lasts as long as an act may wait.
	a.running.Go(func() { _ = s.Serve(l) })
	a.running.Go(func() {
		<-ctx.Done()
		_ = s.Close()
	})
	return c, nil
}

// failure is an error on its way back to the command.
type failure struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

func (c *control) answer(f func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		v, err := f(r)
		if err != nil {
			w.WriteHeader(fault.Of(err).Status())
			v = failure{fault.Of(err).String(), err.Error()}
		}
		_ = json.NewEncoder(w).Encode(v)
	}
}

const orderBytes = 1 << 20

func readOrder(r *http.Request) (o order, a act, err error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, orderBytes))
	if err != nil {
		return o, a, fault.Wrap(fault.Invalid, "read command", err)
	}
	if err := decodeStrict(b, &o); err != nil {
		return o, a, err
	}
	a, err = findAct(o.Command)
	return o, a, err
}

func findAct(name string) (act, error) {
	if name == "import" {
		return importAct(), nil
	}
	for _, a := range actTable() {
		if a.name == name {
			return a, nil
		}
	}
	return act{}, fault.New(fault.Invalid, "run command: unknown")
}

// importAct describes import for approval; the files follow it.
func importAct() act {
	return act{name: "import", caller: "import", action: access.ImportShared, purpose: person.PurposeRecords, class: Approved}
}

func (c *control) production() bool { return c.app.Config.env() == keys.Production }

// runNow runs a command at once: demo and test data only.
func (c *control) runNow(r *http.Request) (any, error) {
	o, a, err := readOrder(r)
	if err != nil {
		return nil, err
	}
	if c.production() || a.run == nil {
		return nil, fault.New(fault.Denied, "run command: it needs the approval of a named person")
	}
	return a.run(r.Context(), c.app, operator(a.caller, a.purpose, person.AccountID{}), o.Args)
}

// peerKey finds the user of the operating system who opened the connection.
type peerKey struct{}

// proposer is the Caller of a command that waits. The source is the user of the
// operating system: it stands in the log, and bounds how many proposals wait.
func proposer(r *http.Request, a act) person.Caller {
	user, _ := r.Context().Value(peerKey{}).(string)
	return person.NewOperator(a.caller, person.AccountID{}, a.purpose, person.Request{ID: requestID(), Client: "command", Source: user})
}

// propose puts an order down to wait for a person, once its words are in order.
func (c *control) propose(r *http.Request) (any, error) {
	o, a, err := readOrder(r)
	if err != nil {
		return nil, err
	}
	if a.class != Approved {
		return nil, fault.Wrap(fault.Denied, "propose command", errProduction)
	}
	text, err := o.text(a)
	if err != nil {
		return nil, err
	}
	ask := access.Ask{Caller: proposer(r, a), Action: a.action,
		Owner: person.Clinic(c.app.Clinic), Object: "command/" + a.name, Detail: access.Detail{File: o.digest()}}
	if a.action == access.AssignPatient {
		ask.Owner = person.Account(person.AccountID{}) // the exact account stands in the text that is signed
	}
	proposal, err := c.app.Gate.Propose(r.Context(), ask, text)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, w := range c.waiting {
		if c.app.opt.Clock().After(w.expires) {
			delete(c.waiting, id)
		}
	}
	for _, id := range proposal.Voided {
		if w, ok := c.waiting[id]; ok && w.ended == "" && w.by.IsZero() {
			w.end(pushedOut)
		}
	}
	c.waiting[proposal.ID] = &waiting{order: o, expires: proposal.Expires, done: make(chan struct{})}
	return proposed{proposal.ID, c.app.Config.Origin + "/approve/" + proposal.ID}, nil
}

// digest binds the whole order to the approval.
func (o order) digest() audit.Digest {
	b, _ := json.Marshal(o) // strings and numbers always encode
	return sha256.Sum256(b)
}

// approved is called by the web door when by has approved the act.
func (c *control) approved(_ context.Context, act access.Act, by person.Caller) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.waiting[act.ID]
	if !ok || w.ended != "" || !w.by.IsZero() {
		return fault.New(fault.NotFound, "approve act: no command waits for it")
	}
	w.by = by.Account()
	close(w.done)
	return nil
}

// declined ends a proposal: the command is told at once.
func (c *control) declined(_ context.Context, act access.Act, _ person.Caller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w, ok := c.waiting[act.ID]; ok && w.by.IsZero() && w.ended == "" {
		w.end(declined)
	}
}

func (c *control) find(id string) (*waiting, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.waiting[id]
	if !ok || c.app.opt.Clock().After(w.expires) {
		return nil, fault.New(fault.Gone, "run command: the proposal is over")
	}
	return w, nil
}

// wait answers when the act is approved, or when its time is over.
func (c *control) wait(r *http.Request) (any, error) {
	w, err := c.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	t := time.NewTimer(time.Until(w.expires))
	defer t.Stop()
	select {
	case <-w.done:
		c.mu.Lock()
		defer c.mu.Unlock()
		if w.ended != "" {
			return nil, fault.New(fault.Denied, "run command: "+w.ended)
		}
		return struct{}{}, nil
	case <-t.C:
		return nil, fault.New(fault.Gone, "run command: nobody approved it in time")
	case <-r.Context().Done():
		return nil, fault.Wrap(fault.Unavailable, "wait for approval", r.Context().Err())
	}
}

// runApproved runs what was approved, once; an import once for each of its files.
func (c *control) runApproved(r *http.Request) (any, error) {
	id := r.PathValue("id")
	w, err := c.find(id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	by, o := w.by, w.order
	if by.IsZero() {
		c.mu.Unlock()
		return nil, fault.New(fault.Denied, "run command: nobody has approved it")
	}
	var file fileArg
	if o.Command == "import" {
		i, err := strconv.Atoi(r.URL.Query().Get("file"))
		if err != nil || i < 0 || i >= len(o.Files) || o.Files[i].Digest == "" {
			c.mu.Unlock()
			return nil, fault.New(fault.Gone, "import: no such file in what was approved")
		}
		file, w.order.Files[i].Digest = o.Files[i], ""
	} else {
		delete(c.waiting, id)
	}
	c.mu.Unlock()
	a, err := findAct(o.Command)
	if err != nil {
		return nil, err
	}
	caller := operator(a.caller, a.purpose, by)
	if a.run != nil {
		return a.run(r.Context(), c.app, caller, o.Args)
	}
	return c.importBody(r, caller, o, file)
}

// importBody takes in one approved bundle. It is held in memory, never in a file:
// a plain bundle on the server's disk would be a copy that nothing seals.
func (c *control) importBody(r *http.Request, caller person.Caller, o order, file fileArg) (any, error) {
	args, err := readArgs[importArgs](o.Args)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, file.Size+1))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "read bundle", err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != file.Digest {
		return nil, fault.New(fault.Conflict, "import: the bundle is not the one that was approved")
	}
	return c.app.importFile(r.Context(), caller, file.Name, bytes.NewReader(b), int64(len(b)), args.limits(), args.Reason), nil
}

// client speaks to the server that holds the folder.
type client struct{ http http.Client }

func dial(c Config) *client {
	path := filepath.Join(c.dir, socketFile)
	return &client{http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}}}}
}

// errNoServer means that no server answers on the socket.
var errNoServer = errors.New("no server is running on this installation; start postern serve")

func (c *client) call(ctx context.Context, method, path string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://control"+path, body)
	if err != nil {
		return fmt.Errorf("call server: %w", err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if errors.As(err, new(*net.OpError)) {
			return errNoServer
		}
		return fmt.Errorf("call server: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		var f failure
		if err := json.NewDecoder(res.Body).Decode(&f); err != nil {
			return fmt.Errorf("call server: status %d", res.StatusCode)
		}
		return errors.New(f.Message)
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// operate runs a command where it may run: in this process on demo and test data
// that nobody holds, else through the server, on production data after approval.
func operate[R any](ctx context.Context, p Place, name string, args any, say func(string)) (out R, err error) {
	c, err := p.config()
	if err != nil {
		return out, err
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return out, fmt.Errorf("encode command: %w", err)
	}
	a, err := findAct(name)
	if err != nil {
		return out, err
	}
	o := order{Command: name, Args: raw}
	if c.env() == keys.Production {
		if a.class == NotHere {
			return out, errProduction
		}
		id, err := approval(ctx, c, o, say)
		if err != nil {
			return out, err
		}
		return out, dial(c).call(ctx, "POST", "/run/"+id, nil, &out)
	}
	return direct[R](ctx, c, p, a, o)
}

func direct[R any](ctx context.Context, c Config, p Place, a act, o order) (out R, err error) {
	protector, err := p.protector(c)
	if err != nil {
		return out, err
	}
	inst, err := Open(ctx, c, protector, Options{})
	if held := (*db.HeldError)(nil); errors.As(err, &held) {
		body, err := json.Marshal(o)
		if err != nil {
			return out, fmt.Errorf("encode command: %w", err)
		}
		return out, dial(c).call(ctx, "POST", "/run", bytes.NewReader(body), &out)
	}
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, inst.Close(context.WithoutCancel(ctx))) }()
	v, err := a.run(ctx, inst, operator(a.caller, a.purpose, person.AccountID{}), o.Args)
	if err != nil {
		return out, err
	}
	return v.(R), nil
}

// approval proposes o and waits until a person has approved it.
func approval(ctx context.Context, c Config, o order, say func(string)) (string, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("encode command: %w", err)
	}
	var p proposed
	if err := dial(c).call(ctx, "POST", "/propose", bytes.NewReader(body), &p); err != nil {
		return "", err
	}
	if say != nil {
		say("Approve this in the browser, with your passkey, within 15 minutes: " + p.URL)
	}
	return p.ID, dial(c).call(ctx, "GET", "/wait/"+p.ID, nil, &struct{}{})
}

// importThroughServer has the files approved and streams them to the server.
func importThroughServer(ctx context.Context, c Config, o ImportOptions) (ImportSummary, error) {
	raw, err := json.Marshal(importArgs{o.Reason, o.MaxBundle, o.MaxResource, o.MaxDepth})
	if err != nil {
		return ImportSummary{}, fmt.Errorf("encode command: %w", err)
	}
	ord := order{Command: "import", Args: raw}
	for _, path := range o.Files {
		f, err := describeFile(path)
		if err != nil {
			return ImportSummary{}, ExitError{2, err}
		}
		ord.Files = append(ord.Files, f)
	}
	id, err := approval(ctx, c, ord, o.Say)
	if err != nil {
		return ImportSummary{}, err
	}
	sum := ImportSummary{OK: true, Types: map[string]records.Tally{}}
	for i, path := range o.Files {
		if o.Progress != nil {
			o.Progress(i, len(o.Files), path)
		}
		sum.add(sendFile(ctx, c, id, i, path))
	}
	return sum, nil
}

func describeFile(path string) (fileArg, error) {
	f, err := os.Open(path) //#nosec G304 -- named on the command line
	if err != nil {
		return fileArg{}, err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return fileArg{}, fmt.Errorf("read bundle: %w", err)
	}
	return fileArg{Name: path, Size: n, Digest: hex.EncodeToString(h.Sum(nil))}, nil
}

func sendFile(ctx context.Context, c Config, id string, i int, path string) FileResult {
	f, err := os.Open(path) //#nosec G304 -- named on the command line
	if err != nil {
		return FileResult{File: path, Error: err.Error()}
	}
	defer func() { _ = f.Close() }()
	var r FileResult
	if err := dial(c).call(ctx, "POST", fmt.Sprintf("/run/%s?file=%d", id, i), f, &r); err != nil {
		return FileResult{File: path, Error: err.Error()}
	}
	return r
}
