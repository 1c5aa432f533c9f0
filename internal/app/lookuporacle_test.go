package app_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/test/covers"
)

// Dr. Chen does not treat Lena. She asks for her by two spellings of one detail, and for
// somebody who is not there by two as well, until she has been refused as often as a minute
// allows: how far that reaches says of neither whether she is a patient.
func TestLookUpsCountBySearchAndNotByPatient(t *testing.T) {
	covers.Covers(t, "HC-9a", "CH-13")
	in := apptest.Start(t, apptest.Options{Fill: true})
	lena, _ := deid.Find(deid.Family(time.Now()), "teen")
	born := lena.BirthDate.Format("2006-01-02")
	ask := func(b *apptest.Browser, known, family, born string) int {
		t.Helper()
		to := b.Post(t, "/clinic/look-up", "known", known, "family", family, "born", born)
		if to.Status != http.StatusSeeOther {
			t.Fatalf("%d", to.Status)
		}
		return b.Get(t, to.Header.Get("Location")).Status
	}
	var got []string
	for who, q := range map[string][2][3]string{
		"doctor": {{lena.RecordNumber, "", ""}, {"", "Tran", born}},
		"nurse":  {{"RC-999999", "", ""}, {"", "Nobody", born}},
	} {
		b := in.Enter(t, who)
		for n := range audit.RefusalSpread - 1 {
			if s := ask(b, fmt.Sprintf("XX-%d", n), "", ""); s != http.StatusOK {
				t.Fatalf("guess %d: %d", n, s)
			}
		}
		got = append(got, fmt.Sprint(ask(b, q[0][0], q[0][1], q[0][2]), ask(b, q[1][0], q[1][1], q[1][2])))
	}
	if got[0] != got[1] || got[0] != "200 429" {
		t.Errorf("a patient of others and nobody answer %s", got)
	}
}
