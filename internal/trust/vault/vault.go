package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Alarm tells the installation that stored data failed a check. what is a fixed
// text that names the finding; owner says whose data.
type Alarm func(ctx context.Context, what string, owner person.Owner)

// Config is what New needs.
type Config struct {
	DB    *db.DB
	Ring  *keys.Ring
	Root  *keys.Root
	Log   Log
	Alarm Alarm // nil is refused: a vault without an alarm would fail silently
	Cache int   // most verified heads kept in memory; 0 means 200,000

	// Pause waits before rows that do not match their head are looked at again; nil
	// waits by the clock.
	Pause func(context.Context, time.Duration) error
}

// Vault seals and opens.
type Vault struct {
	ring   *keys.Ring
	blind  keys.Key
	handle keys.Key
	alarm  Alarm
	heads  *heads
	pause  func(context.Context, time.Duration) error

	buffers sync.Pool // of *[]byte, wiped: documents that were lent
}

// New makes a Vault and checks the database's heads against the newest anchor
// of the log. It refuses a database that is not the one the log knows.
func New(ctx context.Context, c Config) (*Vault, error) {
	if c.Alarm == nil || c.Log == nil {
		return nil, errors.New("open vault: no alarm or no log")
	}
	v := &Vault{ring: c.Ring, alarm: c.Alarm, pause: c.Pause}
	if v.pause == nil {
		v.pause = wait
	}
	var err error
	if v.blind, err = c.Root.Service(keys.ServiceSource); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	if v.handle, err = c.Root.Service(keys.ServiceHandle); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	if v.heads, err = openHeads(ctx, c); err != nil {
		return nil, err
	}
	return v, nil
}

// Seal encrypts plain as row. Sealing discloses nothing and needs no Grant.
func (v *Vault) Seal(ctx context.Context, row Row, plain []byte) ([]byte, error) {
	key, err := v.ring.Subject(ctx, row.Owner, use(row.Owner))
	if err != nil {
		return nil, v.failed(ctx, "seal row", row.Owner, err)
	}
	return key.Seal(plain, row.associated())
}

// Open decrypts row for the holder of g, and counts it for the holder's day. It is fault.Denied when g does not
// cover the owner and kind or is no longer alive, fault.Gone when the key was
// destroyed, and fault.Tampered when the bytes are not this row's or the key is
// missing though nobody destroyed it.
func (v *Vault) Open(ctx context.Context, g access.Grant, row Row, sealed []byte) (phi.Doc, error) {
	if err := g.Check(row.Owner, row.Kind); err != nil {
		return phi.Doc{}, err
	}
	if err := g.Give(ctx, 1); err != nil {
		return phi.Doc{}, err
	}
	plain, err := v.open(ctx, row, sealed)
	if err != nil {
		return phi.Doc{}, err
	}
	return phi.NewDoc(plain), nil
}

// Lend is Open for a document that is only looked at: it is there while use runs
// and is wiped afterwards, so that its memory can serve the next one. It holds n
// resources.
func (v *Vault) Lend(ctx context.Context, g access.Grant, row Row, sealed []byte, n int, use func(phi.Doc) error) error {
	if err := g.Check(row.Owner, row.Kind); err != nil {
		return err
	}
	if err := g.Give(ctx, n); err != nil {
		return err
	}
	buf, ok := v.buffers.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	plain, err := v.openTo(ctx, row, *buf, sealed)
	if err != nil {
		return err
	}
	doc, end := phi.LendDoc(plain)
	defer func() {
		end()
		clear(plain)
		*buf = plain[:0]
		v.buffers.Put(buf)
	}()
	return use(doc)
}

// ErrNotCurrent is the error of OpenIfCurrent for bytes that are not row's.
var ErrNotCurrent = errors.New("vault: not the current version of this row")

// OpenIfCurrent is Open for rows that are replaced in place (an index, a
// manifest): bytes that do not open as this version are ErrNotCurrent, without
// an alarm, because a change may have come between two reads. The caller reads
// again and calls Tampered when nothing has moved.
func (v *Vault) OpenIfCurrent(ctx context.Context, g access.Grant, row Row, sealed []byte) (phi.Doc, error) {
	if err := g.Check(row.Owner, row.Kind); err != nil {
		return phi.Doc{}, err
	}
	key, err := v.ring.Subject(ctx, row.Owner, use(row.Owner))
	if err != nil {
		return phi.Doc{}, v.failed(ctx, "open row", row.Owner, err)
	}
	plain, err := key.Open(sealed, row.associated())
	if errors.Is(err, keys.ErrOpen) || errors.Is(err, keys.ErrFormat) {
		return phi.Doc{}, ErrNotCurrent
	}
	if err != nil {
		return phi.Doc{}, v.failed(ctx, "open row", row.Owner, err)
	}
	return phi.NewDoc(plain), nil
}

func (v *Vault) open(ctx context.Context, row Row, sealed []byte) ([]byte, error) {
	return v.openTo(ctx, row, nil, sealed)
}

// openTo decrypts into dst's capacity.
func (v *Vault) openTo(ctx context.Context, row Row, dst, sealed []byte) ([]byte, error) {
	key, err := v.ring.Subject(ctx, row.Owner, use(row.Owner))
	if err != nil {
		return nil, v.failed(ctx, "open row", row.Owner, err)
	}
	plain, err := key.AppendOpen(dst, sealed, row.associated())
	if err != nil {
		return nil, v.failed(ctx, "open row "+string(row.Field)+" of "+row.Kind, row.Owner, err)
	}
	return plain, nil
}

// failed turns an error of package keys into a fault, and raises the alarm for
// what only tampering or loss explains. A key that is missing was erased only when
// the erasure left word of it.
func (v *Vault) failed(ctx context.Context, what string, owner person.Owner, err error) error {
	found := "sealed bytes do not belong to this row"
	switch {
	case errors.Is(err, keys.ErrErased):
		return fault.Wrap(fault.Gone, what, err)
	case errors.Is(err, keys.ErrKey):
		found = "a key of the " + ownerKind(owner) + " is missing and nobody erased it"
	case errors.Is(err, keys.ErrBack):
		found = "an erased key of the " + ownerKind(owner) + " is there again"
	case errors.Is(err, keys.ErrOpen), errors.Is(err, keys.ErrFormat):
	default:
		return fault.Wrap(fault.Unavailable, what, err)
	}
	v.alarm(ctx, what+": "+found, owner)
	return fault.Wrap(fault.Tampered, what, err)
}

// ownerKind names the kind of an owner, for alarms.
func ownerKind(o person.Owner) string {
	switch o.Kind {
	case person.OwnerPatient:
		return "patient"
	case person.OwnerAccount:
		return "account"
	default:
		return "clinic"
	}
}

// Tampered raises the alarm for a finding of a room (a set of rows that does not
// match its head) and returns the fault to answer with.
func (v *Vault) Tampered(ctx context.Context, what string, owner person.Owner) error {
	v.alarm(ctx, what, owner)
	return fault.New(fault.Tampered, what)
}

// Facts are what may be read of a row without a Grant: labels and the time of
// storage, and no PHI. Presentation shows them; no decision asks for them (decision 23).
type Facts struct {
	Stored time.Time // when this version was stored, in UTC, to the microsecond
	Labels []phi.Label
}

// Facts opens a row's header.
func (v *Vault) Facts(ctx context.Context, row Row, sealed []byte) (Facts, error) {
	row.Field = FieldHeader
	plain, err := v.open(ctx, row, sealed)
	if err != nil {
		return Facts{}, err
	}
	return decodeFacts(plain), nil
}

// SealFacts seals a row's header.
func (v *Vault) SealFacts(ctx context.Context, row Row, f Facts) ([]byte, error) {
	row.Field = FieldHeader
	plain, err := f.encode()
	if err != nil {
		return nil, err
	}
	return v.Seal(ctx, row, plain)
}

// headerSize pads headers, so that their length does not tell the labels.
const headerSize = 64

func (f Facts) encode() ([]byte, error) {
	b := make([]byte, 0, headerSize)
	b = binary.BigEndian.AppendUint64(b, uint64(f.Stored.UnixMicro())) //#nosec G115 -- a bit pattern
	for _, l := range f.Labels {
		if len(l) == 0 || len(b)+1+len(l) >= headerSize {
			return nil, errors.New("seal header: labels do not fit")
		}
		b = append(append(b, byte(len(l))), l...)
	}
	return b[:headerSize], nil
}

// decodeFacts reads what encode wrote; the seal has vouched for the bytes.
func decodeFacts(b []byte) Facts {
	if len(b) < 8 {
		return Facts{}
	}
	f := Facts{Stored: time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC()} //#nosec G115 -- a bit pattern
	for b = b[8:]; len(b) > 1 && b[0] > 0 && int(b[0]) < len(b); b = b[1+int(b[0]):] {
		f.Labels = append(f.Labels, phi.Label(b[1:1+int(b[0])]))
	}
	return f
}

// SecretPurpose is why service data is opened without a Grant.
type SecretPurpose string

// SecretDef lists the row kinds that a purpose may seal and open. None is a
// chart kind; a test compares the list with the FHIR types.
type SecretDef struct {
	Purpose SecretPurpose
	Kinds   []string
	Why     string
}

// The purposes of service data.
const (
	SecretAccount SecretPurpose = "account"
	SecretSession SecretPurpose = "session"
)

// Secrets is the one list of service secrets (design.md section 3, way c).
func Secrets() []SecretDef {
	return []SecretDef{
		{SecretAccount, []string{"account", "credential", "assignment", "enrolment"},
			"sign-in happens before anybody can hold a Grant; decisions need roles and assignments before they are made"},
		{SecretSession, []string{"session", "token"}, "a session is found before its Caller exists"},
	}
}

// Secret seals and opens service data of one purpose.
type Secret struct {
	v     *Vault
	kinds []string
}

// Secret returns the opener of one purpose; an unlisted purpose opens nothing.
func (v *Vault) Secret(p SecretPurpose) Secret {
	for _, d := range Secrets() {
		if d.Purpose == p {
			return Secret{v, d.Kinds}
		}
	}
	return Secret{v, nil}
}

// Seal encrypts plain as row.
func (s Secret) Seal(ctx context.Context, row Row, plain []byte) ([]byte, error) {
	if !slices.Contains(s.kinds, row.Kind) {
		return nil, fmt.Errorf("seal %s: not a kind of this purpose", row.Kind)
	}
	return s.v.Seal(ctx, row, plain)
}

// Open decrypts row.
func (s Secret) Open(ctx context.Context, row Row, sealed []byte) ([]byte, error) {
	if !slices.Contains(s.kinds, row.Kind) {
		return nil, fmt.Errorf("open %s: not a kind of this purpose", row.Kind)
	}
	return s.v.open(ctx, row, sealed)
}

// Blind is the keyed token under which an import source is found again. parts
// are length-prefixed, so ("a","bc") and ("ab","c") differ.
func (v *Vault) Blind(parts ...string) []byte { return mac(v.blind, parts...) }

// Handle is the stored form of a secret that a browser or client holds.
func (v *Vault) Handle(purpose SecretPurpose, secret string) []byte {
	return mac(v.handle, string(purpose), secret)
}

func mac(k keys.Key, parts ...string) []byte {
	m := k.MACText(parts...)
	return m[:]
}
