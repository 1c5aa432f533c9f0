package main

import (
	"context"

	"postern.example/postern/internal/app/demo"
	"postern.example/postern/internal/word/route"
)

type demoCmd struct {
	Addr string `default:"127.0.0.1:8080" help:"Address on 127.0.0.1; the port is yours."`
	Data string `placeholder:"DIR" help:"Folder to keep the demo in: absent, empty, or made by an earlier demo. Default: a temporary folder."`
}

func (c demoCmd) Run(ctx context.Context, e env) error {
	return demo.Run(ctx, demo.Options{Addr: c.Addr, Dir: c.Data, Out: e.stderr})
}

// demoRoutes are the demo's routes, for the table that routes prints.
func demoRoutes() []route.Route { return demo.Routes() }
