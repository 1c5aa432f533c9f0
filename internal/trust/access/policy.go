package access

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cedar-policy/cedar-go"
	xast "github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

//go:embed policies
var policyFiles embed.FS

const schemaFile = "policies/schema.cedarschema"

// policies is the parsed, validated policy set.
type policies struct {
	set      *cedar.PolicySet
	validate *validate.Validator
	actions  []string // of the schema, sorted
	// byAction holds for each action the policies whose scope can take it. The
	// others are false for it before any condition is looked at.
	byAction map[string]*cedar.PolicySet
}

// takes reports whether a policy with this scope can apply to action. There are no
// groups of actions: a decision's entities give none a parent.
func takes(scope xast.IsActionScopeNode, action string) bool {
	uid := cedar.NewEntityUID("Action", cedar.String(action))
	switch s := scope.(type) {
	case xast.ScopeTypeEq:
		return s.Entity == uid
	case xast.ScopeTypeInSet:
		return slices.Contains(s.Entities, uid)
	default:
		return true
	}
}

// loadPolicies parses schema and policies of files and validates every policy
// strictly. An error stops the start.
func loadPolicies(files fs.FS) (*policies, error) {
	src, err := fs.ReadFile(files, schemaFile)
	if err != nil {
		return nil, fmt.Errorf("read policy schema: %w", err)
	}
	var s schema.Schema
	if err := s.UnmarshalCedar(src); err != nil {
		return nil, fmt.Errorf("parse policy schema: %w", err)
	}
	resolved, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("resolve policy schema: %w", err)
	}
	p := &policies{set: cedar.NewPolicySet(), validate: validate.New(resolved, validate.WithStrict())}
	p.byAction = map[string]*cedar.PolicySet{}
	for uid := range resolved.Actions {
		p.actions = append(p.actions, string(uid.ID))
		p.byAction[string(uid.ID)] = cedar.NewPolicySet()
	}
	slices.Sort(p.actions)
	names, err := fs.Glob(files, "policies/*.cedar")
	if err != nil || len(names) == 0 {
		return nil, errors.Join(errors.New("list policies: none found"), err)
	}
	for _, name := range names {
		if err := p.add(files, name); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// add puts the policies of one file into the set, each under the id of its @id
// annotation, so that the log names the rule and not its position.
func (p *policies) add(files fs.FS, name string) error {
	src, err := fs.ReadFile(files, name)
	if err != nil {
		return fmt.Errorf("read policies %s: %w", name, err)
	}
	list, err := cedar.NewPolicyListFromBytes(name, src)
	if err != nil {
		return fmt.Errorf("parse policies %s: %w", name, err)
	}
	for _, policy := range list {
		id := string(policy.Annotations()["id"])
		if id == "" {
			return fmt.Errorf("load policies %s: line %d has no @id", name, policy.Position().Line)
		}
		if err := p.validate.Policy(id, (*xast.Policy)(policy.AST())); err != nil {
			return fmt.Errorf("validate policy %s: %w", id, err)
		}
		if !p.set.Add(cedar.PolicyID(id), policy) {
			return fmt.Errorf("load policies %s: the id %s is used twice", name, id)
		}
		for action, set := range p.byAction {
			if takes((*xast.Policy)(policy.AST()).Action, action) {
				set.Add(cedar.PolicyID(id), policy)
			}
		}
	}
	return nil
}
