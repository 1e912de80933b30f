package plan

import (
	"fmt"
	"sort"

	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/types"
)

// Candidate is a live object that carries our mark and is not in the complete render.
type Candidate struct {
	Live      *object.Object
	Recorded  types.UID // the identity our inventory noted when it applied the object; "" when it never did
	ClaimedBy string    // another application whose render has it, "" if none
	Holds     string    // what would go with it: "12 objects", for a Namespace, CRD or volume claim; "" when nothing
	Itself    bool      // it is the very Application that prunes
	Refused   string    // why the project does not permit it, "" when it does
}

// PruneInput is what the proof is made of.
type PruneInput struct {
	Candidates []Candidate
	Desired    int    // objects in the complete render
	Inventory  int    // objects in our inventory before this render
	Automated  bool   // no person asked for this prune
	AllowEmpty bool   // the user allows a sync that leaves nothing
	Guard      bool   // hold suspicious shrinkage
	Approved   string // digest of the plan that a person has released, "" for none
	Undecided  string // another application that may want a candidate and has not said so yet, "" for none
}

// PruneVerdict says, for each candidate, why it must stay ("" when it may be deleted).
type PruneVerdict struct {
	Keep   map[object.Key]string
	Digest string // names exactly this set of deletions; releasing it releases nothing else
	Held   string // why the deletions wait for a person; "" when they need not
}

// ProvePrune decides which candidates may be deleted. Being in the live state without being in the render is not
// enough: the object must be the very one we applied (UID), no other application may want it, and an automated prune
// must not look like an accident (DESIGN.md D7).
func ProvePrune(in PruneInput) PruneVerdict {
	v := PruneVerdict{Keep: map[object.Key]string{}}
	var going []string
	for _, c := range in.Candidates {
		key := object.KeyOf(c.Live)
		v.Keep[key] = keep(c, in)
		if v.Keep[key] == "" {
			going = append(going, key.String()+"@"+string(c.Live.GetUID()))
		}
	}
	if len(going) == 0 {
		return v
	}
	sort.Strings(going)
	v.Digest = object.Hash(going)[:16]
	if !in.Automated || in.Approved == v.Digest {
		return v
	}
	if v.Held = suspicious(in, len(going), v.Keep); v.Held != "" {
		for key, reason := range v.Keep {
			if reason == "" {
				v.Keep[key] = "held: " + v.Held
			}
		}
	}
	return v
}

func keep(c Candidate, in PruneInput) string {
	switch {
	case c.Itself:
		return "ignored (an application does not delete itself)"
	case c.Refused != "":
		return "ignored (" + c.Refused + ")"
	case c.ClaimedBy != "":
		return fmt.Sprintf("ignored (application %s has it in its source)", c.ClaimedBy)
	case c.Recorded != "" && c.Recorded != c.Live.GetUID():
		return "ignored (it is not the object that was applied: its UID differs)"
	case c.Recorded == "" && in.Automated:
		return "ignored (not applied by this application as far as its inventory knows; sync with prune to delete it)"
	case in.Undecided != "":
		return fmt.Sprintf("ignored (application %s may have it: it has not been compared with this commit yet)", in.Undecided)
	}
	return ""
}

// suspicious says what about an automated prune looks like an accident.
func suspicious(in PruneInput, going int, keep map[object.Key]string) string {
	if in.Desired == 0 && !in.AllowEmpty {
		return fmt.Sprintf("the source has no objects any more, all %d would be deleted", going)
	}
	if !in.Guard || in.AllowEmpty {
		return ""
	}
	if going >= 5 && going*2 > in.Inventory {
		return fmt.Sprintf("%d of %d objects would be deleted at once", going, in.Inventory)
	}
	for _, c := range in.Candidates {
		if key := object.KeyOf(c.Live); c.Holds != "" && keep[key] == "" {
			return fmt.Sprintf("%s still holds %s", key.Short(), c.Holds)
		}
	}
	return ""
}
