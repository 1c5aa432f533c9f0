package web

import (
	"net/url"
	"slices"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
)

// The rows of the one-screen chart. What is outside its usual range comes first and is not
// folded, and a row is cut only after it was ranked: what is usual makes room for it.
const (
	recentRows = 5   // new results on the screen when few are outside their range
	chartRows  = 24  // rows of each part that stand open
	chartMost  = 120 // rows of each part in all: beyond is no clinic's list any more
)

// measures fills in vital signs and results: what is new and outside its usual range first.
func (v *Visit) measures(m *view.Chart, c records.Chart) error {
	list, err := v.observations(c.Resources("Observation"))
	if err != nil {
		return err
	}
	since := v.now().AddDate(0, 0, -view.RecentClinicDays)
	var recent, older, vitals []view.Row
	for _, s := range group(list) {
		switch o := s.newest(); {
		case o.category == "vital-signs":
			vitals = append(vitals, v.row(s))
		case o.category != "laboratory" && o.category != "":
		case o.at.After(since):
			recent = append(recent, v.row(s))
		default:
			older = append(older, v.row(s))
		}
	}
	hidden := 0
	m.Recent, m.RecentMore, hidden = placed(recent, recentRows, 1)
	m.Hidden += hidden
	m.Results, m.ResultsMore, hidden = placed(older, chartRows, 2)
	m.Hidden += hidden
	m.Vitals, m.VitalsMore, hidden = placed(vitals, chartRows, 2)
	m.Hidden += hidden
	for _, rows := range [][]view.Row{m.Recent, m.RecentMore, m.Results, m.ResultsMore, m.Vitals, m.VitalsMore} {
		for i := range rows {
			if rows[i].Query, err = v.seal("/results/"+rows[i].ID, url.Values{"patient": {m.PatientID}, "purpose": {string(m.Purpose)}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// rank is how much a row has to be seen: what is outside its range before what has none,
// and last what is known to be usual.
func rank(r view.Row) int { return order(r.Standing.Outside()) + order(r.Standing != view.StandingIn) }

// placed divides rows into those that stand open, those that are folded and how many have no
// place at all. What is outside its range stands open; so do rows of the rank least while
// chartRows has place, and open rows in any case. Few rows keep their order.
func placed(rows []view.Row, open, least int) (shown, folded []view.Row, hidden int) {
	if len(rows) > open {
		slices.SortStableFunc(rows, func(a, b view.Row) int { return rank(b) - rank(a) })
	}
	hidden = max(0, len(rows)-chartMost)
	rows = rows[:len(rows)-hidden]
	n := max(open, count(rows, 2), min(count(rows, least), chartRows))
	if len(rows) <= n+1 { // one alone is not worth a fold
		return rows, nil, hidden
	}
	shown, folded = rows[:n], rows[n:]
	for i := chartRows; i < len(folded); i++ { // far down no line is drawn: the page stays light
		if r := &folded[i].Series.Readings; len(*r) > 0 {
			*r = []view.Reading{slices.MaxFunc(*r, func(a, b view.Reading) int { return a.At.Compare(b.At) })}
		}
	}
	return shown, folded, hidden
}

// count is how many rows have at least that rank.
func count(rows []view.Row, least int) (n int) {
	for _, r := range rows {
		n += order(rank(r) >= least)
	}
	return n
}
