package session

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// What somebody chose in a form (a kind of result, a name to look for in the log)
// may stand in no URL, but a page that answers to a form cannot be gone back to
// without sending the form again. So the form is answered with the way to the page,
// and the choice travels in its address, sealed.
const (
	queryLife = 30 * time.Minute // long enough to read what a list leads to and come back
	queryStep = 256              // sealed texts have a multiple of this length, which tells next to nothing
	queryMost = 2112             // bytes of a choice, or of a program's question and its place; an address has to stay short
	queryHead = 8 + 2            // end of its life, length of the text
)

// SealQuery is text in a form that may stand in the address of the page at path. It
// opens for this session (or token) alone, there alone, for half an hour; a step-up in between
// does not end it. A text that is too long is fault.Invalid.
func (r *Room) SealQuery(c person.Caller, path, text string) (string, error) {
	if len(text) > queryMost {
		return "", fault.New(fault.Invalid, "seal query: it is too long")
	}
	size := (queryHead + len(text) + queryStep - 1) / queryStep * queryStep
	plain := make([]byte, 0, size)
	plain = binary.BigEndian.AppendUint64(plain, uint64(r.now().Add(queryLife).UnixNano())) //#nosec G115 -- after 1970
	plain = binary.BigEndian.AppendUint16(plain, uint16(len(text)))                         //#nosec G115 -- bounded above
	plain = append(plain, text...)
	sealed, err := r.c.Forms.Seal(plain[:size], queryAD(c, path))
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, "seal query", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// OpenQuery is the text that SealQuery sealed. One of another session or page, one
// that is over and one that was changed are fault.Gone: whoever holds an old address
// is not an attacker, so there is no alarm.
func (r *Room) OpenQuery(c person.Caller, path, sealed string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", fault.New(fault.Gone, "open query: malformed")
	}
	plain, err := r.c.Forms.Open(raw, queryAD(c, path))
	if err != nil {
		return "", fault.Wrap(fault.Gone, "open query", err)
	}
	end := time.Unix(0, int64(binary.BigEndian.Uint64(plain))) //#nosec G115 -- the inverse of SealQuery
	if !r.now().Before(end) {
		return "", fault.New(fault.Gone, "open query: it is over")
	}
	return string(plain[queryHead : queryHead+int(binary.BigEndian.Uint16(plain[8:]))]), nil
}

// queryAD binds a sealed query to its session and page. The session's id has a fixed
// length, so nothing of it can pass for a path.
func queryAD(c person.Caller, path string) []byte {
	return []byte("postern query v1 " + c.Account().String() + " " + c.Device() + " " + path)
}
