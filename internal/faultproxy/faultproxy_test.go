package faultproxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/clustertest"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// site is a namespace, seen through a proxy.
type site struct {
	*Proxy
	cluster *clustertest.Cluster
	ns      string
	client  kubernetes.Interface // through the proxy
}

func newSite(t *testing.T) *site {
	t.Helper()
	c := clustertest.Start(t)
	p := Start(t, c.Config)
	config, err := clientcmd.BuildConfigFromFlags("", p.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.UserAgent, config.ContentType = -1, "faultproxy-test", "application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return &site{p, c, c.Namespace(t), client}
}

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"a": "b"}}
}

// exists looks past the proxy.
func (s *site) exists(t *testing.T, name string) bool {
	t.Helper()
	return s.cluster.Get(t, "v1", "ConfigMap", s.ns, name) != nil
}

func TestWritesAreNumberedAndRecorded(t *testing.T) {
	s := newSite(t)
	maps := s.client.CoreV1().ConfigMaps(s.ns)
	create := metav1.CreateOptions{FieldManager: "me"}
	dry := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	if _, err := maps.Create(t.Context(), configMap("a"), dry); err != nil {
		t.Fatal(err)
	}
	if _, err := maps.Create(t.Context(), configMap("a"), create); err != nil {
		t.Fatal(err)
	}
	if _, err := maps.Create(t.Context(), configMap("a"), create); !apierrors.IsAlreadyExists(err) {
		t.Fatalf("a second one: %v", err)
	}
	if _, err := s.client.CoreV1().Events(s.ns).Create(t.Context(), &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "e"}, InvolvedObject: corev1.ObjectReference{Namespace: s.ns}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := maps.Patch(t.Context(), "a", types.MergePatchType, []byte(`{"data":{"a":"c"}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := maps.Delete(t.Context(), "a", metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Fatal(err)
	}
	if err := maps.Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range s.Writes() {
		got = append(got, fmt.Sprintf("%d %s %d %s", w.Number, w, w.Status, w.Owner))
		if w.Agent != "faultproxy-test" || !w.Write() || w.Done() != (w.Status < 300) || w.Verb == "create" && !strings.Contains(string(w.Body), `"name":"a"`) {
			t.Errorf("entry %+v", w)
		}
	}
	want := []string{"1 create configmaps 201 me", "2 create configmaps 409 me", "3 patch configmaps/a 200 ", "4 delete configmaps/a 200 "}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("record:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	s.Reset()
	if _, err := maps.Create(t.Context(), configMap("b"), create); err != nil || len(s.Writes()) != 1 || s.Writes()[0].Number != 1 {
		t.Errorf("after Reset: %v, %v", err, s.Writes())
	}
}

// at lets fault decide about the write of that number, and has all others pass.
func (s *site) at(number int, fault Fault) {
	s.Reset()
	s.Fault(func(r Request) Fault {
		if r.Number == number {
			return fault
		}
		return Fault{}
	})
}

func TestCutBeforeAndAfterAWrite(t *testing.T) {
	s := newSite(t)
	maps := s.client.CoreV1().ConfigMaps(s.ns)
	for _, after := range []bool{false, true} {
		if _, err := maps.Create(t.Context(), configMap(fmt.Sprint("first-", after)), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		name, called := fmt.Sprint("second-", after), false
		call := func() {
			called = true
			if s.exists(t, name) != after {
				t.Errorf("after %v: carried out when the test is called: %v", after, !after)
			}
		}
		if after {
			s.at(2, Fault{After: call})
		} else {
			s.at(2, Fault{Before: call})
		}
		if _, err := maps.Create(t.Context(), configMap(fmt.Sprint("between-", after)), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := maps.Create(t.Context(), configMap(name), metav1.CreateOptions{}); err == nil {
			t.Errorf("after %v: the program was answered", after)
		}
		if w := s.Writes(); !called || len(w) != 2 || w[1].Done() != after {
			t.Errorf("after %v: called %v, record %v", after, called, w)
		}
		if s.exists(t, name) != after {
			t.Errorf("after %v: carried out: %v", after, !after)
		}
		if _, err := maps.Create(t.Context(), configMap(fmt.Sprint("third-", after)), metav1.CreateOptions{}); err != nil {
			t.Errorf("after the cut: %v", err)
		}
	}
}

func TestWatchesPassAndAreCut(t *testing.T) {
	s := newSite(t)
	maps := s.client.CoreV1().ConfigMaps(s.ns)
	list, err := maps.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := maps.Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	for _, name := range []string{"a", "b"} {
		if _, err := maps.Create(t.Context(), configMap(name), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		select { // before the stream ends: nothing is held back
		case e := <-w.ResultChan():
			if e.Type != watch.Added {
				t.Fatalf("%+v", e)
			}
		case <-time.After(clustertest.Patience):
			t.Fatalf("%s was not delivered", name)
		}
	}
	s.CutWatches()
	select {
	case _, open := <-w.ResultChan():
		if open {
			<-w.ResultChan() // a decoding error is told before the end
		}
	case <-time.After(clustertest.Patience):
		t.Error("the stream goes on")
	}
}

func TestAnswersAreRefusedOrLost(t *testing.T) {
	s := newSite(t)
	maps := s.client.CoreV1().ConfigMaps(s.ns)
	for name, c := range map[string]struct {
		fault   Fault
		is      func(error) bool
		carried bool
	}{
		"internal":    {Fault{Status: 500}, apierrors.IsInternalError, false},
		"unavailable": {Fault{Status: 503}, apierrors.IsServiceUnavailable, false},
		"too-many":    {Fault{Status: 429}, apierrors.IsTooManyRequests, false},
		"lost":        {Fault{Lose: true}, func(err error) bool { return err != nil && apierrors.ReasonForError(err) == metav1.StatusReasonUnknown }, true},
		"late":        {Fault{Delay: 50 * time.Millisecond}, func(err error) bool { return err == nil }, true},
	} {
		began := time.Now()
		s.at(1, c.fault)
		if _, err := maps.Create(t.Context(), configMap(name), metav1.CreateOptions{}); !c.is(err) {
			t.Errorf("%s: %v", name, err)
		}
		if s.exists(t, name) != c.carried || s.Writes()[0].Done() != c.carried {
			t.Errorf("%s: carried out: %v, record %v", name, !c.carried, s.Writes())
		}
		if took := time.Since(began); took < c.fault.Delay {
			t.Errorf("%s: answered after %v", name, took)
		}
	}
	// client-go waits for as long as a Retry-After says
	began := time.Now()
	s.at(1, Fault{Status: 429, RetryAfter: 1})
	if _, err := maps.Create(t.Context(), configMap("again"), metav1.CreateOptions{}); err != nil || len(s.Writes()) != 2 {
		t.Errorf("429 with Retry-After: %v, record %v", err, s.Writes())
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("tried again after %v", took)
	}
}
