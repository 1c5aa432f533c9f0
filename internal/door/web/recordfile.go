package web

import (
	"bytes"
	"net/http"

	"postern.example/postern/internal/room/records"
)

// recordFile is GET /record/file: everything of the chart in one file, for another
// clinic or an app: each resource of each type that charts hold, and the medicines that its
// prescriptions name. Its name says nothing about anybody.
func (d *Door) recordFile(v *Visit) error {
	var types []string
	for _, def := range d.c.Records.ChartTypes() {
		types = append(types, def.Type)
	}
	c, err := v.chart("page/record", types...)
	if err != nil {
		return err
	}
	list, err := v.medicines(c)
	if err != nil {
		return err
	}
	for _, typ := range types {
		list = append(list, c.Resources(typ)...)
	}
	var out bytes.Buffer
	if err := records.WriteCollection(&out, d.c.Origin+"/fhir/R4", v.now(), list); err != nil {
		return err
	}
	v.attach("application/fhir+json; charset=utf-8", "postern-record.json")
	v.write(http.StatusOK, "application/fhir+json; charset=utf-8", out.Bytes())
	return nil
}
