// Package diff says, field by field, how a live object differs from what Git says.
//
// The idea: with server-side apply the API server itself tells what live must look like. Its answer to applying an
// object (Predicted) carries every default and the server's own spelling, and its managedFields tell which of the
// fields are ours. So two server answers are compared, on our fields only, and "cpu: 1" against "1", a default, or
// stringData can never be drift. To that come the fields that people added by hand, which the server records by the
// tool they used. Read Compare first, then Takeover, which prepares an object so that the next apply undoes what
// people added, and Respect, which leaves ignored fields out of an apply; RuleSet holds the ignoreDifferences.
//
// The package refuses to talk to a cluster, to know a schema, and to decide whether a difference is healed.
package diff

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// Input is one object from its three sides. All of them are masked already; none is changed.
type Input struct {
	Desired *object.Object // what Git says, marked; nil: Git does not have the object
	// Predicted is the server's answer to applying Desired, from a dry run or from the last real apply of the same
	// Desired; its managedFields tell what we own. nil: not known yet.
	Predicted *object.Object
	Live      *object.Object // newest from the watch; nil: missing
	Manager   string         // the field manager that we apply with
	Rules     Rules          // fields that do not count
	People    bool           // fields that people added count (setting hawser.drift.additions: people)
	// Seen is when Live was observed. It stands in where the server records no time: an entry of the scale
	// subresource has none.
	Seen time.Time
}

// Result is the answer for one object. At most one of Missing, Extra and Unknown is set, and then there are no Changes.
type Result struct {
	Changes []Change // ordered by path
	Missing bool     // Git has the object, live does not
	Extra   bool     // live has the object, Git does not
	Ignored bool     // Extra, but the object itself says that it does not count (compare-options: IgnoreExtraneous)
	Unknown bool     // there is no prediction to compare live with
}

// Same reports whether live is what Git says.
func (r Result) Same() bool { return !r.Missing && !r.Extra && !r.Unknown && len(r.Changes) == 0 }

// Compare returns how Live differs from what Git says. The only errors come from the rules' jq expressions and ctx:
// an object for which Compare fails must be reported as unknown, not as equal.
func Compare(ctx context.Context, in Input) (Result, error) {
	switch {
	case in.Live == nil:
		return Result{Missing: in.Desired != nil}, nil
	case in.Desired == nil:
		return Result{Extra: true, Ignored: extraneous(in.Live)}, nil
	case in.Predicted == nil:
		return Result{Unknown: true}, nil
	}
	c, err := newComparison(ctx, in)
	if err != nil {
		return Result{}, err
	}
	c.managed()
	c.additions()
	slices.SortFunc(c.changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return Result{Changes: c.changes}, nil
}

// extraneous reports whether the live object asks not to be counted. The word needs no value; whitespace around it and
// other options beside it are common.
func extraneous(live *object.Object) bool {
	options, _ := object.Annotation(live, v1alpha1.AnnotationCompareOptions)
	for _, option := range strings.Split(options, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(option), "=")
		if name == v1alpha1.CompareOptionIgnoreExtraneous && value != "false" {
			return true
		}
	}
	return false
}

// comparison is the work of one Compare.
type comparison struct {
	Input
	predicted, live     side // content without ignored fields
	predictedBy, liveBy []entry
	ours                fields // what Manager owns in Predicted
	said                []side // where Manager works client-side: what it was told to write, now and before
	changes             []Change
	reported            map[string]bool // by path
}

func newComparison(ctx context.Context, in Input) (*comparison, error) {
	rules := in.Rules.with(builtin(in.Live))
	predicted, err := rules.Strip(ctx, in.Predicted)
	if err != nil {
		return nil, err
	}
	live, err := rules.Strip(ctx, in.Live)
	if err != nil {
		return nil, err
	}
	c := &comparison{
		Input:     in,
		predicted: side{predicted.Object, true}, live: side{live.Object, true},
		predictedBy: entries(in.Predicted), liveBy: entries(in.Live),
		reported: map[string]bool{},
	}
	c.ours = owned(c.predictedBy, in.Manager)
	desired := side{object.FoldStringData(in.Desired).Object, true}
	if c.clientSide() {
		c.said = []side{desired}
		if before := lastApplied(in.Live); before.ok {
			c.said = append(c.said, before)
		}
	} else if f := written(c.predictedBy, in.Manager); len(f) > 0 { // a replace after an apply: both hold a part
		c.ours = union(c.ours, within(nil, f, desired))
	}
	return c, nil
}

// managed compares the fields that Manager owns in Predicted or in Live. The latter because an apply of an older
// commit may have left fields that Git no longer has.
func (c *comparison) managed() {
	c.walk(nil, c.ours, owned(c.liveBy, c.Manager), c.predicted, c.live)
}

func (c *comparison) walk(at []string, ours, before fields, p, l side) {
	for key := range ours {
		c.visit(at, key, ours, before, p, l)
	}
	for key := range before {
		if _, both := ours[key]; !both {
			c.visit(at, key, ours, before, p, l)
		}
	}
}

func (c *comparison) visit(at []string, key string, ours, before fields, p, l side) {
	if key == member || neverCounts(at, key) {
		return
	}
	pc, lc := childOf2(p, l, key)
	if !pc.ok && !lc.ok {
		return
	}
	oc, bc := ours.child(key), before.child(key)
	path := append(at, key)
	if len(c.said) > 0 && !slices.ContainsFunc(c.said, func(m side) bool { return lookup(m, path).ok }) {
		return // who writes all of an object owns the defaults too: an autoscaler may change what nobody said
	}
	switch {
	case isItem(key) && pc.ok != lc.ok:
		c.report(path, path, pc, lc) // a whole list item, told once and not field by field
	case oc.hasChildren() || bc.hasChildren():
		c.walk(path, oc, bc, pc, lc)
	default:
		c.leaf(path, pc, lc)
	}
}

// leaf compares one field that Manager owns as a whole: a scalar, or an atomic list or map.
func (c *comparison) leaf(path []string, p, l side) {
	if equal(p.v, l.v) || c.isGranular(path, p, l) {
		return
	}
	c.deep(path, path, p, l)
}

// isGranular reports whether a list or map that Manager owns without any of its content is merely held open by it:
// Git says `labels: {}` and others fill it. Ownership alone cannot tell this from an empty atomic map, the entries of
// others can: only in a granular one do they own single elements.
func (c *comparison) isGranular(path []string, p, l side) bool {
	if p.ok && !isContainer(p.v) || l.ok && !isContainer(l.v) { // the server may drop an empty one: absent is fine
		return false
	}
	return anyBelow(c.liveBy, path) || anyBelow(c.predictedBy, path)
}

// deep descends into an atomic value as far as both sides have the same shape, so that the change names the element
// that differs and not the whole list. base is the path that can have an owner.
func (c *comparison) deep(base, path []string, p, l side) {
	pm, isMap := p.v.(map[string]any)
	if lm, ok := l.v.(map[string]any); isMap && ok {
		for key := range pm {
			c.deepField(base, path, key, pm, lm)
		}
		for key := range lm {
			if _, both := pm[key]; !both {
				c.deepField(base, path, key, pm, lm)
			}
		}
		return
	}
	pl, isList := p.v.([]any)
	if ll, ok := l.v.([]any); isList && ok && len(pl) == len(ll) {
		for i := range pl {
			if !equal(pl[i], ll[i]) {
				c.deep(base, append(slices.Clip(path), indexKey(i)), side{pl[i], true}, side{ll[i], true})
			}
		}
		return
	}
	c.report(base, path, p, l)
}

func (c *comparison) deepField(base, path []string, key string, p, l map[string]any) {
	pv, pok := p[key]
	lv, lok := l[key]
	if !equal(pv, lv) {
		c.deep(base, append(slices.Clip(path), fieldKey(key)), side{pv, pok}, side{lv, lok})
	}
}

// report records a difference of the managed part, unless a manager that the rules trust owns it in live.
func (c *comparison) report(base, path []string, p, l side) {
	if c.trusted(base) {
		return
	}
	kind := Modified
	switch {
	case !l.ok:
		kind = Removed
	case !p.ok:
		kind = Added
	}
	ch := Change{Kind: kind}
	if e, ok := newest(c.liveBy, base, func(e entry) bool { return !e.isApplyOf(c.Manager) }); ok {
		ch.by(e, c.Seen)
		ch.Ours = e.isEarlier(c.Manager)
	} else if e, ok := newest(c.liveBy, base, func(e entry) bool { return e.isApplyOf(c.Manager) }); ok {
		ch.by(e, c.Seen)
		ch.Ours = true
	}
	c.record(ch, path, p, l)
}

func (c *comparison) record(ch Change, path []string, p, l side) {
	ch.elements = slices.Clone(path)
	ch.Path = display(path)
	if c.reported[ch.Path] {
		return
	}
	c.reported[ch.Path] = true
	ch.Pointer = pointer(c.Live.Object, path)
	ch.Want, ch.Have = p.v, l.v
	if isItem(path[len(path)-1]) {
		ch.position = positionOf(c.predicted, path)
	}
	c.changes = append(c.changes, ch)
}

func (c *comparison) trusted(path []string) bool {
	return len(c.Rules.managers) > 0 && slices.ContainsFunc(c.liveBy, func(e entry) bool {
		return slices.Contains(c.Rules.managers, e.manager) && e.fields.has(path)
	})
}

// neverCounts reports whether a field is the server's own bookkeeping or the status.
func neverCounts(at []string, key string) bool {
	switch len(at) {
	case 0:
		return key == "f:status"
	case 1:
		if at[0] != "f:metadata" {
			return false
		}
		switch key {
		case "f:managedFields", "f:resourceVersion", "f:generation", "f:uid", "f:creationTimestamp", "f:selfLink",
			"f:name", "f:namespace", "f:generateName", "f:deletionTimestamp", "f:deletionGracePeriodSeconds":
			return true
		}
	case 2: // kubectl's copy of the manifest differs with every commit, and says nothing more
		return at[1] == "f:annotations" && key == fieldKey(lastAppliedAnnotation)
	}
	return false
}
