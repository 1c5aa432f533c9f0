package view

// SignIn is the sign-in page (GET /sign-in) and, with StepUp, the page that asks
// a signed-in person to prove presence once more before a marked act.
type SignIn struct {
	Base
	StepUp bool
	Next   string // route name to go on to; empty for home
	NextID string // opaque id in that route's path; may be empty
}

func (*SignIn) page() string { return "sign-in" }
