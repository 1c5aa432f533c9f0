package access

import (
	"fmt"
	"slices"
	"sync"

	"github.com/cedar-policy/cedar-go"

	"postern.example/postern/internal/word/person"
)

// question is everything that the policies are told. It names kinds, roles and
// facts, and nobody: a policy cannot single out a person or a chart, so the same
// question always has the same answer.
type question struct {
	caller  person.CallerKind
	name    string // of a job or command
	role    person.Role
	purpose person.Purpose
	action  Action
	on      resourceType
	facts   situation
}

// verdict is the policies' answer: the ids of the deciding policies, which are
// remembered and never changed, and an error of any policy, which means deny.
type verdict struct {
	allowed bool
	ids     []string
	err     error
}

// mostVerdicts bounds the remembered answers. There are some hundred questions; the
// names of commands and purposes come from lists.
const mostVerdicts = 4096

// verdicts remembers answers.
type verdicts struct {
	mu    sync.RWMutex
	known map[question]verdict
}

// authorize asks the policies. An error in any policy is returned, and means deny.
func (g *Gate) authorize(a Ask, def ActionDef, s situation) (bool, []string, error) {
	q := question{caller: a.Caller.Kind(), name: a.Caller.Name(), role: a.Caller.Role(), purpose: a.Caller.Purpose(),
		action: a.Action, on: def.on, facts: s}
	g.verdicts.mu.RLock()
	v, ok := g.verdicts.known[q]
	g.verdicts.mu.RUnlock()
	if !ok {
		v = g.evaluate(q)
		g.verdicts.mu.Lock()
		if len(g.verdicts.known) >= mostVerdicts || g.verdicts.known == nil {
			g.verdicts.known = map[question]verdict{}
		}
		g.verdicts.known[q] = v
		g.verdicts.mu.Unlock()
	}
	return v.allowed, v.ids, v.err
}

// evaluate runs the policies.
func (g *Gate) evaluate(q question) verdict {
	principal, entities := principalOf(q)
	req := cedar.Request{
		Principal: principal,
		Action:    cedar.NewEntityUID("Action", cedar.String(q.action)),
		Resource:  cedar.NewEntityUID(cedar.EntityType(q.on), ""),
		Context: cedar.NewRecord(cedar.RecordMap{
			"kind":        cedar.String(q.caller.String()),
			"purpose":     cedar.String(q.purpose),
			"environment": cedar.String(g.c.Environment),
			"active":      cedar.Boolean(q.facts.active),
			"proven":      cedar.Boolean(q.facts.proven),
			"fresh":       cedar.Boolean(q.facts.fresh),
			"own":         cedar.Boolean(q.facts.own),
			"assigned":    cedar.Boolean(q.facts.assigned),
		}),
	}
	decision, diag := cedar.Authorize(g.policies.byAction[string(q.action)], entities, req)
	v := verdict{ids: make([]string, 0, len(diag.Reasons))}
	for _, r := range diag.Reasons {
		v.ids = append(v.ids, string(r.PolicyID))
	}
	slices.Sort(v.ids)
	if len(diag.Errors) > 0 {
		v.err = fmt.Errorf("evaluate policy %s: %s", diag.Errors[0].PolicyID, diag.Errors[0].Message)
		return v
	}
	v.allowed = decision == cedar.Allow
	return v
}

// principalOf is who asks, as far as policies may know: a job or command by its
// name, a person by role alone.
func principalOf(q question) (cedar.EntityUID, cedar.EntityMap) {
	switch q.caller {
	case person.KindStranger:
		return cedar.NewEntityUID("Stranger", "stranger"), cedar.EntityMap{}
	case person.KindSystem:
		return cedar.NewEntityUID("Job", cedar.String(q.name)), cedar.EntityMap{}
	case person.KindOperator:
		return cedar.NewEntityUID("Command", cedar.String(q.name)), cedar.EntityMap{}
	default:
		uid := cedar.NewEntityUID("Person", "")
		role := cedar.NewEntityUID("Role", cedar.String(q.role))
		return uid, cedar.EntityMap{uid: {UID: uid, Parents: cedar.NewEntityUIDSet(role)}}
	}
}
