package records

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

func catalogue(t testing.TB) *Catalogue {
	t.Helper()
	c, err := NewCatalogue(Definitions())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func asFile(text string) File {
	return File{Name: "story.json", Data: strings.NewReader(text), Size: int64(len(text))}
}

func planText(t testing.TB, text string) (*Plan, error) {
	t.Helper()
	return NewPlan(context.Background(), PlanConfig{Catalogue: catalogue(t)}, asFile(text))
}

// hashIDs assigns identifiers by hashing the source, so that two runs agree.
func hashIDs(s Source) (person.ResourceID, error) {
	sum := sha256.Sum256([]byte(s.Type + " " + s.ID.Reveal()))
	return resourceIDFromBytes(sum[:16]), nil
}

// kept is a Stored whose body the test may keep.
type kept struct {
	Stored
	json string
}

func storeAll(t testing.TB, p *Plan) []kept {
	t.Helper()
	var out []kept
	err := p.Each(context.Background(), hashIDs, func(s Stored) error {
		out = append(out, kept{s, string(s.Body)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// rosa is the Patient of the tests' stories.
const rosa = `{"resourceType":"Patient","id":"rosa","name":[{"family":"Field","given":["Rosa"]}],"birthDate":"1984-05-01"}`

// bundleOf wraps resources, each on its own line, in a collection.
func bundleOf(resources ...string) string {
	var entries []string
	for _, r := range resources {
		entries = append(entries, `{"resource":`+r+`}`)
	}
	return "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[\n" + strings.Join(entries, ",\n") + "\n]}"
}

// observe is an Observation of Rosa's with more members.
func observe(members string) string {
	return `{"resourceType":"Observation","id":"obs","status":"final","code":{"text":"Glucose"},"subject":{"reference":"Patient/rosa"}` + members + `}`
}

func importError(t testing.TB, err error) *ImportError {
	t.Helper()
	var ie *ImportError
	if !errors.As(err, &ie) {
		t.Fatalf("error is %v, want an ImportError", err)
	}
	return ie
}

func clone(b []byte) []byte { return bytes.Clone(b) }

// titleOf is what a stored resource of any type calls itself, as the views read it.
func titleOf(doc phi.Doc, typ string) (title Coded, err error) {
	v, _, err := open(doc, typ)
	for _, path := range []string{"code", "type", "vaccineCode", "medicationCodeableConcept", "category", "description", "title", "name"} {
		if err == nil && title.IsZero() {
			title = coded(first(v, path))
		}
	}
	return title, err
}
