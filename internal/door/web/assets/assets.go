// Package assets owns the files that a page loads: one style sheet, a few small
// ES modules and the mark. They are embedded and served under a hash of all of
// them together: /assets/{hash}/{name}. One hash for the whole set is what lets a
// module import another by a relative name.
//
// It guarantees that an answer under the hash never changes, so that it may be
// cached for ever, and that nothing in the set names another origin or is the
// same for one person only. It never reads the disk after New and serves no
// name that is not in the set.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed files
var files embed.FS

//go:embed icons
var icons embed.FS

// Pattern is the net/http pattern under which Set.ServeHTTP belongs.
const Pattern = "/assets/{hash}/{name}"

// Set is every asset. It is immutable and safe for concurrent use.
type Set struct {
	hash  string
	files map[string]file
}

type file struct {
	mediaType    string
	plain, small []byte // small is gzip, made once: the content holds no secret to leak by its length
}

// New reads the embedded files and hashes them.
func New() (*Set, error) {
	s := &Set{files: map[string]file{}}
	sum := sha256.New()
	entries, err := files.ReadDir("files") // sorted by name
	if err != nil {
		return nil, fmt.Errorf("list assets: %w", err)
	}
	for _, e := range entries {
		raw, err := files.ReadFile(path.Join("files", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read asset %s: %w", e.Name(), err)
		}
		mediaType, err := mediaTypeOf(e.Name())
		if err != nil {
			return nil, err
		}
		small, err := compress(raw)
		if err != nil {
			return nil, fmt.Errorf("compress asset %s: %w", e.Name(), err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", e.Name(), len(raw), raw)
		s.files[e.Name()] = file{mediaType: mediaType, plain: raw, small: small}
	}
	s.hash = hex.EncodeToString(sum.Sum(nil)[:8])
	return s, nil
}

func mediaTypeOf(name string) (string, error) {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8", nil
	case ".js":
		return "text/javascript; charset=utf-8", nil
	case ".svg":
		return "image/svg+xml", nil
	default:
		return "", fmt.Errorf("asset %s: no media type for it", name)
	}
}

func compress(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// URL is the path of the asset with this name. It fails for a name that does
// not exist, so that a page with a typing error is found when it is rendered.
func (s *Set) URL(name string) (string, error) {
	if _, ok := s.files[name]; !ok {
		return "", fmt.Errorf("asset %s: no such file", name)
	}
	return "/assets/" + s.hash + "/" + name, nil
}

// Names lists the assets.
func (s *Set) Names() []string {
	var names []string
	for n := range s.files {
		names = append(names, n)
	}
	return names
}

// ServeHTTP answers GET and HEAD of Pattern. The door's own headers (nosniff and
// the rest) are set by whoever mounts it. Another hash or name is a plain 404:
// a page of an older version that asks for its own hash gets nothing rather
// than a file that does not match it.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := s.files[r.PathValue("name")]
	if !ok || r.PathValue("hash") != s.hash {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = f.small
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the reader left: there is nobody to tell
}

// acceptsGzip reads the header coarsely: a client that spells out "gzip;q=0"
// gets the plain file.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) == "gzip" {
			q = strings.TrimSpace(q)
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

// Icons returns the inline drawings by name ("mark"), as template source: they
// are files of this package, and a page includes them as it includes any template.
func Icons() (map[string]string, error) {
	out := map[string]string{}
	entries, err := fs.ReadDir(icons, "icons")
	if err != nil {
		return nil, fmt.Errorf("list icons: %w", err)
	}
	for _, e := range entries {
		raw, err := icons.ReadFile(path.Join("icons", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read icon %s: %w", e.Name(), err)
		}
		out[strings.TrimSuffix(e.Name(), ".svg")] = strings.TrimSpace(string(raw))
	}
	return out, nil
}
