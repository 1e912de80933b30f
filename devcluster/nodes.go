package main

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

const (
	simulatedLabel = "devcluster.hawser.dev/simulated"
	leaseEvery     = 20 * time.Second
	statusEvery    = 5 * time.Minute // as the kubelet does when nothing changed
)

// nodes are the simulated machines: registered once, and kept Ready by their leases.
type nodes struct {
	client kubernetes.Interface
	count  int
	port   int // on which the kubelet answers for logs and exec
}

func nodeName(i int) string { return "node-" + strconv.Itoa(i) }

// nodeIP is an address that belongs to nobody; it only has to be different for each node.
func nodeIP(i int) string { return fmt.Sprintf("10.2.%d.%d", (i+1)/256, (i+1)%256) }

func (n nodes) run(ctx context.Context) error {
	if err := n.removeSurplus(ctx); err != nil {
		return err
	}
	for i := range n.count {
		if err := n.register(ctx, i); err != nil {
			return fmt.Errorf("register %s: %w", nodeName(i), err)
		}
	}
	lease, status := time.NewTicker(leaseEvery), time.NewTicker(statusEvery)
	defer lease.Stop()
	defer status.Stop()
	for {
		beat := n.renewLease
		select {
		case <-ctx.Done():
			return nil
		case <-lease.C:
		case <-status.C:
			beat = n.reportReady
		}
		for i := range n.count {
			// A node that somebody deleted stays deleted until the next start, as with a real kubelet.
			if err := beat(ctx, i); err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil {
				klog.ErrorS(err, "Node heartbeat failed", "node", nodeName(i))
			}
		}
	}
}

// removeSurplus deletes the nodes of an earlier run with more of them.
func (n nodes) removeSurplus(ctx context.Context) error {
	list, err := n.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: simulatedLabel})
	if err != nil {
		return err
	}
	for _, node := range list.Items {
		i, err := strconv.Atoi(strings.TrimPrefix(node.Name, "node-"))
		if err == nil && i < n.count {
			continue
		}
		if err := n.client.CoreV1().Nodes().Delete(ctx, node.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

func (n nodes) register(ctx context.Context, i int) error {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName(i), Labels: map[string]string{
		simulatedLabel:                     "true",
		corev1.LabelHostname:               nodeName(i),
		corev1.LabelOSStable:               "linux",
		corev1.LabelArchStable:             runtime.GOARCH,
		corev1.LabelTopologyRegion:         "devcluster",
		corev1.LabelTopologyZone:           "zone-" + string(rune('a'+i%3)),
		"node.kubernetes.io/instance-type": "simulated",
	}}}
	if _, err := n.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	if err := n.reportReady(ctx, i); err != nil {
		return err
	}
	return n.renewLease(ctx, i)
}

// reportReady tries again on a conflict: the controller-manager writes taints to the same object.
func (n nodes) reportReady(ctx context.Context, i int) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error { return n.reportReadyOnce(ctx, i) })
}

func (n nodes) reportReadyOnce(ctx context.Context, i int) error {
	node, err := n.client.CoreV1().Nodes().Get(ctx, nodeName(i), metav1.GetOptions{})
	if err != nil {
		return err
	}
	resources := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("64"),
		corev1.ResourceMemory:           resource.MustParse("256Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("1Ti"),
		corev1.ResourcePods:             resource.MustParse("5000"),
	}
	s := &node.Status
	s.Capacity, s.Allocatable = resources, resources
	// the external address is the one at which the API server finds the kubelet of all nodes (streams.go)
	s.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: nodeIP(i)}, {Type: corev1.NodeExternalIP, Address: "127.0.0.1"}, {Type: corev1.NodeHostName, Address: node.Name}}
	s.DaemonEndpoints.KubeletEndpoint.Port = int32(n.port)
	s.NodeInfo = corev1.NodeSystemInfo{
		KubeletVersion: kubernetesVersion(), KubeProxyVersion: "", ContainerRuntimeVersion: "devcluster://simulated",
		OperatingSystem: "linux", Architecture: runtime.GOARCH, OSImage: "devcluster (simulated)", KernelVersion: "none",
	}
	for _, c := range []corev1.NodeCondition{
		{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientMemory"},
		{Type: corev1.NodeDiskPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasNoDiskPressure"},
		{Type: corev1.NodePIDPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientPID"},
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "simulated node is ready"},
	} {
		setNodeCondition(s, c, metav1.Now())
	}
	_, err = n.client.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{})
	return err
}

func setNodeCondition(s *corev1.NodeStatus, c corev1.NodeCondition, now metav1.Time) {
	c.LastHeartbeatTime, c.LastTransitionTime = now, now
	for i, old := range s.Conditions {
		if old.Type == c.Type {
			if old.Status == c.Status {
				c.LastTransitionTime = old.LastTransitionTime
			}
			s.Conditions[i] = c
			return
		}
	}
	s.Conditions = append(s.Conditions, c)
}

func (n nodes) renewLease(ctx context.Context, i int) error {
	leases := n.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	spec := coordinationv1.LeaseSpec{
		HolderIdentity:       ptr.To(nodeName(i)),
		LeaseDurationSeconds: ptr.To(int32(2 * leaseEvery / time.Second)),
		RenewTime:            ptr.To(metav1.NowMicro()),
	}
	lease, err := leases.Get(ctx, nodeName(i), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		node, err := n.client.CoreV1().Nodes().Get(ctx, nodeName(i), metav1.GetOptions{})
		if err != nil {
			return err
		}
		owner := metav1.OwnerReference{APIVersion: "v1", Kind: "Node", Name: node.Name, UID: node.UID}
		_, err = leases.Create(ctx, &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: node.Name, OwnerReferences: []metav1.OwnerReference{owner}}, Spec: spec,
		}, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	lease.Spec = spec
	_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}
