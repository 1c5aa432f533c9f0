package app

import "postern.example/postern/internal/word/person"

// links seals what the links of the API's answers carry, as the rooms' sessions seal
// what a page's address carries. The sessions are opened after the charts, and nobody
// asks before both are.
type links struct{ a *App }

func (l links) SealQuery(c person.Caller, path, text string) (string, error) {
	return l.a.Sessions.SealQuery(c, path, text)
}

func (l links) OpenQuery(c person.Caller, path, sealed string) (string, error) {
	return l.a.Sessions.OpenQuery(c, path, sealed)
}
