package fhirapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
)

// statementDate is when what follows last changed in kind; the golden file of the
// statement changes with it.
const statementDate = "2026-11-27"

// statement is a CapabilityStatement (FHIR R4 5.1): what the definitions allow, and
// nothing that they do not.
type statement struct {
	ResourceType   string   `json:"resourceType"`
	Status         string   `json:"status"`
	Date           string   `json:"date"`
	Kind           string   `json:"kind"`
	Software       named    `json:"software"`
	Implementation instance `json:"implementation"`
	FHIRVersion    string   `json:"fhirVersion"`
	Format         []string `json:"format"`
	Rest           []rest   `json:"rest"`
}

type named struct {
	Name string `json:"name"`
}

type instance struct {
	Description string `json:"description"`
	URL         string `json:"url"`
}

type rest struct {
	Mode     string     `json:"mode"`
	Security security   `json:"security"`
	Resource []resource `json:"resource"`
}

type security struct {
	Description string `json:"description"`
}

type resource struct {
	Type              string        `json:"type"`
	Interaction       []interaction `json:"interaction"`
	Versioning        string        `json:"versioning"`
	ReadHistory       bool          `json:"readHistory"`
	UpdateCreate      bool          `json:"updateCreate"`
	ConditionalCreate bool          `json:"conditionalCreate"`
	ConditionalRead   string        `json:"conditionalRead"`
	ReferencePolicy   []string      `json:"referencePolicy"`
	SearchInclude     []string      `json:"searchInclude,omitempty"`
	SearchRevInclude  []string      `json:"searchRevInclude,omitempty"`
	SearchParam       []searchParam `json:"searchParam"`
}

type interaction struct {
	Code string `json:"code"`
}

type searchParam struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// paramType is FHIR's name of a kind of parameter.
func paramType(k records.ParamKind) string {
	switch k {
	case records.TokenParam:
		return "token"
	case records.DateParam:
		return "date"
	case records.StringParam:
		return "string"
	default:
		return "reference"
	}
}

// newStatement describes what a catalogue's types can do.
func newStatement(cat *records.Catalogue, origin string) ([]byte, error) {
	s := statement{ResourceType: "CapabilityStatement", Status: "active", Date: statementDate, Kind: "instance",
		Software: named{"Postern"}, Implementation: instance{"Patient portal", origin + Base},
		FHIRVersion: "4.0.1", Format: []string{"application/fhir+json", "json"}}
	server := rest{Mode: "server", Security: security{"Bearer tokens (RFC 6750) in the Authorization header. Every answer about a person is decided by policy and logged; a patient sees who looked."}}
	for _, def := range cat.All() {
		r := resource{Type: def.Type, Versioning: "versioned", ReadHistory: true, ConditionalRead: "not-match", ReferencePolicy: []string{"literal", "local"}}
		for _, code := range []string{"read", "vread", "history-instance", "search-type"} {
			r.Interaction = append(r.Interaction, interaction{code})
		}
		r.SearchInclude, r.SearchRevInclude = cat.Includes(def.Type)
		for _, p := range records.CommonParams() {
			r.SearchParam = append(r.SearchParam, searchParam{p.Name, paramType(p.Kind)})
		}
		if !def.Shared {
			for _, name := range []string{records.PatientParam, def.Subject()} {
				if name != "" {
					r.SearchParam = append(r.SearchParam, searchParam{name, "reference"})
				}
			}
		}
		for _, p := range def.Search {
			r.SearchParam = append(r.SearchParam, searchParam{p.Name, paramType(p.Kind)})
		}
		server.Resource = append(server.Resource, r)
	}
	s.Rest = []rest{server}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write capability statement: %w", err)
	}
	return b, nil
}

// tagOf is the entity tag of bytes that are the same for everybody.
func tagOf(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// metadata answers what this server can do. It is the same for everybody, and so the
// only answer of the door that may be kept.
func (d *Door) metadata(w http.ResponseWriter, r *http.Request) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fault.Wrap(fault.Invalid, "read capability statement", err)
	}
	for name, vs := range values {
		if name == "mode" && len(vs) == 1 && vs[0] == "full" {
			continue
		}
		if err := formOf(name, vs); err != nil {
			return err
		}
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("Vary", "Accept")
	w.Header().Set("Etag", d.statementTag)
	if unchanged(r.Header, d.statementTag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(d.statement)))
	return d.send(w, r, http.StatusOK, d.statement)
}
