package reconcile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/object"
	"sigs.k8s.io/yaml"
)

func parsed(t *testing.T, text string) *object.Object {
	t.Helper()
	o := &object.Object{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

func spell(f facts) string {
	var b strings.Builder
	for _, l := range f.lines {
		fmt.Fprintf(&b, "%s=%s;", l.Name, l.Value)
	}
	if n := f.network; n != nil {
		for _, k := range n.Targets {
			fmt.Fprintf(&b, "to %s;", k)
		}
		if len(n.TargetLabels) > 0 {
			fmt.Fprintf(&b, "to %v;", n.TargetLabels)
		}
		for _, a := range n.Ingress {
			fmt.Fprintf(&b, "at %s%s;", a.Host, a.IP)
		}
		for _, u := range n.URLs {
			fmt.Fprintf(&b, "%s;", u)
		}
	}
	return b.String()
}

const podHead = `apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop%s}
spec:
  nodeName: node-1
  containers: [{name: web, image: web:1, resources: {requests: {cpu: 250m, memory: 64Mi}}}, {name: log, image: log:1, resources: {requests: {cpu: 50m}}}]
  initContainers: [{name: prepare, image: prepare:1, resources: {requests: {cpu: "1"}}}, {name: mesh, image: mesh:1, restartPolicy: Always, resources: {requests: {cpu: 100m}}}]
status:
`

func TestFactsOfPods(t *testing.T) {
	asks := "cpu=1000;memory=67108864000;"
	for name, c := range map[string]struct{ meta, status, want string }{
		"runs": {"", `  phase: Running
  conditions: [{type: Initialized, status: "True"}]
  initContainerStatuses: [{name: prepare, state: {terminated: {exitCode: 0}}}, {name: mesh, started: true, ready: true, restartCount: 1, state: {running: {}}}]
  containerStatuses: [{name: web, ready: true, restartCount: 2, state: {running: {}}}, {name: log, ready: true, state: {running: {}}}]`,
			"Status Reason=Running;Node=node-1;Containers=3/3;Restart Count=3;" + asks},
		"one crashes": {"", `  phase: Running
  conditions: [{type: Initialized, status: "True"}]
  containerStatuses: [{name: web, restartCount: 7, state: {waiting: {reason: CrashLoopBackOff}}}, {name: log, ready: true, state: {running: {}}}]`,
			"Status Reason=CrashLoopBackOff;Node=node-1;Containers=1/3;Restart Count=7;" + asks},
		"one is done, one runs": {"", `  phase: Running
  conditions: [{type: Initialized, status: "True"}]
  containerStatuses: [{name: web, state: {terminated: {reason: Completed}}}, {name: log, ready: true, state: {running: {}}}]`,
			"Status Reason=Running;Node=node-1;Containers=1/3;" + asks},
		"first init container": {"", `  phase: Pending
  initContainerStatuses: [{name: prepare, state: {running: {}}}]`, "Status Reason=Init:0/2;Node=node-1;Containers=0/3;" + asks},
		"init failed": {"", `  phase: Pending
  initContainerStatuses: [{name: prepare, state: {terminated: {exitCode: 3}}}]`, "Status Reason=Init:ExitCode:3;Node=node-1;Containers=0/3;" + asks},
		"init killed": {"", `  phase: Pending
  initContainerStatuses: [{name: prepare, state: {terminated: {exitCode: 137, signal: 9}}}]`, "Status Reason=Init:Signal:9;Node=node-1;Containers=0/3;" + asks},
		"init not pulled": {"", `  phase: Pending
  initContainerStatuses: [{name: prepare, state: {waiting: {reason: ImagePullBackOff}}}]`, "Status Reason=Init:ImagePullBackOff;Node=node-1;Containers=0/3;" + asks},
		"waits for a gate": {"", `  phase: Pending
  conditions: [{type: PodScheduled, status: "False", reason: SchedulingGated}]`, "Status Reason=SchedulingGated;Node=node-1;Containers=0/3;" + asks},
		"ends": {`, deletionTimestamp: "2026-03-01T12:00:00Z"`, `  phase: Running
  containerStatuses: [{name: web, ready: true, state: {running: {}}}]`, "Status Reason=Terminating;Node=node-1;Containers=1/3;" + asks},
		"lost": {`, deletionTimestamp: "2026-03-01T12:00:00Z"`, `  phase: Running
  reason: NodeLost`, "Status Reason=Unknown;Node=node-1;Containers=0/3;" + asks},
		"has ended": {"", `  phase: Succeeded
  containerStatuses: [{name: web, state: {terminated: {reason: Completed}}}]`, "Status Reason=Completed;Node=node-1;Containers=0/3;"},
	} {
		t.Run(name, func(t *testing.T) {
			f := factsOf(parsed(t, fmt.Sprintf(podHead, c.meta)+c.status), nil)
			if got := spell(f); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if strings.Join(f.images, " ") != "log:1 mesh:1 prepare:1 web:1" {
				t.Errorf("images %v", f.images)
			}
		})
	}
}

func TestFactsOfTheNetwork(t *testing.T) {
	for name, c := range map[string]struct{ object, want string }{
		"service": {`{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: LoadBalancer, selector: {app: web}}, status: {loadBalancer: {ingress: [{ip: 192.0.2.1}, {hostname: lb.example}]}}}`,
			"to map[app:web];at 192.0.2.1;at lb.example;"},
		"inner service": {`{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: ClusterIP, selector: {app: web}}, status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}}`, "to map[app:web];"},
		"ingress": {`{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: shop}, spec: {defaultBackend: {service: {name: d}}, tls: [{hosts: [a.example]}], rules: [{host: a.example, http: {paths: [{path: /x*, backend: {service: {name: s}}}]}}, {host: b.example, http: {paths: [{backend: {service: {name: s}}}]}}]}}`,
			"to /Service/shop/d;to /Service/shop/s;http://b.example;https://a.example/x;"},
		"ingress without host": {`{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: shop}, spec: {rules: [{http: {paths: [{path: /, backend: {service: {name: s}}}]}}]}, status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}}`,
			"to /Service/shop/s;at 192.0.2.1;http://192.0.2.1/;"},
		"links of one's own": {`{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: shop, annotations: {argocd.argoproj.io/ignore-default-links: "true", link.argocd.argoproj.io/a: "Docs|https://docs.example", link.argocd.argoproj.io/b: "javascript:alert(1)", link.argocd.argoproj.io/c: "x|javascript:alert(1)"}}, spec: {rules: [{host: b.example, http: {paths: [{backend: {service: {name: s}}}]}}]}}`,
			"to /Service/shop/s;Docs|https://docs.example;"},
		"virtual service": {`{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v, namespace: shop}, spec: {http: [{route: [{destination: {host: a}}, {destination: {host: b.other.svc}}]}]}}`,
			"to /Service/other/b;to /Service/shop/a;"},
		"route": {`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: shop}, spec: {parentRefs: [{name: g, namespace: infra}], rules: [{backendRefs: [{name: s}]}]}}`,
			"to /Service/shop/s;to gateway.networking.k8s.io/Gateway/infra/g;"},
		"gateway": {`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g}, spec: {listeners: [{protocol: HTTPS, port: 443, hostname: a.example}, {protocol: HTTP, port: 8080}]}, status: {addresses: [{value: 192.0.2.1}]}}`,
			"at 192.0.2.1;http://192.0.2.1:8080;https://a.example;"},
		"deployment": {`{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, labels: {team: red}, annotations: {deployment.kubernetes.io/revision: "4"}}, spec: {}}`, "Revision=Rev:4;team=red;"},
		"revision":   {`{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: r}, revision: 2}`, "Revision=Rev:2;"},
		"metadata":   {`{apiVersion: v1, kind: Pod, metadata: {name: p}}`, ""},
		"nonsense":   {`{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {rules: 7, tls: [x], defaultBackend: []}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := parsed(t, c.object)
			if name == "revision" {
				o.Object["revision"] = int64(2)
			}
			if name == "gateway" {
				for _, l := range mapsAt(o.Object, "spec", "listeners") {
					l["port"] = int64(l["port"].(float64))
				}
			}
			if got := spell(factsOf(o, []string{"team"})); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func BenchmarkFactsOfPod(b *testing.B) {
	o := &object.Object{}
	if err := yaml.Unmarshal([]byte(fmt.Sprintf(podHead, "")+"  phase: Running\n  containerStatuses: [{name: web, ready: true, state: {running: {}}}]"), &o.Object); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		factsOf(o, nil)
	}
}
