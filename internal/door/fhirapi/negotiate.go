package fhirapi

import (
	"mime"
	"net/http"
	"strings"

	"postern.example/postern/internal/word/fault"
)

// acceptable reports whether the client takes FHIR R4 as JSON, which is the only form
// (RFC 9110 12.5.1, FHIR R4 3.1.0.1.11).
func acceptable(h http.Header) bool {
	values := h.Values("Accept")
	if len(values) == 0 {
		return true
	}
	some := false
	for _, v := range values {
		if v == "application/fhir+json" || v == "*/*" {
			return true // what nearly all clients say
		}
		for part := range strings.SplitSeq(v, ",") {
			if strings.TrimSpace(part) == "" {
				continue
			}
			some = true
			if takesJSON(part) {
				return true
			}
		}
	}
	return !some
}

// takesJSON reports whether one media range is ours.
func takesJSON(part string) bool {
	t, params, err := mime.ParseMediaType(part)
	if err != nil {
		return false
	}
	if v, ok := params["fhirversion"]; ok && v != "4.0" {
		return false
	}
	if q, ok := params["q"]; ok && strings.Trim(q, "0.") == "" {
		return false
	}
	switch t {
	case "*/*", "application/*", "application/fhir+json", "application/json", "text/json":
		return true
	}
	return false
}

// negotiate refuses what asks for another form. _format is looked at where the other
// parameters are.
func negotiate(r *http.Request) error {
	if !acceptable(r.Header) {
		return fault.New(fault.NotAcceptable, "negotiate form of answer")
	}
	return nil
}

// unchanged reports whether the client has this version already (RFC 9110 13.1.2):
// weak comparison, as FHIR's tags are weak.
func unchanged(h http.Header, tag string) bool {
	for _, v := range h.Values("If-None-Match") {
		for part := range strings.SplitSeq(v, ",") {
			part = strings.TrimSpace(part)
			if part == "*" || strings.TrimPrefix(part, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}
