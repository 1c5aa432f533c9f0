package records

import (
	"strings"

	"postern.example/postern/internal/word/phi"
)

// Appointment is a visit as a list or a page shows it.
type Appointment struct {
	Common
	Status string // code of http://hl7.org/fhir/appointmentstatus
	Reason Coded  // why, as the source words it; else what kind of visit
	Start  Date
	End    Date
}

// ViewAppointment reads a stored Appointment.
func ViewAppointment(doc phi.Doc) (Appointment, error) {
	v, common, err := open(doc, "Appointment")
	if err != nil {
		return Appointment{}, err
	}
	a := Appointment{Common: common, Status: plainCode(v.Get("status").Text()), Start: date(v, "start"), End: date(v, "end")}
	for _, path := range []string{"reasonCode", "appointmentType", "serviceType", "serviceCategory"} {
		if a.Reason.IsZero() {
			a.Reason = coded(first(v, path))
		}
	}
	if words := strings.TrimSpace(v.Get("description").Text()); a.Reason.IsZero() && words != "" {
		a.Reason = Coded{Text: show(words)}
	}
	return a, nil
}

// Expected reports whether somebody is to come, has come or was here: not what is only
// proposed, was cancelled or missed, or never should have stood there.
func (a Appointment) Expected() bool {
	switch a.Status {
	case "booked", "arrived", "checked-in", "fulfilled", "pending":
		return true
	default:
		return false
	}
}
