package view

// Enrol is the page of a one-time link (GET /enrol). It knows nothing: the
// secret stands in the URL's fragment, which only the module on the page reads
// and sends to POST /enrol/options.
type Enrol struct{ Base }

func (*Enrol) page() string { return "enrol" }
