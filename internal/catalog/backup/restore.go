package backup

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Options say how Restore goes about it.
type Options struct {
	Further
	DryRun             bool
	Prune              bool   // delete records that the backup has not; settings never
	StopOperation      bool   // and end the syncs that run
	IgnoreTracking     bool   // keep the live objects' tracking marks
	OverrideOnConflict bool   // write although somebody else has written meanwhile
	Verbose            bool   // tell of what is unchanged, too
	SkipLabel          string // key=value: leave these records alone
	// Confirm is asked before each deletion.
	Confirm func(question string) (bool, error)
	Say     func(line string) // told what is done, in argocd's words
	Warn    func(line string) // told what was not permitted
}

// step is what is to be done about one record.
type step struct {
	do     string // create, update, unchanged, prune, skip, left
	object *unstructured.Unstructured
}

func id(o *unstructured.Unstructured) string {
	return o.GetKind() + "/" + o.GetNamespace() + "/" + o.GetName()
}

// title is how argocd names a record: group/Kind name.
func title(o *unstructured.Unstructured) string {
	return o.GroupVersionKind().Group + "/" + o.GetKind() + " " + o.GetName()
}

// plan decides, record by record, what makes live what the backup says.
func plan(backup, live []*unstructured.Unstructured, control string, o Options) (steps []step) {
	have := map[string]*unstructured.Unstructured{}
	for _, l := range live {
		have[id(l)] = l
	}
	for _, b := range backup {
		l := have[id(b)]
		delete(have, id(b))
		globs := map[string][]string{"Application": o.Applications, "ApplicationSet": o.Sets}[b.GetKind()]
		switch {
		case skipped(b, o.SkipLabel):
			steps = append(steps, step{"skip", b})
		case !matches(b.GetNamespace(), control, globs): // not a record of ours there
		case l == nil:
			steps = append(steps, step{"create", b})
		default:
			next := merge(b, l, o)
			do := "update"
			if same(next, l) && (!o.StopOperation || l.Object["operation"] == nil) {
				do = "unchanged"
			}
			steps = append(steps, step{do, next})
		}
	}
	for _, l := range live { // in their order
		if have[id(l)] == nil {
			continue
		}
		do := "left"
		switch {
		case skipped(l, o.SkipLabel):
			do = "skip prune"
		case o.Prune && l.GetKind() != "ConfigMap":
			do = "prune"
		}
		steps = append(steps, step{do, l})
	}
	return steps
}

func skipped(o *unstructured.Unstructured, label string) bool {
	key, value, ok := strings.Cut(label, "=")
	return ok && key != "" && value != "" && o.GetLabels()[key] == value
}

// marks are the annotation and the label by which another application tracks a record.
const (
	markAnnotation = "argocd.argoproj.io/tracking-id"
	markLabel      = "app.kubernetes.io/instance"
	lastApplied    = "kubectl.kubernetes.io/last-applied-configuration"
)

// merge is the live record with what the backup says of it; the rest stays as it is.
func merge(b, l *unstructured.Unstructured, o Options) *unstructured.Unstructured {
	next := l.DeepCopy()
	labels, annotations := b.GetLabels(), b.GetAnnotations()
	if o.IgnoreTracking {
		keep(annotations, l.GetAnnotations(), markAnnotation)
		keep(labels, l.GetLabels(), markLabel)
	}
	next.SetLabels(labels)
	next.SetAnnotations(annotations)
	next.SetFinalizers(b.GetFinalizers())
	part := "spec"
	if k := b.GetKind(); k == "Secret" || k == "ConfigMap" {
		part = "data"
	}
	next.Object[part] = b.Object[part]
	if status, ok := b.Object["status"]; ok && b.GetKind() == "Application" {
		next.Object["status"] = status
	}
	if o.StopOperation {
		delete(next.Object, "operation")
	}
	return next
}

func keep(into, from map[string]string, key string) {
	if v, ok := from[key]; ok && into[key] != "" {
		into[key] = v
	}
}

// same reports whether two records say the same, apart from what changes by itself.
func same(a, b *unstructured.Unstructured) bool {
	notes := func(o *unstructured.Unstructured) map[string]string {
		m := o.GetAnnotations()
		delete(m, lastApplied)
		if len(m) == 0 {
			return nil
		}
		return m
	}
	status := func(o *unstructured.Unstructured) map[string]any {
		s, _, _ := unstructured.NestedMap(o.Object, "status")
		delete(s, "reconciledAt")
		delete(s, "observedAt")
		if len(s) == 0 || o.GetKind() != "Application" {
			return nil
		}
		return s
	}
	return reflect.DeepEqual(notes(a), notes(b)) && (len(a.GetLabels())+len(b.GetLabels()) == 0 || reflect.DeepEqual(a.GetLabels(), b.GetLabels())) &&
		slices.Equal(a.GetFinalizers(), b.GetFinalizers()) && reflect.DeepEqual(a.Object["spec"], b.Object["spec"]) &&
		reflect.DeepEqual(a.Object["data"], b.Object["data"]) && reflect.DeepEqual(status(a), status(b))
}

// Restore makes the cluster hold what a backup says. Records that may not be written are warned of, and passed over.
func (r *Records) Restore(ctx context.Context, text []byte, o Options) (err error) {
	backup, err := Read(text, r.namespace)
	if err != nil {
		return err
	}
	if o.Further, err = r.fill(ctx, o.Further); err != nil {
		return err
	}
	live, err := r.List(ctx, o.Further)
	if err != nil {
		return err
	}
	dry := ""
	if o.DryRun {
		dry = " (dry run)"
	}
	for _, s := range plan(backup, live, r.namespace, o) {
		done, err := r.perform(ctx, s, o)
		switch {
		case problem.Is(err, problem.Forbidden) || problem.Is(err, problem.NotFound):
			o.Warn(title(s.object) + ": " + err.Error())
		case err != nil:
			return err
		case done != "" && slices.Contains([]string{"skip", "skip prune", "left"}, s.do): // the same in a dry run
			o.Say(done)
		case done != "":
			o.Say(done + dry)
		}
	}
	return nil
}

// perform does one step and says what it did; "" when there is nothing to say.
func (r *Records) perform(ctx context.Context, s step, o Options) (done string, err error) {
	x, name := s.object, title(s.object)
	where := name + " in namespace " + x.GetNamespace()
	client := r.client.Resource(kinds[x.GetKind()]).Namespace(x.GetNamespace())
	switch s.do {
	case "skip":
		return "Skipping " + where, nil
	case "skip prune":
		return "Skipping pruning of " + where, nil
	case "left":
		return name + " needs pruning", nil
	case "unchanged":
		if o.Verbose {
			return name + " unchanged", nil
		}
		return "", nil
	case "create":
		if !o.DryRun {
			_, err = client.Create(ctx, x, metav1.CreateOptions{})
		}
		done = where + " created"
	case "update":
		if !o.DryRun {
			_, err = client.Update(ctx, x, metav1.UpdateOptions{})
			if err = failedOrNil(err, name); problem.Is(err, problem.Conflict) {
				o.Say(fmt.Sprintf("Failed to update %s: %v", where, err))
				if !o.OverrideOnConflict {
					return "", err
				}
				x.SetResourceVersion("")
				_, err = client.Update(ctx, x, metav1.UpdateOptions{})
			}
		}
		done = where + " updated"
	case "prune":
		if o.DryRun {
			return name + " pruned", nil
		}
		yes, err := o.Confirm(fmt.Sprintf("Are you sure you want to prune %s ? [y/n]", name))
		if err != nil || !yes {
			return fmt.Sprintf("The command to prune %s was cancelled.", name), err
		}
		if x.GetKind() == "Application" && len(x.GetFinalizers()) > 0 { // what it deployed is not to go with the record
			free := x.DeepCopy()
			free.SetFinalizers(nil)
			if _, err := client.Update(ctx, free, metav1.UpdateOptions{}); err != nil {
				return "", failedOrNil(err, name)
			}
		}
		err = client.Delete(ctx, x.GetName(), metav1.DeleteOptions{})
		return name + " pruned", failedOrNil(err, name)
	}
	return done, failedOrNil(err, name)
}

func failedOrNil(err error, what string) error {
	if err == nil || problem.KindOf(err) != problem.Internal {
		return err
	}
	return failed(err, "write "+what)
}
