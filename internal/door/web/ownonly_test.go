package web_test

import (
	"net/http"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// Covers CH-4: the doctor who treats Rosa is led by a link to one thing of her record, whichever it is. The
// page is Rosa's alone: it leads to his patients, and the log has nothing, because nothing
// was looked up.
func TestOneThingOfARecordIsThePatientsAlone(t *testing.T) {
	covers.Covers(t, "CH-4")
	h := lite(t)
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}}]}`))
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, chart)
	doctor.get("/clinic")
	looked := 0
	for _, r := range web.Routes() {
		if r.Action != string(access.ReadChart) || r.Method != http.MethodGet || !strings.Contains(r.Pattern, "{id}") {
			continue
		}
		size := h.Log.Size()
		goes(t, r.Pattern, doctor.get(concrete(r.Pattern)), "/clinic")
		if h.Log.Size() != size {
			t.Errorf("%s: the log says that something was looked up", r.Pattern)
		}
		looked++
	}
	if looked < 7 {
		t.Errorf("only %d pages were tried", looked)
	}
}
