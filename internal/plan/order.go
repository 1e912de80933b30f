package plan

import (
	"sort"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kinds is the order in which kinds are applied: what others need comes first. It is Helm's install order, which
// Argo CD's users know; kinds that are not listed come last, since they usually need all of these.
var kinds = rank(
	"Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodSecurityPolicy", "PodDisruptionBudget",
	"ServiceAccount", "Secret", "SecretList", "ConfigMap", "StorageClass", "PersistentVolume", "PersistentVolumeClaim",
	"CustomResourceDefinition", "ClusterRole", "ClusterRoleList", "ClusterRoleBinding", "ClusterRoleBindingList",
	"Role", "RoleList", "RoleBinding", "RoleBindingList", "Service", "DaemonSet", "Pod", "ReplicationController",
	"ReplicaSet", "Deployment", "HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob", "IngressClass", "Ingress",
	"APIService",
)

func rank(names ...string) map[string]int {
	m := make(map[string]int, len(names))
	for i, n := range names {
		m[n] = i
	}
	return m
}

func kindRank(kind string) int {
	if r, ok := kinds[kind]; ok {
		return r
	}
	return len(kinds)
}

// afterAll is later than every phase.
const afterAll v1alpha1.SyncPhase = "after all"

// firstWave is before every wave that somebody can name.
const firstWave = -1 << 31

func phaseRank(p v1alpha1.SyncPhase) int {
	switch p {
	case v1alpha1.SyncPhasePreSync:
		return 0
	case v1alpha1.SyncPhasePostSync:
		return 2
	case v1alpha1.SyncPhaseSyncFail:
		return 3
	case afterAll:
		return 4
	}
	return 1
}

// Wave returns the wave that the object asks for: its sync-wave annotation, else Helm's hook weight, else 0.
func Wave(o *object.Object) int {
	for _, name := range []string{v1alpha1.AnnotationSyncWave, v1alpha1.AnnotationHelmHookWeight} {
		if text, ok := object.Annotation(o, name); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
				return n
			}
		}
	}
	return 0
}

// ordered sorts by phase, wave, applies before prunes, kind and name, after pulling forward what others need and
// mirroring the waves of prunes.
func ordered(tasks []Step) []Step {
	pullForward(tasks)
	mirrorPrunes(tasks)
	sort.SliceStable(tasks, func(i, j int) bool { return before(tasks[i], tasks[j]) })
	return tasks
}

func before(a, b Step) bool {
	switch {
	case a.Phase != b.Phase:
		return phaseRank(a.Phase) < phaseRank(b.Phase)
	case a.Wave != b.Wave:
		return a.Wave < b.Wave
	case a.Action != b.Action:
		return a.Action == Apply // prune last, or a renamed Service drops its traffic
	case a.Action == Prune && kindRank(a.Key.Kind) != kindRank(b.Key.Kind):
		return kindRank(a.Key.Kind) > kindRank(b.Key.Kind)
	case kindRank(a.Key.Kind) != kindRank(b.Key.Kind):
		return kindRank(a.Key.Kind) < kindRank(b.Key.Kind)
	}
	return a.Key.Compare(b.Key) < 0
}

// pullForward moves a Namespace or CRD to the earliest wave of an object that needs it.
func pullForward(tasks []Step) {
	for i, t := range tasks {
		if t.Action != Apply || t.Phase != v1alpha1.SyncPhaseSync {
			continue
		}
		defines := ""
		if t.Key.Kind == "CustomResourceDefinition" {
			defines = definedKind(t.Object)
		}
		for _, o := range tasks {
			needs := t.Key.Kind == "Namespace" && t.Key.Group == "" && o.Key.Namespace == t.Key.Name ||
				defines != "" && o.Key.GroupKind().String() == defines
			if needs && o.Action == Apply && o.Phase == t.Phase && o.Wave < tasks[i].Wave {
				tasks[i].Wave = o.Wave
			}
		}
	}
}

// definedKind returns Kind.group of the kind that a CRD defines.
func definedKind(crd *object.Object) string {
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
	return schema.GroupKind{Group: group, Kind: kind}.String()
}

// mirrorPrunes reverses the waves among prunes, so that what was made last goes first; then PruneLast moves those
// that ask for it behind everything.
func mirrorPrunes(tasks []Step) {
	waves := map[int]bool{}
	last := 0
	for _, t := range tasks {
		if t.Action == Prune {
			waves[t.Wave] = true
		}
		if t.Phase == v1alpha1.SyncPhaseSync {
			last = max(last, t.Wave)
		}
	}
	order := make([]int, 0, len(waves))
	for w := range waves {
		order = append(order, w)
	}
	sort.Ints(order)
	mirror := map[int]int{}
	for i, w := range order {
		mirror[w] = order[len(order)-1-i]
	}
	for i := range tasks {
		if t := &tasks[i]; t.Action == Prune {
			t.Wave = mirror[t.Wave]
			if t.Options.PruneLast {
				t.Wave = last + 1
			}
		}
	}
}

func sameGroup(a, b Step) bool { return a.Phase == b.Phase && a.Wave == b.Wave }

// firstBatch returns the leading tasks that may run side by side: one phase, wave, action and kind rank.
func firstBatch(tasks []Step) []Step {
	n := 1
	for n < len(tasks) && sameGroup(tasks[0], tasks[n]) && tasks[0].Action == tasks[n].Action &&
		kindRank(tasks[0].Key.Kind) == kindRank(tasks[n].Key.Kind) {
		n++
	}
	return tasks[:n]
}
