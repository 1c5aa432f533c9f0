package records

import (
	"strings"
	"testing"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// A refused search of the longest query, of bytes that the log must escape, still
// leaves its entry: once it was too long to be logged, and left no trace.
func TestTheLongestRefusedSearchIsLogged(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa, elder := k.rosa(t, "7.1"), k.persona(t, "elder")
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		text := "patient=" + person.PatientResource(elder).String() + "&code="
		text += strings.Repeat("\x01", 2<<10-len(text))
		size := k.Log.Size()
		if _, err := k.store.Search(t.Context(), c, "Observation", text); !fault.Is(err, fault.NotFound) || k.Log.Size() != size+1 {
			t.Fatalf("%v, %d new entries", err, k.Log.Size()-size)
		}
		if _, err := k.store.Search(t.Context(), c, "Observation", text+"\x01"); !fault.Is(err, fault.Invalid) {
			t.Fatalf("one byte more: %v", err)
		}
	})
}
