package health

import (
	"fmt"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
)

// Resource is one object of an application, as Aggregate needs it.
type Resource struct {
	Key     object.Key
	Live    bool   // it is in the cluster
	Health  Health // Status is empty when its kind has none
	Ignored bool   // annotated so that its health does not count
}

// maxCauses bounds how many objects the message of an application names.
const maxCauses = 3

// Aggregate returns the health of an application: that of its worst objects, which the message names. Leave out hooks,
// and an application that contains itself. Single missing objects do not count, OutOfSync says so already; only an
// application that has nothing at all in the cluster is Missing. A child application that is Missing or Unknown does not
// count either. (Argo CD 3.6, controller/health.go.)
func Aggregate(resources []Resource) Health {
	worst := healthy
	anyLive := len(resources) == 0
	var causes []Resource
	for _, r := range resources {
		anyLive = anyLive || r.Live
		if r.Ignored || !r.Live || r.Health.Status == "" || isUncertainChild(r) {
			continue
		}
		switch {
		case Worse(r.Health.Status, worst):
			worst, causes = r.Health.Status, []Resource{r}
		case r.Health.Status == worst && worst != healthy:
			causes = append(causes, r)
		}
	}
	if !anyLive && Worse(missing, worst) {
		return Health{missing, fmt.Sprintf("none of its %d objects is in the cluster", len(resources))}
	}
	return Health{worst, because(causes)}
}

func isUncertainChild(r Resource) bool {
	return r.Key.Group == "argoproj.io" && r.Key.Kind == "Application" && (r.Health.Status == missing || r.Health.Status == unknown)
}

func because(causes []Resource) string {
	var parts []string
	for _, r := range causes[:min(len(causes), maxCauses)] {
		part := r.Key.Short()
		if r.Health.Message != "" {
			part += ": " + strings.TrimRight(r.Health.Message, ".")
		}
		parts = append(parts, part)
	}
	if more := len(causes) - maxCauses; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}
