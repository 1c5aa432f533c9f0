package access

// MarkTwoPerson makes an action wait for a second person, as later rooms will.
func (g *Gate) MarkTwoPerson(a Action) {
	d := g.defs[a]
	d.TwoPerson = true
	g.defs[a] = d
}

// CheckActions and WriteTar are for tests from outside.
var (
	CheckActions = checkActions
	WriteTar     = writeTar
)

// OnChart reports whether the action is about a chart.
func (d ActionDef) OnChart() bool { return d.on == chart }

// OnAccount reports whether the action is about an account.
func (d ActionDef) OnAccount() bool { return d.on == account }

// Scan sets how far back one page of the log looks.
func (l *Ledger) Scan(n int64) { l.scan = n }
