package view

import "slices"

// Add puts a medicine into its list: by its FHIR status, and by its sense (package
// records has them), which can turn around what the status seems to say.
func (m *Medications) Add(x Medication, status, sense string) {
	current := status == "active" || status == "on-hold" || status == "unknown"
	x.Never = sense == "forbidden"
	switch {
	case x.Never && current:
		m.Forbidden = append(m.Forbidden, x)
	case sense == "proposed" && current:
		x.Doubt = "proposal"
		m.Proposed = append(m.Proposed, x)
	case sense == "proposed": // nobody took it, and nobody will
	case current:
		if x.Doubt = status; status == "active" {
			x.Doubt = ""
			if sense == "plan" {
				x.Doubt = sense
			}
		}
		m.Current = append(m.Current, x)
	default:
		x.Over = true
		m.Past = append(m.Past, x)
	}
}

// Compare marks what stands more than once, and what another line says not to take.
func (m *Medications) Compare() {
	for i, x := range m.Current {
		m.Current[i].Twice = slices.ContainsFunc(m.Current[:i], x.SameName) || slices.ContainsFunc(m.Current[i+1:], x.SameName)
		m.Current[i].Clash = slices.ContainsFunc(m.Forbidden, x.SameName)
	}
}

// NotNow reports a medicine that is not known to be taken now. One that was written as a
// plan is: that is how charts note what a patient told.
func (m Medication) NotNow() bool { return m.Doubt != "" && m.Doubt != "plan" }
