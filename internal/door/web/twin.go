package web

import (
	"bytes"
	"net/http"
	"slices"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/route"
)

// twins reports whether the page has twins: it shows a chart, or who looked at one.
func (e *Endpoint) twins() bool {
	if e.Method != http.MethodGet || e.Page == "" || e.File || e.Auth != route.Session {
		return false
	}
	a := access.Action(e.Action)
	return a == access.ReadChart || a == access.ReadAccessLog
}

// chooseTwin reads which twin of the page is asked for ("?as=print"). It is the page's
// own request: the same guards, the same decision and one entry, which says by its
// client in what form the page went out.
func (v *Visit) chooseTwin() {
	if v.e.File && v.e.Action == string(access.ReadChart) {
		v.quest.Client = copyClient // Who looked tells a file to keep from a look
		v.caller = person.Stranger(v.quest)
		return
	}
	if !v.e.twins() {
		return
	}
	if v.as = view.ParseTwin(v.r.URL.Query().Get("as")); v.as != "" {
		v.quest.Client += "-" + string(v.as)
		v.caller = person.Stranger(v.quest)
	}
}

// copyClient is the client of an entry whose answer was a file to keep.
const copyClient = "web-" + string(view.TwinText)

// alsoWhose adds the Patient to what a request opens, when the head of a twin needs to
// say whose record it is. It is the same decision.
func (v *Visit) alsoWhose(types []string) []string {
	if v.as == "" || slices.Contains(types, "Patient") {
		return types
	}
	return append(slices.Clone(types), "Patient")
}

// whose keeps what the head of a twin says of the patient.
func (v *Visit) whose(c records.Chart) error {
	if v.as == "" {
		return nil
	}
	p, err := demographics(c)
	v.born = v.day(p.Born)
	return err
}

// around opens a resource of a chart with types beside it, and for a twin whose chart
// it is: one decision.
func (v *Visit) around(caller person.Caller, typ, id string, types ...string) (records.Chart, records.Resource, error) {
	c, r, err := v.door.c.Records.ViewAround(v.Context(), caller, typ, id, v.alsoWhose(types)...)
	if err == nil {
		err = v.whose(c)
	}
	return c, r, err
}

// renderTwin answers with the twin of a page, whole or not at all.
func (v *Visit) renderTwin(m view.Model) error {
	var out bytes.Buffer
	if err := v.door.c.Views.Twin(&out, m, view.Sheet{As: v.as, Born: v.born, Made: v.now()}); err != nil {
		return err
	}
	mediaType := "text/html; charset=utf-8"
	if v.as == view.TwinText {
		// The name says which page it is and not of whom: it stands in lists of downloads.
		mediaType = "text/plain; charset=utf-8"
		v.attach(mediaType, "postern-"+v.e.Page+".txt")
	} else {
		v.w.Header().Set("Content-Security-Policy", policy(v.nonce))
	}
	v.write(http.StatusOK, mediaType, out.Bytes())
	return nil
}
