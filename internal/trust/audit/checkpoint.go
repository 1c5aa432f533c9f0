package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/word/fault"
)

// Signer signs checkpoints; it has the methods of note.Signer. Name is the log's
// origin. The key never leaves the implementation.
type Signer interface {
	Name() string
	KeyHash() uint32
	Sign(msg []byte) ([]byte, error)
}

// The ways in which a log and a checkpoint can disagree. Each refuses the start
// and is the reason that the verifier prints.
var (
	ErrOutsideMissing = errors.New("audit: the outside checkpoint is missing")
	ErrOutsideMoved   = errors.New("audit: the outside checkpoint is not the one this log wrote last")
	ErrNote           = errors.New("audit: checkpoint cannot be parsed")
	ErrNoteKey        = errors.New("audit: checkpoint is not signed by the log's key")
	ErrOrigin         = errors.New("audit: checkpoint belongs to another log")
	ErrSmaller        = errors.New("audit: the log is smaller than its checkpoint")
	ErrRoot           = errors.New("audit: the log's tree is not the one that the checkpoint signs")
	ErrVKey           = errors.New("audit: log key cannot be parsed or is not the signer's")
)

// Origin is the origin line of the log of the clinic with this text.
func Origin(clinic string) string { return "postern/" + clinic }

// formatHead is the text of a C2SP checkpoint (tlog-checkpoint 1.0): origin, size, root.
func formatHead(origin string, h Head) string {
	return origin + "\n" + strconv.FormatInt(h.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(h.Root[:]) + "\n"
}

// signHead makes the signed note of h.
func signHead(s Signer, origin string, h Head) ([]byte, error) {
	b, err := note.Sign(&note.Note{Text: formatHead(origin, h)}, s)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "sign checkpoint", err)
	}
	return b, nil
}

// parseHead reads the text of a checkpoint. Extension lines are allowed and ignored.
func parseHead(origin, text string) (Head, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return Head{}, ErrNote
	}
	if lines[0] != origin {
		return Head{}, ErrOrigin
	}
	n, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != lines[1] {
		return Head{}, ErrNote
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Head{}, ErrNote
	}
	return Head{n, tlog.Hash(root)}, nil
}

// key is the log's public key. Nothing else is believed about a checkpoint.
type key struct {
	text     string
	origin   string
	verifier note.Verifier
}

// parseVKey reads a C2SP verifier key; its name is the log's origin.
func parseVKey(text string) (key, error) {
	text = strings.TrimSuffix(text, "\n")
	v, err := note.NewVerifier(text)
	if err != nil {
		return key{}, fault.Wrap(fault.Invalid, "read log key", ErrVKey)
	}
	return key{text, v.Name(), v}, nil
}

// open checks a note's signature and returns the head that it signs.
func (k key) open(b []byte) (Head, error) {
	n, err := note.Open(b, note.VerifierList(k.verifier))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified), errors.As(err, &invalid):
		return Head{}, ErrNoteKey
	case err != nil:
		return Head{}, ErrNote
	}
	h, err := parseHead(k.origin, n.Text)
	if err == nil && h.Size == 0 && h.Root != sha256.Sum256(nil) {
		err = ErrNote
	}
	return h, err
}

// checkPrefix compares the first size leaves of r with a signed head.
func checkPrefix(size int64, h Head, rootAt func(int64) (tlog.Hash, error)) error {
	if h.Size > size {
		return fmt.Errorf("%w: %d entries, checkpoint says %d", ErrSmaller, size, h.Size)
	}
	root, err := rootAt(h.Size)
	if err != nil {
		return err
	}
	if root != h.Root {
		return fmt.Errorf("%w (at %d entries)", ErrRoot, h.Size)
	}
	return nil
}
