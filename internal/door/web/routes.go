package web

import "postern.example/postern/internal/word/route"

// Routes lists the door's own routes without opening anything, for the command
// that prints them.
func Routes() []route.Route {
	return routesOf((&Door{}).table())
}
