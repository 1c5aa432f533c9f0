package records

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

func (k *clinicKit) version(t *testing.T, c person.Caller, id, n string) (string, error) {
	t.Helper()
	var body string
	err := k.store.ReadVersion(t.Context(), c, "Observation", id, n, func(r Resource) error {
		if body = string(r.Doc.Reveal()); fmt.Sprint(r.Version) != n || r.Updated().IsZero() || !strings.Contains(body, r.Updated().Format(time.RFC3339)[:19]) {
			t.Errorf("version %d of %s, stored %s", r.Version, n, r.Updated())
		}
		return nil
	})
	return body, err
}

func (k *clinicKit) history(t *testing.T, c person.Caller, id, text string) (p page, err error) {
	t.Helper()
	return k.historyOf(t, c, "Observation/"+id+"/_history", text)
}

// historyOf asks for the page of a history, or for the one that a link of it leads to.
func (k *clinicKit) historyOf(t *testing.T, c person.Caller, path, text string) (p page, err error) {
	t.Helper()
	if link, ok := strings.CutPrefix(text, testBase+"/"+path+"?"); ok {
		text = link
	}
	part := strings.Split(path, "/")
	err = k.store.History(t.Context(), c, part[0], part[1], text, testBase, func(d phi.Doc) error { return json.Unmarshal(d.Reveal(), &p) })
	return p, err
}

// Rosa's result was corrected four times. Each version can be read, by her and by
// nobody without a right to it, and the history leads over all of them.
func TestVersionsStay(t *testing.T) {
	covers.Covers(t, "SD-3")
	eachStore(t, func(t *testing.T, k *clinicKit) {
		values := []string{"7.1", "6.4", "6.5", "6.6", "6.7"}
		var rosa person.PatientID
		for _, v := range values {
			rosa = k.rosa(t, v)
		}
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		eve := k.people.Add(t, k.persona(t, "mother"), k.Clock.Now(), person.RolePatient)
		found, err := k.store.Search(t.Context(), c, "Observation", "")
		if err != nil || found.Resources[0].Version != 5 {
			t.Fatalf("%+v, %v", found, err)
		}
		id := found.Resources[0].ID.String()
		for i, v := range values {
			if body, err := k.version(t, c, id, fmt.Sprint(i+1)); err != nil || !strings.Contains(body, `"value":`+v+`,`) {
				t.Errorf("version %d: %s, %v", i+1, body, err)
			}
		}
		for _, n := range []string{"0", "6", "-1", "01", "x", "", "99999999999999999999"} {
			if _, err := k.version(t, c, id, n); !fault.Is(err, fault.NotFound) {
				t.Errorf("version %q: %v", n, err)
			}
		}
		size := k.Log.Size()
		if _, err := k.version(t, eve, id, "1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("another's: %v", err)
		}
		if _, err := k.history(t, eve, id, ""); !fault.Is(err, fault.NotFound) || k.Log.Size() != size+2 {
			t.Errorf("another's history: %v, %d entries", err, k.Log.Size()-size)
		}
		var numbers string
		p, err := k.history(t, c, id, "_count=2")
		for err == nil {
			for _, e := range p.Entry {
				numbers += e.Resource.Meta.VersionID
				if (e.Request.Method == "POST") != (e.Resource.Meta.VersionID == "1") || e.Search.Mode != "" {
					t.Errorf("entry %+v", e)
				}
			}
			if p.Type != "history" || p.Total != 5 {
				t.Errorf("%s of %d", p.Type, p.Total)
			}
			if back := p.link("previous"); back != "" {
				if q, err := k.history(t, c, id, back); err != nil || len(q.Entry) != 2 || q.Entry[1].Resource.Meta.VersionID <= p.Entry[0].Resource.Meta.VersionID {
					t.Errorf("the way back: %+v, %v", q, err)
				}
			}
			if p.link("next") == "" {
				break
			}
			p, err = k.history(t, c, id, p.link("next"))
		}
		if err != nil || numbers != "54321" {
			t.Errorf("the history is %s, %v", numbers, err)
		}
		for _, text := range []string{"_since=2020", "_at=2020", "_count=x", "_count=1&_count=2", "code=x", "_page=sx", "_page=s1&_count=1"} {
			if _, err := k.history(t, c, id, text); !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Gone) {
				t.Errorf("%s: %v", text, err)
			}
		}
		if p, err := k.history(t, c, id, "_summary=false&_format=json"); err != nil || len(p.Entry) != 5 {
			t.Errorf("all of it: %d, %v", len(p.Entry), err)
		}
		if p, err := k.history(t, c, id, "_summary=count"); err != nil || len(p.Entry) != 0 || p.Total != 5 {
			t.Errorf("how many: %d of %d, %v", len(p.Entry), p.Total, err)
		}
		if _, err := k.history(t, c, id, "_summary=true"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a summary: %v", err)
		}
		// A version that somebody took out of the database is missed.
		dbtest.Raw(k.DB).Exec(t, `DELETE FROM chart_row WHERE version = 2`)
		k = k.restart(t)
		if _, err := k.version(t, c, id, "2"); !fault.Is(err, fault.Tampered) {
			t.Errorf("a version cut out: %v", err)
		}
		if _, err := k.history(t, c, id, ""); !fault.Is(err, fault.Tampered) {
			t.Errorf("its history: %v", err)
		}
	})
}
