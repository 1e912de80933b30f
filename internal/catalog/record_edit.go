package catalog

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Labels and annotations of our Secrets (Argo CD's).
const (
	managedByAnnotation = "managed-by"
	managedBy           = "argocd.argoproj.io"
	partOfLabel         = "app.kubernetes.io/part-of"
	partOf              = "argocd"
)

// maxRecord is the most that a Secret or ConfigMap of ours may hold, keys and values together; the API server takes
// 1 MiB.
const maxRecord = 900 << 10

// Fields are what is to be written to a Secret, by its keys. An empty value takes the key away; keys that are not in it
// stay as they are. No formatter, encoder or logger shows the values.
type Fields map[string]string

// String names the keys.
func (f Fields) String() string { return "fields " + strings.Join(sortedKeys(f), ", ") }

// GoString is String.
func (f Fields) GoString() string { return f.String() }

// Format writes String whatever the verb.
func (f Fields) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(f.String())) }

// LogValue is String.
func (f Fields) LogValue() slog.Value { return slog.StringValue(f.String()) }

// MarshalJSON is String as a JSON string.
func (f Fields) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", f.String()), nil }

// draft is a Secret or a ConfigMap being changed.
type draft struct {
	object  *object.Object
	values  map[string]string // its data, decoded
	missing bool              // there is none yet
}

func (d *draft) label(key string) string      { return d.object.GetLabels()[key] }
func (d *draft) annotation(key string) string { return d.object.GetAnnotations()[key] }

func (d *draft) setLabel(key, value string) {
	labels := d.object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	d.object.SetLabels(labels)
}

func (d *draft) dropLabel(key string) {
	labels := d.object.GetLabels()
	delete(labels, key)
	d.object.SetLabels(labels)
}

func (d *draft) setAnnotation(key, value string) {
	annotations := d.object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	d.object.SetAnnotations(annotations)
}

func (d *draft) set(fields Fields) {
	for key, value := range fields {
		if value == "" {
			delete(d.values, key)
		} else {
			d.values[key] = value
		}
	}
}

// editRecord reads a Secret or ConfigMap of ours, has change change it and writes it under the condition that nobody
// else has meanwhile; again and again when somebody has. When there is none, change is given an empty one, which is
// created; an error of change ends it, and when it changes nothing, nothing is written. What was written is visible
// afterwards.
//
// Errors name the record and what is wrong with it, and quote nothing of the API server's: its messages may quote a
// value.
func (c *Catalog) editRecord(ctx context.Context, resource schema.GroupVersionResource, name string, change func(*draft) error) (_ *object.Object, err error) {
	noun := "Secret"
	if resource == configMaps {
		noun = "ConfigMap"
	}
	defer problem.Wrap(&err, "write %s %s", noun, name)
	client := c.people.Resource(resource).Namespace(c.options.Namespace)
	options := metav1.GetOptions{}
	for attempt := 1; ; attempt++ {
		d := &draft{}
		d.object, err = client.Get(ctx, name, options)
		switch {
		case apierrors.IsNotFound(err):
			d.missing = true
			d.object = &object.Object{Object: map[string]any{"apiVersion": "v1", "kind": noun}}
			d.object.SetName(name)
			d.object.SetNamespace(c.options.Namespace)
		case err != nil:
			return nil, guarded(err)
		}
		d.values = valuesOf(d.object)
		before := object.Hash(d.object.Object)
		if err := change(d); err != nil {
			return nil, err
		}
		if err := d.store(); err != nil {
			return nil, err
		}
		if d.missing && len(d.values) == 0 || !d.missing && before == object.Hash(d.object.Object) {
			return d.object, nil
		}
		var answer *object.Object
		if d.missing {
			answer, err = client.Create(ctx, d.object, metav1.CreateOptions{FieldManager: v1alpha1.ActionFieldManager})
		} else {
			answer, err = client.Update(ctx, d.object, metav1.UpdateOptions{FieldManager: v1alpha1.ActionFieldManager})
		}
		if err == nil {
			c.takeRecord(resource, answer)
			return answer, nil
		}
		// gone since it was read is a conflict, too
		again := apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || !d.missing && apierrors.IsNotFound(err)
		if !again || attempt == attempts {
			return nil, guarded(err)
		}
		if err := pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
}

// store puts the values into the object.
func (d *draft) store() error {
	size := 0
	data := map[string]any{}
	for key, value := range d.values {
		size += len(key) + len(value)
		if d.object.GetKind() == "Secret" {
			value = base64.StdEncoding.EncodeToString([]byte(value))
		}
		data[key] = value
	}
	if size > maxRecord {
		return problem.New(problem.Limit, "it would hold %d bytes, and may hold %d", size, maxRecord)
	}
	if len(data) == 0 {
		delete(d.object.Object, "data")
	} else {
		d.object.Object["data"] = data
	}
	return nil
}

func valuesOf(o *object.Object) map[string]string {
	if o.GetKind() == "Secret" {
		return secretOf(o).data
	}
	return mapOf(o)
}

// takeRecord makes the answer to a write visible in every view that has it.
func (c *Catalog) takeRecord(resource schema.GroupVersionResource, o *object.Object) {
	if resource == configMaps {
		c.putMap(o)
		return
	}
	if o.GetName() == settingsVault {
		c.putVault(o)
	}
	if o.GetLabels()[partOfLabel] == partOf {
		c.putLabelled(o)
	} else {
		c.removeLabelled("", o.GetName(), o.GetResourceVersion())
	}
	if _, typed := o.GetLabels()[secretTypeLabel]; typed {
		c.putSecret(o)
	} else {
		c.removeSecret("", o.GetName(), o.GetResourceVersion())
	}
}

// guarded is apiProblem for Secrets: the kind of problem and the API server's one word for it.
func guarded(err error) error {
	p := apiProblem(err, "")
	reason := string(apierrors.ReasonForError(err))
	if reason == "" {
		reason = "no answer"
	}
	return problem.New(p.Kind, "the API server refuses it: %s", reason)
}

// deleteRecord deletes a Secret that we manage. From one that somebody else made (kubectl, an operator: it has no
// managed-by annotation) only the label is taken, so that it is no record of ours any more; Argo CD does so. same
// returns why the Secret, as it is when that is done, is not the one that was meant.
func (c *Catalog) deleteRecord(ctx context.Context, name string, same func(*draft) error, kinds ...string) (err error) {
	old, err := c.editRecord(ctx, secrets, name, func(d *draft) error {
		if d.missing || !slices.Contains(kinds, d.label(secretTypeLabel)) {
			return problem.New(problem.NotFound, "it does not exist any more")
		}
		if err := same(d); err != nil {
			return err
		}
		if d.annotation(managedByAnnotation) != managedBy {
			d.dropLabel(secretTypeLabel)
		}
		return nil
	})
	if err != nil || old.GetLabels()[secretTypeLabel] == "" {
		return err
	}
	defer problem.Wrap(&err, "delete Secret %s", name)
	uid, version := old.GetUID(), old.GetResourceVersion()
	err = c.people.Resource(secrets).Namespace(c.options.Namespace).Delete(ctx, name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}, // it could have been taken over since
	})
	if err != nil {
		return guarded(err)
	}
	c.settle(ctx, func() bool {
		c.mu.RLock()
		defer c.mu.RUnlock()
		_, there := c.secrets[name]
		return !there
	})
	return nil
}
