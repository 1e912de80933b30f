package cluster_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/clustertest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// oracle judges what the API server's audit log says that Hawser did. Its rules are what no fault may break; S1 … S5 are
// their names in our list of invariants.
type oracle struct {
	hawser    func(who string) bool
	mayGo     func(clustertest.Audited) bool // Git lacks it, or it is a hook
	namespace string                         // that the project permits, besides the Application's own
	control   string
	waves     map[string]int // of objects, by name
	token     string         // what a commit's objects hold: this and three digits
}

// judge returns what the log violates, a line each.
func (o oracle) judge(log []clustertest.Audited) (broken []string) {
	hooks := map[string]int{}
	first := map[string]map[string]int{} // token → object → position of its first write
	for i, a := range log {
		if !o.hawser(a.Who()) || !a.Accepted() {
			continue
		}
		what := fmt.Sprintf("%s %s/%s in %s by %s at %s", a.Verb, a.Object.Resource, a.Object.Name, a.Object.Namespace, a.Who(), a.Received.Format("15:04:05.000"))
		var sent struct {
			metav1.PartialObjectMetadata
			Preconditions metav1.Preconditions `json:"preconditions"`
		}
		_ = json.Unmarshal(a.Sent, &sent)
		if a.Verb == "deletecollection" {
			broken = append(broken, "S1 deletes what it does not name: "+what)
		}
		if a.Verb == "delete" && (sent.Preconditions.UID == nil || *sent.Preconditions.UID == "") {
			broken = append(broken, "S1 deletes without saying which individual: "+what)
		}
		if a.Verb == "delete" && !o.mayGo(a) {
			broken = append(broken, "S1 deletes what Git has: "+what)
		}
		if a.Object.Namespace != o.namespace && a.Object.Namespace != o.control {
			broken = append(broken, "S2 writes where its project does not permit: "+what)
		}
		if run := sent.Annotations["hawser.dev/operation"]; a.Verb == "create" && run != "" {
			if hooks[run+" "+sent.Name]++; hooks[run+" "+sent.Name] > 1 {
				broken = append(broken, "S4 creates a hook again: "+what)
			}
		}
		if wave, known := o.waves[a.Object.Name]; known && a.Object.Namespace == o.namespace {
			for at := strings.Index(string(a.Sent), o.token); at >= 0 && at+len(o.token)+3 <= len(a.Sent); at = -1 {
				token := string(a.Sent[at : at+len(o.token)+3])
				if first[token] == nil {
					first[token] = map[string]int{}
				}
				if _, again := first[token][a.Object.Name]; !again {
					first[token][a.Object.Name] = i
					for name, w := range o.waves {
						if _, done := first[token][name]; w < wave && !done {
							broken = append(broken, fmt.Sprintf("S3 begins wave %d before %s of wave %d: %s", wave, name, w, what))
						}
					}
				}
			}
		}
	}
	return broken
}

// late lists the accepted writes of a replica after the first one of the replica that took over from it (S5).
func late(log []clustertest.Audited, old, young string) (list []string) {
	taken := slices.IndexFunc(log, func(a clustertest.Audited) bool { return a.Who() == young && a.Accepted() })
	if taken < 0 {
		return []string{"nobody took over"}
	}
	for _, a := range log {
		if a.Who() == old && a.Accepted() && a.Received.After(log[taken].Done) {
			list = append(list, fmt.Sprintf("%s %s/%s at %s, %s after %s had begun", a.Verb, a.Object.Resource, a.Object.Name, a.Received.Format("15:04:05.000"), a.Received.Sub(log[taken].Received), young))
		}
	}
	return list
}

// An oracle that finds nothing wrong with anything would be worth nothing.
func TestOracleFindsWhatIsWrong(t *testing.T) {
	line := func(who, verb, resource, namespace, name, code, sent string) string {
		return fmt.Sprintf(`{"stage":"ResponseComplete","verb":%q,"user":{"username":"admin"},"impersonatedUser":{"username":%q},"requestURI":"/x","objectRef":{"resource":%q,"namespace":%q,"name":%q},"responseStatus":{"code":%s},"requestObject":%s,"requestReceivedTimestamp":"2026-11-27T14:05:00Z","stageTimestamp":"2026-11-27T14:05:00Z"}`,
			verb, who, resource, namespace, name, code, sent)
	}
	hook := `{"metadata":{"name":"migrate","annotations":{"hawser.dev/operation":"o1-presync"}}}`
	o := oracle{
		hawser: func(who string) bool { return strings.HasPrefix(who, "hawser") }, mayGo: func(a clustertest.Audited) bool { return a.Object.Name == "extra" },
		namespace: "shop", control: "argocd", waves: map[string]int{"a": -1, "b": 0}, token: "v",
	}
	for _, c := range []struct{ name, log, want string }{
		{"all well", line("hawser", "patch", "configmaps", "shop", "a", "200", `{"data":{"x":"v001"}}`) + "\n" + line("hawser", "patch", "configmaps", "shop", "b", "200", `{"data":{"x":"v001"}}`) + "\n" +
			line("hawser", "delete", "services", "shop", "extra", "200", `{"preconditions":{"uid":"u"}}`) + "\n" + line("hawser", "create", "jobs", "shop", "migrate", "201", hook), ""},
		{"somebody else", line("ada", "delete", "secrets", "shop", "keys", "200", `{}`), ""},
		{"refused", line("hawser", "delete", "secrets", "shop", "keys", "409", `{}`), ""},
		{"a dry run", line("hawser", "delete", "secrets", "shop", "keys", "200", `{"dryRun":["All"]}`), ""},
		{"no individual", line("hawser", "delete", "services", "shop", "extra", "200", `{}`), "S1 deletes without saying which individual"},
		{"what Git has", line("hawser", "delete", "secrets", "shop", "keys", "200", `{"preconditions":{"uid":"u"}}`), "S1 deletes what Git has"},
		{"everything", line("hawser", "deletecollection", "secrets", "shop", "", "200", `{}`), "S1 deletes what it does not name"},
		{"elsewhere", line("hawser", "patch", "configmaps", "kube-system", "x", "200", `{}`), "S2 writes where its project does not permit"},
		{"wave by wave", line("hawser", "patch", "configmaps", "shop", "b", "200", `{"data":{"x":"v001"}}`), "S3 begins wave 0 before a of wave -1"},
		{"a hook twice", line("hawser", "create", "jobs", "shop", "migrate", "201", hook) + "\n" + line("hawser", "create", "jobs", "shop", "migrate", "201", hook), "S4 creates a hook again"},
	} {
		got := o.judge(clustertest.ParseAudit([]byte(c.log)))
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	log := line("one", "patch", "x", "shop", "a", "200", `{}`) + "\n" + line("two", "patch", "x", "shop", "a", "200", `{}`) + "\n" +
		strings.ReplaceAll(line("one", "patch", "x", "shop", "a", "200", `{}`), "14:05:00", "14:05:01")
	if d := cmp.Diff(1, len(late(clustertest.ParseAudit([]byte(log)), "one", "two"))); d != "" {
		t.Error(d)
	}
}
