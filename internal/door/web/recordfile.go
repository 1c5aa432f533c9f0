package web

import (
	"bytes"
	"net/http"

	"postern.example/postern/internal/room/records"
)

// recordFile is GET /record/file: everything of the chart in one file, for another
// clinic or an app: each resource of each type that charts hold, and what these refer to of
// what the clinic shares (medicines, doctors, places), so that its references lead to something
// inside of it. Its name says nothing about anybody.
func (d *Door) recordFile(v *Visit) error {
	var types []string
	for _, def := range d.c.Records.ChartTypes() {
		types = append(types, def.Type)
	}
	c, err := v.chart("page/record", types...)
	if err != nil {
		return err
	}
	var own []records.Resource
	for _, typ := range types {
		own = append(own, c.Resources(typ)...)
	}
	list, err := d.c.Records.Named(v.Context(), v.caller, own)
	if err != nil {
		return err
	}
	list = append(list, own...)
	var out bytes.Buffer
	if err := records.WriteCollection(&out, d.c.Origin+"/fhir/R4", v.now(), list); err != nil {
		return err
	}
	v.attach("application/fhir+json; charset=utf-8", "postern-record.json")
	v.write(http.StatusOK, "application/fhir+json; charset=utf-8", out.Bytes())
	return nil
}
