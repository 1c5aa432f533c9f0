package audit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// text draws valid UTF-8, quotes and control characters included.
func text(t *rapid.T, name string) string {
	return strings.ToValidUTF8(rapid.StringN(0, 12, 40).Draw(t, name), "")
}

func word(t *rapid.T, name string) string {
	return rapid.StringMatching(`[a-zA-Z0-9/.:-]{0,20}`).Draw(t, name)
}

func texts(t *rapid.T, name string) []string {
	var out []string
	for range rapid.IntRange(0, 3).Draw(t, name) {
		out = append(out, text(t, name))
	}
	return out
}

func digest(t *rapid.T, name string) (d audit.Digest) {
	if rapid.Bool().Draw(t, name+"?") {
		copy(d[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name))
	}
	return d
}

func id16(t *rapid.T, name string) []byte {
	if rapid.Bool().Draw(t, name+"?") {
		return rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name)
	}
	return make([]byte, 16)
}

// anyEntry draws entries of every shape.
func anyEntry(t *rapid.T) audit.Entry {
	var account func([]byte) (person.AccountID, error) = person.IDFromBytes
	var patient func([]byte) (person.PatientID, error) = person.IDFromBytes
	acc, _ := account(id16(t, "account"))
	pat, _ := patient(id16(t, "patient"))
	micros := rapid.Int64Range(0, 4e15).Draw(t, "time")
	e := audit.Entry{
		Seq: rapid.Int64Range(0, 1<<40).Draw(t, "seq"), Time: time.UnixMicro(micros).UTC(),
		LastAnchor: rapid.Int64Range(-1, 1<<40).Draw(t, "last"), Settled: rapid.Int64Range(-1, 1<<40).Draw(t, "settled"),
		Event: rapid.SampledFrom(audit.Events()).Draw(t, "event"), Action: text(t, "action"),
		Outcome: rapid.SampledFrom([]audit.Outcome{audit.Success, audit.Refused, audit.Failed, "odd"}).Draw(t, "outcome"),
		Fault:   word(t, "fault"), Policy: texts(t, "policy"),
		Caller: audit.Caller{Kind: word(t, "kind"), Account: acc, OnBehalf: word(t, "behalf"),
			Role:    rapid.SampledFrom(append(person.Roles(), "")).Draw(t, "role"),
			Purpose: rapid.SampledFrom(append(person.Purposes(), "")).Draw(t, "purpose"),
			Device:  text(t, "device"), Client: word(t, "client"), Source: word(t, "source"), Name: word(t, "name"), Method: word(t, "method")},
		Server: word(t, "server"), Patient: pat, Owner: word(t, "owner"), Objects: texts(t, "objects"), Kinds: texts(t, "kinds"),
		Query: text(t, "query"), Txn: word(t, "txn"), Count: rapid.Int64Range(0, 1000).Draw(t, "count"), Reason: text(t, "reason"),
		Before: digest(t, "before"), After: digest(t, "after"), File: digest(t, "file"),
	}
	if rapid.Bool().Draw(t, "anchor?") {
		e.Anchor = &audit.Anchor{Root: digest(t, "root"), Count: rapid.Int64().Draw(t, "slots"), Prev: rapid.Int64().Draw(t, "prev")}
	}
	return e
}

// An entry has one encoding, and reads back as itself.
func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEntry(t)
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		canonical, _ := e.MarshalJSON()
		got, err := audit.ParseEntry(canonical)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("entry\n%+v\nencoded\n%s\nreads back as\n%+v (%v)", e, canonical, got, err)
		}
		var again audit.Entry
		if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(again, e) {
			t.Fatalf("through encoding/json: %+v (%v)", again, err)
		}
	})
}

func TestEntryIsStrict(t *testing.T) {
	e := fullEntry()
	canonical, _ := e.MarshalJSON()
	s := string(canonical)
	for name, bad := range map[string]string{
		"empty":         "",
		"unknown field": strings.Replace(s, `"event"`, `"evil":1,"event"`, 1),
		"space":         strings.Replace(s, `,"event"`, `, "event"`, 1),
		"case":          strings.Replace(s, `"event"`, `"Event"`, 1),
		"twice":         strings.Replace(s, `"action"`, `"event":"read","action"`, 1),
		"escape":        strings.Replace(s, `"read"`, `"\u0072ead"`, 1),
		"trailing":      s + "{}",
		"junk":          s + "x",
		"bad time":      strings.Replace(s, "2026-", "20x6-", 1),
		"bad account":   strings.Replace(s, `"acc-`, `"pat-`, 1),
		"bad patient":   strings.Replace(s, `"patient":"pat-`, `"patient":"acc-`, 1),
		"bad digest":    strings.Replace(s, `"before":"`, `"before":"!`, 1),
		"bad after":     strings.Replace(s, `"after":"`, `"after":"AA==`, 1),
		"bad root":      strings.Replace(s, `"root":"`, `"root":"!`, 1),
		"empty list":    strings.Replace(s, `"kinds":["Observation"]`, `"kinds":[]`, 1),
	} {
		if _, err := audit.ParseEntry([]byte(bad)); !errors.Is(err, audit.ErrEntry) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A name with bad UTF-8 does not keep an entry out of the log.
func TestEntryTextIsMadeValid(t *testing.T) {
	e := audit.Entry{Event: audit.EventSearch, Outcome: audit.Success, Query: "a\xffb\u2028\x01\"\\"}
	b, _ := e.MarshalJSON()
	got, err := audit.ParseEntry(b)
	if err != nil || got.Query != "a\ufffdb\u2028\x01\"\\" {
		t.Fatalf("%q %v", got.Query, err)
	}
}

func FuzzParseEntry(f *testing.F) {
	b, _ := fullEntry().MarshalJSON()
	f.Add(b)
	f.Add([]byte(`{"seq":0,"time":"2026-11-22T09:00:00.000000Z","lastAnchor":-1,"settled":-1,"event":"read","outcome":"success"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := audit.ParseEntry(b)
		if err != nil {
			return
		}
		if again, _ := e.MarshalJSON(); string(again) != string(b) {
			t.Fatalf("accepted %q, writes %q", b, again)
		}
	})
}

// fullEntry has every field set.
func fullEntry() audit.Entry {
	var account func(string) (person.AccountID, error) = person.ParseID
	var patient func(string) (person.PatientID, error) = person.ParseID
	acc, err1 := account("acc-" + strings.Repeat("c", 25) + "a")
	pat, err2 := patient("pat-" + strings.Repeat("b", 25) + "a")
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	return audit.Entry{Seq: 7, Time: time.Date(2026, 11, 22, 9, 0, 0, 1000, time.UTC), LastAnchor: 7, Settled: 3,
		Event: audit.EventRead, Action: "readChart", Outcome: audit.Success, Fault: "denied", Policy: []string{"daughter-reads"},
		Caller: audit.Caller{Kind: "person", Account: acc, OnBehalf: "pat-elder", Role: person.RolePatient,
			Purpose: person.PurposePatientRequest, Device: "device", Client: "web", Source: "192.0.2.7", Name: "n", Method: "passkey"},
		Server: "portal.example", Patient: pat, Owner: "org-clinic", Objects: []string{"Observation/a", "Observation/b"},
		Kinds: []string{"Observation"}, Query: "code=1", Txn: "txn-1", Count: 2, Reason: "visit",
		Before: audit.Digest{1}, After: audit.Digest{2}, File: audit.Digest{3},
		Anchor: &audit.Anchor{Root: audit.Digest{4}, Count: 5, Prev: 3}}
}

func TestCallerOf(t *testing.T) {
	acc := fullEntry().Caller.Account
	r := person.Request{ID: "t", Client: "web", Source: "192.0.2.7"}
	for _, c := range []struct {
		caller person.Caller
		want   audit.Caller
	}{
		{person.Stranger(r), audit.Caller{Kind: "stranger", Client: "web", Source: "192.0.2.7"}},
		{person.NewPerson(person.PersonConfig{Account: acc, Role: person.RoleNurse, Purpose: person.PurposeTreatment, Device: "d",
			Proof: person.Proof{Method: "passkey"}, Request: r}),
			audit.Caller{Kind: "person", Account: acc, Role: person.RoleNurse, Purpose: person.PurposeTreatment, Device: "d",
				Client: "web", Source: "192.0.2.7", Method: "passkey"}},
		{person.NewPerson(person.PersonConfig{Account: acc, Token: true}), audit.Caller{Kind: "token", Account: acc}},
		{person.NewSystem("fold", person.PurposeRecords, person.Request{}),
			audit.Caller{Kind: "system", Role: person.RoleSystem, Purpose: person.PurposeRecords, Name: "fold"}},
		{person.NewOperator("import", acc, person.PurposeRecords, person.Request{}),
			audit.Caller{Kind: "operator", Account: acc, Role: person.RoleSystem, Purpose: person.PurposeRecords, Name: "import"}},
	} {
		if got := audit.CallerOf(c.caller); got != c.want {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
	if audit.FaultName(nil) != "" || audit.FaultName(fault.New(fault.Denied, "x")) != "denied" || audit.FaultName(fmt.Errorf("x")) != "internal" {
		t.Error("FaultName")
	}
}
