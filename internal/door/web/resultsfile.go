package web

import (
	"bytes"
	"net/http"

	"postern.example/postern/internal/door/web/view"
)

// resultsFile is GET /results/file: every result, a value a line, for a spreadsheet.
func (d *Door) resultsFile(v *Visit) error {
	c, err := v.chart("page/results", "Observation")
	if err != nil {
		return err
	}
	list, err := v.observations(c.Resources("Observation"))
	if err != nil {
		return err
	}
	var rows []view.TableRow
	for _, o := range list {
		for _, p := range o.parts {
			rows = append(rows, view.TableRow{At: o.at, On: o.on, Name: o.name, Written: o.written, Part: p.name, Value: p.value, Unit: p.unit,
				Usual: p.usual, Standing: p.standing, Lab: o.lab})
		}
	}
	var out bytes.Buffer
	if err := d.c.Views.Table(&out, v.language(), rows); err != nil {
		return err
	}
	v.attach("text/csv; charset=utf-8", "postern-results.csv")
	v.write(http.StatusOK, "text/csv; charset=utf-8", out.Bytes())
	return nil
}
