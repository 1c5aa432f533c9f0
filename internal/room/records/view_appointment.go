package records

// Why is why somebody comes, as the source words it, else what kind of visit it is.
func (a Appointment) Why() Coded {
	if len(a.Reasons) > 0 {
		return a.Reasons[0]
	}
	return a.Kind
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
