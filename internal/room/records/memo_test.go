package records_test

import (
	"bytes"
	"reflect"
	"testing"

	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Rosa's results read together are what they are one by one, whatever stood before.
func TestManyObservationsReadAsOneByOne(t *testing.T) {
	bodies := []string{
		`"code":{"text":"Glucose"},"valueQuantity":{"value":88,"unit":"mg/dL"},"referenceRange":[{"low":{"value":70,"unit":"mg/dL"},"high":{"value":99,"unit":"mg/dL"}}]`,
		`"code":{"text":"Glucose"},"valueQuantity":{"value":120,"unit":"mg/dL"},"referenceRange":[{"low":{"value":70,"unit":"mg/dL"},"high":{"value":99,"unit":"mg/dL"}}],"performer":[{"display":"River Lab"}]`,
		`"code":{"text":"Sodium"},"interpretation":[{"coding":[{"code":"L"}]}],"category":[{"text":"lab"}],"performer":[{"display":"River Lab"}]`,
		`"code":{"text":"Sodium"},"interpretation":[{"coding":[{"code":"H"}]}],"dataAbsentReason":{"text":"lost"}`,
		`"code":{"text":"Pressure"},"component":[{"code":{"text":"Glucose"},"valueQuantity":{"value":1}},{"code":{"text":"Glucose"},"valueString":"none"}]`,
	}
	var list []records.Resource
	for range 2 {
		for _, b := range bodies {
			list = append(list, records.Resource{Type: "Observation", Doc: phi.NewDoc([]byte(`{"resourceType":"Observation","id":"` + numbered(t, len(list)).String() + `","status":"final",` + b + `}`))})
		}
	}
	got, err := records.ViewObservations(list)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range list {
		want, err := records.ViewObservation(r.Doc)
		if err != nil || !reflect.DeepEqual(want, got[i]) {
			t.Errorf("%d: %+v, %v", i, want, err)
		}
	}
	if got[0].Mark != records.Unmarked || got[2].Mark != records.Low || got[3].Mark != records.High {
		t.Error("marks are mixed up")
	}
	list[3].Doc = phi.NewDoc([]byte(`{"resourceType":"Patient"}`))
	if _, err := records.ViewObservations(list); err == nil {
		t.Error("a Patient is read as an Observation")
	}
}

func numbered(t *testing.T, n int) person.ResourceID {
	t.Helper()
	id, err := person.NewResourceID(bytes.NewReader(append(make([]byte, 15), byte(n))))
	if err != nil {
		t.Fatal(err)
	}
	return id
}
