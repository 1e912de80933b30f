package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/types"
)

func TestProvePrune(t *testing.T) {
	some := func(n int) []Candidate {
		var list []Candidate
		for i := range n {
			list = append(list, candidate(fmt.Sprintf("ConfigMap c%d", i), "u"))
		}
		return list
	}
	for name, c := range map[string]struct {
		in   PruneInput
		want string // of the first candidate; "" is deleted
		held bool
	}{
		"plain":                         {PruneInput{Candidates: some(1), Desired: 5, Inventory: 6, Automated: true, Guard: true}, "", false},
		"claimed by another":            {PruneInput{Candidates: []Candidate{{Live: candidate("ConfigMap a", "u").Live, Recorded: "u", ClaimedBy: "b"}}, Desired: 1}, "application b has it", false},
		"not permitted any more":        {PruneInput{Candidates: []Candidate{{Live: candidate("ConfigMap a", "u").Live, Recorded: "u", Refused: "namespace n is not permitted in project 'p'"}}, Desired: 1}, "ignored (namespace n is not permitted", false},
		"another object, same name":     {PruneInput{Candidates: []Candidate{candidate("ConfigMap a", "other")}, Desired: 1}, "UID differs", false},
		"never applied, automated":      {PruneInput{Candidates: []Candidate{candidate("ConfigMap a", "")}, Desired: 1, Automated: true}, "not applied by this application", false},
		"never applied, a person":       {PruneInput{Candidates: []Candidate{candidate("ConfigMap a", "")}, Desired: 1}, "", false},
		"everything, automated":         {PruneInput{Candidates: some(2), Inventory: 2, Automated: true, Guard: true}, "held: the source has no objects", true},
		"everything, guard off":         {PruneInput{Candidates: some(2), Inventory: 2, Automated: true}, "held: the source has no objects", true},
		"everything, allowEmpty":        {PruneInput{Candidates: some(2), Inventory: 2, Automated: true, Guard: true, AllowEmpty: true}, "", false},
		"everything, a person":          {PruneInput{Candidates: some(2), Inventory: 2, Guard: true}, "", false},
		"more than half and five":       {PruneInput{Candidates: some(5), Desired: 4, Inventory: 9, Automated: true, Guard: true}, "held: 5 of 9", true},
		"more than half but four":       {PruneInput{Candidates: some(4), Desired: 1, Inventory: 5, Automated: true, Guard: true}, "", false},
		"five but not more than half":   {PruneInput{Candidates: some(5), Desired: 5, Inventory: 10, Automated: true, Guard: true}, "", false},
		"half, guard off":               {PruneInput{Candidates: some(5), Desired: 4, Inventory: 9, Automated: true}, "", false},
		"a namespace that holds things": {PruneInput{Candidates: []Candidate{{Live: candidate("Namespace n", "u").Live, Recorded: "u", Holds: "3 objects"}}, Desired: 9, Inventory: 10, Automated: true, Guard: true}, "held: Namespace/n still holds 3 objects", true},
	} {
		t.Run(name, func(t *testing.T) {
			v := ProvePrune(c.in)
			got := v.Keep[object.KeyOf(c.in.Candidates[0].Live)]
			if c.want == "" && got != "" || !strings.Contains(got, c.want) || (v.Held != "") != c.held {
				t.Errorf("got %q (held %q), want %q", got, v.Held, c.want)
			}
		})
	}
}

func TestApprovalReleasesExactlyOnePlan(t *testing.T) {
	in := PruneInput{Candidates: []Candidate{candidate("ConfigMap a", "u"), candidate("ConfigMap b", "u")}, Inventory: 2, Automated: true, Guard: true}
	in.Approved = ProvePrune(in).Digest
	if v := ProvePrune(in); v.Held != "" {
		t.Errorf("approved, yet held: %s", v.Held)
	}
	in.Candidates = append(in.Candidates, candidate("ConfigMap c", "u"))
	if v := ProvePrune(in); v.Held == "" {
		t.Error("the approval of one plan released another")
	}
}

func candidate(line, recorded string) Candidate {
	o := objects(line)[0]
	o.SetUID("u")
	return Candidate{Live: o, Recorded: types.UID(recorded)}
}
