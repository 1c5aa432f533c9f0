package records

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
)

// Limits bounds an import. A zero field means its default.
type Limits struct {
	Bundle    int64 // bytes of a file; default 64 MiB
	Resource  int   // bytes of one resource; default 1 MiB
	Depth     int   // nested containers, counted from the start of the file; default 64
	Resources int   // entries of a bundle; default 100,000
}

func (l Limits) withDefaults() Limits {
	if l.Bundle == 0 {
		l.Bundle = 64 << 20
	}
	if l.Resource == 0 {
		l.Resource = 1 << 20
	}
	if l.Depth == 0 {
		l.Depth = 64
	}
	if l.Resources == 0 {
		l.Resources = 100_000
	}
	return l
}

// File is a bundle to plan. It is read several times, a resource at a time, so
// that the size of a bundle costs no memory.
type File struct {
	Name string // for ImportError.File
	Data io.ReaderAt
	Size int64
}

// entry is what the first reading keeps of one resource.
type entry struct {
	typ    string
	id     string // source id, see sourceID
	base   string // of an http fullUrl
	at     rawjson.Pos
	size   int
	sum    [16]byte // of the bytes, to notice a file that changes between readings
	index  int      // in Bundle.entry
	listed bool     // type unknown: not stored
}

// outline is the first reading of a bundle.
type outline struct {
	file    File
	lim     Limits
	cat     *Catalogue
	digest  [32]byte
	entries []entry
	uuids   map[[16]byte]int32 // urn:uuid fullUrls and ids in UUID form
	names   map[string]int32   // "Type/id", http fullUrls and other URNs
	owner   int                // index of the Patient, -1 before it is found
	bundle  string             // Bundle.type
}

func (o *outline) fail(pos rawjson.Pos, index int, message, detail string) *ImportError {
	return &ImportError{File: o.file.Name, Offset: pos.Offset, Line: pos.Line, Col: pos.Col,
		Entry: index, MessageID: message, Detail: detail}
}

// scan is the first reading: it checks all JSON, finds the resources and their
// names, and computes the file's digest.
func scan(cat *Catalogue, f File, lim Limits) (*outline, error) {
	o := &outline{file: f, lim: lim.withDefaults(), cat: cat, owner: -1,
		uuids: map[[16]byte]int32{}, names: map[string]int32{}}
	if f.Size > o.lim.Bundle {
		return nil, o.fail(rawjson.Start(), -1, MsgTooLarge, fmt.Sprintf("limit %d bytes", o.lim.Bundle))
	}
	sum := sha256.New()
	src := io.TeeReader(io.NewSectionReader(f.Data, 0, f.Size), sum)
	r := rawjson.NewReader(src, rawjson.Config{Limits: rawjson.Limits{Depth: o.lim.Depth}, Size: o.lim.Bundle})
	if err := o.read(r, sum); err != nil {
		return nil, err
	}
	switch {
	case o.bundle == "":
		return nil, o.fail(rawjson.Start(), -1, MsgBundleType, "Bundle.type")
	case o.owner < 0:
		return nil, o.fail(rawjson.Start(), -1, MsgNoPatient, "")
	}
	return o, nil
}

func (o *outline) read(r *rawjson.Reader, sum hash.Hash) error {
	if err := r.Object(); err != nil {
		return o.wrap(err, -1, MsgNotBundle)
	}
	isBundle := false
	for {
		name, _, ok, err := r.NextMember()
		if err != nil {
			return o.wrap(err, -1, MsgKind)
		}
		if !ok {
			break
		}
		if name == "entry" {
			if err := o.readEntries(r); err != nil {
				return err
			}
			continue
		}
		v, vpos, err := r.Value(o.lim.Resource)
		if err != nil {
			return o.wrap(err, -1, MsgKind)
		}
		switch name {
		case "resourceType":
			if isBundle = v.Text() == "Bundle"; !isBundle {
				return o.fail(vpos, -1, MsgNotBundle, "")
			}
		case "type":
			switch o.bundle = v.Text(); o.bundle {
			case "transaction", "batch", "collection":
			default:
				return o.fail(vpos, -1, MsgBundleType, "Bundle.type")
			}
		}
	}
	if err := r.End(); err != nil {
		return o.wrap(err, -1, MsgSyntax)
	}
	if !isBundle {
		return o.fail(rawjson.Start(), -1, MsgNotBundle, "resourceType")
	}
	sum.Sum(o.digest[:0])
	return nil
}

func (o *outline) readEntries(r *rawjson.Reader) error {
	if err := r.Array(); err != nil {
		return o.wrap(err, -1, MsgKind)
	}
	const envelope = 64 << 10 // fullUrl, request and the like
	for index := 0; ; index++ {
		ok, err := r.NextItem()
		if err != nil {
			return o.wrap(err, index, MsgKind)
		}
		if !ok {
			return nil
		}
		if index >= o.lim.Resources {
			return o.fail(r.Pos(), index, MsgTooMany, fmt.Sprintf("limit %d", o.lim.Resources))
		}
		v, pos, err := r.Value(o.lim.Resource + envelope)
		if e, ok := jsonReason(err); ok && e.Reason == rawjson.TooLarge && e.At.Offset < o.lim.Bundle && r.Pos().Offset <= o.lim.Bundle {
			return o.fail(pos, index, MsgResSize, fmt.Sprintf("limit %d bytes", o.lim.Resource))
		}
		if err != nil {
			return o.wrap(err, index, MsgKind)
		}
		if err := o.addEntry(v, pos, index); err != nil {
			return err
		}
	}
}

// wrap turns a scanner refusal into an ImportError. kind is the message for a
// value of another kind than the bundle has there.
func (o *outline) wrap(err error, index int, kind string) error {
	var ie *ImportError
	if errors.As(err, &ie) {
		return err
	}
	e, ok := jsonReason(err)
	if !ok {
		return fmt.Errorf("read bundle: %w", err)
	}
	message := jsonMessage(e.Reason)
	if e.Reason == rawjson.Kind {
		message = kind
	}
	detail := ""
	switch message {
	case MsgDepth:
		detail = fmt.Sprintf("limit %d", o.lim.Depth)
	case MsgTooLarge:
		detail = fmt.Sprintf("limit %d bytes", o.lim.Bundle)
	}
	return o.fail(e.At, index, message, detail)
}

// addEntry takes one entry into the outline. pos is the place of v.
func (o *outline) addEntry(v rawjson.Value, pos rawjson.Pos, index int) error {
	fail := func(x rawjson.Value, message, detail string) error {
		return o.fail(pos.After(v.Raw()[:x.Offset()]), index, message, detail)
	}
	if v.Type() != rawjson.Object {
		return fail(v, MsgEntry, "Bundle.entry")
	}
	res := v.Get("resource")
	if res.Type() != rawjson.Object {
		return fail(v, MsgEntry, "Bundle.entry.resource")
	}
	if len(res.Raw()) > o.lim.Resource {
		return fail(res, MsgResSize, fmt.Sprintf("limit %d bytes", o.lim.Resource))
	}
	typ := res.Get("resourceType")
	if !typeName(typ.Text()) {
		return fail(res, MsgKind, "resourceType")
	}
	if id := res.Get("id"); id.Type() != rawjson.Absent && !fhirID(id.Text()) {
		return fail(id, MsgBadID, "id")
	}
	if p := checkRequest(v.Get("request"), typ.Text()); p != nil {
		return o.fail(pos.After(v.Raw()[:p.off]), index, p.message, p.detail)
	}
	sum := sha256.Sum256(res.Raw())
	e := entry{typ: typ.Text(), at: pos.After(v.Raw()[:res.Offset()]), size: len(res.Raw()), index: index}
	copy(e.sum[:], sum[:])
	def := o.cat.def(e.typ)
	if e.listed = def == nil; def != nil {
		e.typ = def.Type // the definition's string, so that the input's memory is let go
	}
	if message := o.nameEntry(&e, v.Get("fullUrl"), res.Get("id").Text()); message != "" {
		return fail(v, message, "Bundle.entry.fullUrl")
	}
	if e.typ == "Patient" {
		if o.owner >= 0 {
			return fail(res, MsgTwoPatients, "")
		}
		o.owner = len(o.entries)
	}
	o.entries = append(o.entries, e)
	return nil
}

// checkRequest refuses entries that ask for anything but storing the resource.
func checkRequest(req rawjson.Value, typ string) *problem {
	if req.Type() == rawjson.Absent {
		return nil
	}
	if req.Type() != rawjson.Object {
		return &problem{req.Offset(), MsgKind, "Bundle.entry.request"}
	}
	method, url := req.Get("method"), req.Get("url")
	switch method.Text() {
	case "POST", "PUT":
	default:
		return &problem{max(method.Offset(), req.Offset()), MsgMethod, "Bundle.entry.request.method"}
	}
	target := url.Text()
	if i := strings.IndexAny(target, "/?"); i >= 0 {
		target = target[:i]
	}
	if target != typ {
		return &problem{max(url.Offset(), req.Offset()), MsgMethod, "Bundle.entry.request.url"}
	}
	return nil
}

// nameEntry works out the names by which references may reach the entry that
// comes next. It returns a message id, empty when all is well.
func (o *outline) nameEntry(e *entry, fullURL rawjson.Value, id string) string {
	url := fullURL.Text()
	var names []string
	if id != "" {
		names = append(names, e.typ+"/"+id)
	}
	switch base, typ, urlID, ok := splitURL(url); {
	case fullURL.Type() == rawjson.Absent:
		if id == "" {
			return MsgNoID
		}
	case parseRef(url).form == uuidRef:
		names = append(names, url)
		if id == "" {
			id = url
		}
	case ok && typ == e.typ && (id == "" || id == urlID):
		e.base, id = base, urlID
		names = append(names, url, typ+"/"+urlID)
	default:
		return MsgFullURL
	}
	e.id = sourceID(e.typ, e.base, id)
	at := int32(len(o.entries))
	for _, n := range names {
		if !o.register(n, at) {
			return MsgSameID
		}
	}
	return ""
}

// register gives the entry a name; false when another entry has it.
func (o *outline) register(name string, at int32) bool {
	if u, ok := parseUUID(afterSlash(name)); ok && !isHTTP(name) {
		had, taken := o.uuids[u]
		o.uuids[u] = at
		return !taken || had == at
	}
	had, taken := o.names[name]
	o.names[name] = at
	return !taken || had == at
}

// find returns the entry that a reference from an entry with this base names.
func (o *outline) find(ref literalRef, base string) (int, bool) {
	if ref.form == relativeRef {
		if u, ok := parseUUID(ref.id); ok {
			i, ok := o.uuids[u]
			return int(i), ok
		}
		if base != "" {
			if i, ok := o.names[base+"/"+ref.typ+"/"+ref.id]; ok {
				return int(i), true
			}
		}
		i, ok := o.names[ref.typ+"/"+ref.id]
		return int(i), ok
	}
	if u, ok := parseUUID(ref.id); ok {
		i, ok := o.uuids[u]
		return int(i), ok
	}
	i, ok := o.names[ref.id]
	return int(i), ok
}

func afterSlash(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// load reads one resource again. The result shares buf.
func (o *outline) load(e entry, buf []byte) (rawjson.Value, []byte, error) {
	if cap(buf) < e.size {
		buf = make([]byte, e.size)
	}
	buf = buf[:e.size]
	if _, err := o.file.Data.ReadAt(buf, e.at.Offset); err != nil && !errors.Is(err, io.EOF) {
		return rawjson.Value{}, buf, fmt.Errorf("read bundle: %w", err)
	}
	sum := sha256.Sum256(buf)
	if [16]byte(sum[:16]) != e.sum {
		return rawjson.Value{}, buf, o.fail(e.at, e.index, MsgFileChanged, "")
	}
	v, err := rawjson.Parse(buf, rawjson.Limits{Depth: o.lim.Depth})
	if err != nil {
		return rawjson.Value{}, buf, o.wrap(err, e.index, MsgKind)
	}
	return v.Indexed(), buf, nil
}
