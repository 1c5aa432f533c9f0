package access_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// index is a SubjectIndex in memory that can be told to lie and to fail.
type index struct {
	next    int64
	entries []audit.SubjectEntry
	lie     []int64
	fail    error
}

func (x *index) Position(context.Context) (int64, error) { return x.next, nil }

func (x *index) Add(_ context.Context, next int64, entries []audit.SubjectEntry) error {
	x.next, x.entries = next, append(x.entries, entries...)
	return nil
}

func (x *index) Entries(_ context.Context, p person.PatientID, before int64, limit int) (out []int64, err error) {
	if x.lie != nil || x.fail != nil {
		return x.lie, x.fail
	}
	for i := len(x.entries) - 1; i >= 0 && len(out) < limit; i-- {
		if e := x.entries[i]; e.Patient == p && e.Seq < before {
			out = append(out, e.Seq)
		}
	}
	return out, nil
}

// library is a gate with a ledger over its own log.
type library struct {
	*kit
	index   *index
	outside *audittest.Outside
	ledger  access.LedgerConfig
	patient person.PatientID
	caller  person.Caller
}

func newLibrary(t *testing.T) *library {
	l := &library{kit: newKit(t, options{env: keys.Test}), index: &index{}, outside: &audittest.Outside{}, patient: patientID(t)}
	l.ledger = access.LedgerConfig{Log: l.log, Store: l.store, Outside: l.outside, Index: l.index,
		Follower: audit.NewFollower(audit.FollowerConfig{Log: l.log, Index: l.index}),
		TempDir:  func() (string, error) { return os.MkdirTemp(t.TempDir(), "export") },
		Alarm:    func(ctx context.Context, what string, owner person.Owner) { l.alert(ctx, what+" "+owner.String()) }}
	l.reopen(t)
	l.caller = l.person(t, l.patient, person.RolePatient)
	return l
}

func (l *library) reopen(t *testing.T) {
	l.open(t, options{env: keys.Test, ledger: access.NewLedger(l.ledger)})
	note, err := l.log.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.outside.Set(note)
}

func (l *library) grant(t *testing.T, c person.Caller, a access.Action, owner person.Owner) access.Grant {
	t.Helper()
	g, err := l.Decide(t.Context(), access.Ask{Caller: c, Action: a, Owner: owner})
	if err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	return g
}

func (l *library) officer(t *testing.T, a access.Action) access.Grant {
	return l.grant(t, l.person(t, person.PatientID{}, person.RoleCompliance), a, access.LogOwner())
}

func TestAPatientSeesWhoLookedAndKeepsProof(t *testing.T) {
	covers.Covers(t, "HC-7b")
	l := newLibrary(t)
	ctx, own := t.Context(), person.Patient(l.patient)
	doctor := l.person(t, person.PatientID{}, person.RoleClinician)
	l.people.Assign(doctor.Account(), l.patient)
	looked := l.grant(t, doctor, access.ReadChart, own).Seq()
	stranger := patientID(t)
	foreign := l.grant(t, l.person(t, stranger, person.RolePatient), access.ReadChart, person.Patient(stranger)).Seq()

	g := l.grant(t, l.caller, access.ReadAccessLog, own)
	entries, err := l.Looked(ctx, g, l.log.Size(), 10)
	if err != nil || len(entries) != 2 || entries[0].Seq != g.Seq() || entries[1].Seq != looked || entries[1].Caller.Account != doctor.Account() {
		t.Fatalf("looked: %d entries, %v", len(entries), err)
	}
	if page, err := l.Looked(ctx, g, entries[0].Seq, 1); err != nil || len(page) != 1 || page[0].Seq != looked {
		t.Fatalf("the page before: %v, %v", page, err)
	}
	prove := l.grant(t, l.caller, access.ProveAccess, own)
	proof, err := l.Proof(ctx, prove, looked)
	if err != nil || len(proof) == 0 {
		t.Fatalf("proof: %v", err)
	}
	for what, seq := range map[string]int64{"an entry about somebody else": foreign, "no entry": 1 << 40, "a negative one": -1} {
		if b, err := l.Proof(ctx, prove, seq); !fault.Is(err, fault.NotFound) || b != nil {
			t.Errorf("proof of %s: %v", what, err)
		}
	}
	if _, err := l.Looked(ctx, prove, 100, 10); !fault.Is(err, fault.Denied) {
		t.Errorf("listed with a grant for a proof: %v", err)
	}
	if _, err := l.Proof(ctx, g, looked); !fault.Is(err, fault.Denied) {
		t.Errorf("proved with a grant for the list: %v", err)
	}
	if _, err := l.Looked(ctx, access.Grant{}, 100, 10); !fault.Is(err, fault.Denied) {
		t.Errorf("without a grant: %v", err)
	}
	zero := l.grant(t, l.person(t, person.PatientID{}, person.RoleCompliance), access.ReadLog, access.LogOwner())
	if _, err := l.Looked(ctx, zero, 100, 10); !fault.Is(err, fault.Denied) {
		t.Errorf("with a grant for the whole log: %v", err)
	}
}

func TestAnIndexThatLiesIsTampering(t *testing.T) {
	l := newLibrary(t)
	other := patientID(t)
	foreign := l.grant(t, l.person(t, other, person.RolePatient), access.ReadChart, person.Patient(other)).Seq()
	g := l.grant(t, l.caller, access.ReadAccessLog, person.Patient(l.patient))
	for name, c := range map[string]struct {
		lie  []int64
		fail error
		want fault.Kind
		says string // in the one alarm; empty for none
	}{
		"somebody else's entry": {[]int64{foreign}, nil, fault.Tampered, "about somebody else " + person.Patient(l.patient).String()},
		"an entry that is not":  {[]int64{1 << 40}, nil, fault.Tampered, "that the log does not have " + person.Patient(l.patient).String()},
		"one before the first":  {[]int64{-1}, nil, fault.Tampered, "that the log does not have"},
		"no index":              {nil, fault.New(fault.Unavailable, "read index"), fault.Unavailable, ""},
	} {
		l.index.lie, l.index.fail = c.lie, c.fail
		if _, err := l.Looked(t.Context(), g, l.log.Size(), 10); !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		switch alarms := l.takeAlerts(); {
		case c.says == "" && len(alarms) != 0, c.says != "" && (len(alarms) != 1 || !strings.Contains(alarms[0], c.says)):
			t.Errorf("%s: alarms %q, want %q", name, alarms, c.says)
		}
	}
	l.index.lie, l.index.fail, l.index.next = nil, nil, 1<<40
	if _, err := l.Looked(t.Context(), g, l.log.Size(), 10); !fault.Is(err, fault.Tampered) {
		t.Errorf("an index ahead of the log: %v", err)
	}
	if len(l.takeAlerts()) != 1 {
		t.Error("an index ahead of the log raised no alarm")
	}
	l.index.next, l.index.lie = l.log.Size(), []int64{g.Seq()}
	l.store.Edit(func(rs []audit.Record) []audit.Record { rs[g.Seq()].Sealed = rs[foreign].Sealed; return rs })
	if _, err := l.Looked(t.Context(), g, l.log.Size(), 10); !fault.Is(err, fault.Tampered) || len(l.takeAlerts()) != 1 {
		t.Errorf("an entry that was changed: %v", err)
	}
}

func TestTheOfficerReadsTheLogNewestFirst(t *testing.T) {
	l := newLibrary(t)
	for range 300 { // more than one block
		l.grant(t, l.caller, access.ReadChart, person.Patient(l.patient))
	}
	ctx, g := t.Context(), l.officer(t, access.ReadLog)
	all, next, err := l.ReadLog(ctx, g, access.LogFilter{Limit: 1000})
	if err != nil || next != 0 || int64(len(all)) != l.log.Size() || all[0].Seq != g.Seq() {
		t.Fatalf("%d entries of %d, %v", len(all), l.log.Size(), err)
	}
	for i, e := range all {
		if e.Seq != g.Seq()-int64(i) {
			t.Fatalf("entry %d stands at place %d", e.Seq, i)
		}
	}
	page, next, err := l.ReadLog(ctx, g, access.LogFilter{Before: 290, Limit: 3, Keep: func(e audit.Entry) bool { return e.Seq%2 == 0 }})
	if err != nil || next != 284 || len(page) != 3 || page[0].Seq != 288 || page[2].Seq != 284 {
		t.Fatalf("page %v, %v", page, err)
	}
	l.Scan(100) // a rare entry far back is found page by page, and no page hides that there is more
	rare := access.LogFilter{Limit: 3, Keep: func(e audit.Entry) bool { return e.Seq == 1 }}
	pages := 0
	for page = nil; len(page) == 0; rare.Before = next {
		pages++
		if page, next, err = l.ReadLog(ctx, g, rare); err != nil || len(page) == 0 && (next <= 0 || next >= l.log.Size()) {
			t.Fatalf("looking before %d: %d entries, next %d, %v", rare.Before, len(page), next, err)
		}
	}
	if pages < 2 || page[0].Seq != 1 || next != 0 {
		t.Fatalf("%d pages, then %v, next %d", pages, page, next)
	}
	l.Scan(1000)
	l.store.Edit(func(rs []audit.Record) []audit.Record { rs[5].Sealed = rs[4].Sealed; return rs })
	if _, _, err := l.ReadLog(ctx, g, access.LogFilter{Limit: 1000}); !fault.Is(err, fault.Tampered) {
		t.Fatalf("a swapped entry: %v", err)
	}
	prove := l.grant(t, l.caller, access.ProveAccess, person.Patient(l.patient))
	if _, err := l.Proof(ctx, prove, 5); !fault.Is(err, fault.Tampered) {
		t.Fatalf("a proof of it: %v", err)
	}
	for _, g := range []access.Grant{{}, prove, l.officer(t, access.VerifyLog)} {
		if _, _, err := l.ReadLog(ctx, g, access.LogFilter{Limit: 1}); !fault.Is(err, fault.Denied) {
			t.Errorf("with another grant: %v", err)
		}
	}
}

func TestTheOfficerVerifiesTheLog(t *testing.T) {
	covers.Covers(t, "HC-7a")
	l := newLibrary(t)
	ctx, g := t.Context(), l.officer(t, access.VerifyLog)
	r, err := l.VerifyLog(ctx, g)
	if err != nil || !r.OK || !r.Anchored || r.Size != l.log.Size() {
		t.Fatalf("report %+v, %v", r, err)
	}
	l.store.Edit(func(rs []audit.Record) []audit.Record { rs[0].Leaf[0] ^= 1; return rs })
	if r, err := l.VerifyLog(ctx, g); err != nil || r.OK {
		t.Fatalf("a flipped bit: %+v, %v", r, err)
	}
	l.outside.Set(nil)
	if _, err := l.VerifyLog(ctx, g); !errors.Is(err, audit.ErrOutsideMissing) {
		t.Fatalf("without the outside checkpoint: %v", err)
	}
	if _, err := l.VerifyLog(ctx, access.Grant{}); !fault.Is(err, fault.Denied) {
		t.Fatalf("without a grant: %v", err)
	}
}

func TestTheOfficerExportsTheLog(t *testing.T) {
	l := newLibrary(t)
	ctx, g := t.Context(), l.officer(t, access.ExportLog)
	var b bytes.Buffer
	if err := l.ExportLog(ctx, g, &b); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names[h.Name] = true
	}
	if !names["checkpoint"] || len(names) < 3 {
		t.Fatalf("the archive holds %v", names)
	}
	if err := l.ExportLog(ctx, access.Grant{}, &b); !fault.Is(err, fault.Denied) {
		t.Errorf("without a grant: %v", err)
	}
	l.ledger.TempDir = func() (string, error) { return "", os.ErrPermission }
	l.reopen(t)
	if err := l.ExportLog(ctx, g, &b); !errors.Is(err, os.ErrPermission) {
		t.Errorf("without a folder: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.ledger.TempDir = func() (string, error) { return file, nil }
	l.reopen(t)
	if err := l.ExportLog(ctx, g, &b); err == nil {
		t.Error("exported below a file")
	}
}

// narrow takes a number of bytes and then no more.
type narrow int

func (n *narrow) Write(b []byte) (int, error) {
	if *n -= narrow(len(b)); *n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func TestAnArchiveThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte(strings.Repeat("x", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, n := range []narrow{0, 600, 1600} {
		if err := access.WriteTar(&n, dir); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("a disk that fills up: %v", err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if err := access.WriteTar(io.Discard, dir); err == nil {
		t.Error("archived a file that cannot be read")
	}
	if err := access.WriteTar(io.Discard, filepath.Join(dir, "none")); err == nil {
		t.Error("archived a folder that is not there")
	}
}

// A log that stopped, and a gate without a ledger, answer nothing.
func TestWithoutALedgerNobodyReadsTheLog(t *testing.T) {
	l := newLibrary(t)
	ctx := t.Context()
	read, verify, export := l.officer(t, access.ReadLog), l.officer(t, access.VerifyLog), l.officer(t, access.ExportLog)
	own := person.Patient(l.patient)
	looked, prove := l.grant(t, l.caller, access.ReadAccessLog, own), l.grant(t, l.caller, access.ProveAccess, own)
	for _, plugged := range []bool{true, false} {
		if !plugged {
			l.open(t, options{env: keys.Test})
			if _, err := l.Looked(ctx, looked, 1, 1); !fault.Is(err, fault.Unavailable) {
				t.Errorf("looked: %v", err)
			}
			if _, err := l.Proof(ctx, prove, 0); !fault.Is(err, fault.Unavailable) {
				t.Errorf("proof: %v", err)
			}
			if _, _, err := l.ReadLog(ctx, read, access.LogFilter{Limit: 1}); !fault.Is(err, fault.Unavailable) {
				t.Errorf("read: %v", err)
			}
		} else {
			l.anchor.Fail(errors.New("unplugged")) // no checkpoint can be signed
		}
		if _, err := l.VerifyLog(ctx, verify); err == nil {
			t.Error("verified")
		}
		if err := l.ExportLog(ctx, export, io.Discard); err == nil {
			t.Error("exported")
		}
	}
}

// slowReader takes the first part of an answer only when it is told to.
type slowReader struct {
	once         sync.Once
	began, leave chan struct{}
	end          error
}

func (s *slowReader) Write(b []byte) (int, error) {
	s.once.Do(func() {
		close(s.began)
		<-s.leave
	})
	return len(b), s.end
}

// One export at a time: its copy of the log is as large as the log. It is gone when
// the download ends or breaks off, and then the next may begin.
func TestOneExportAtATime(t *testing.T) {
	l := newLibrary(t)
	ctx, g := t.Context(), l.officer(t, access.ExportLog)
	var dirs []string
	l.ledger.TempDir = func() (string, error) {
		dir, err := os.MkdirTemp(t.TempDir(), "export")
		dirs = append(dirs, dir)
		return dir, err
	}
	l.reopen(t)
	for _, end := range []error{nil, io.ErrClosedPipe} {
		w := &slowReader{began: make(chan struct{}), leave: make(chan struct{}), end: end}
		done := make(chan error)
		go func() { done <- l.ExportLog(ctx, g, w) }()
		<-w.began
		err := l.ExportLog(ctx, g, io.Discard)
		if !fault.Is(err, fault.Conflict) || fault.Message(err) != "error.export-running" {
			t.Errorf("a second one: %v", err)
		}
		close(w.leave)
		if err := <-done; !errors.Is(err, end) {
			t.Errorf("ended by %v: %v", end, err)
		}
	}
	if err := l.ExportLog(ctx, g, io.Discard); err != nil || len(dirs) != 3 {
		t.Errorf("afterwards: %v, %d copies", err, len(dirs))
	}
	for _, dir := range dirs {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a copy is left: %v", err)
		}
	}
}
