package main

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// healthy asks whether the API server serves everything, custom resources included.
func healthy(c kubernetes.Interface) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err
	}
}

// usable asks whether a first `kubectl apply` would work like a later one.
func usable(c kubernetes.Interface) func(context.Context) error {
	get := metav1.GetOptions{}
	return func(ctx context.Context) error {
		for _, ns := range []string{"default", "kube-system"} {
			if _, err := c.CoreV1().Namespaces().Get(ctx, ns, get); err != nil {
				return err
			}
		}
		if _, err := c.CoreV1().ServiceAccounts("default").Get(ctx, "default", get); err != nil {
			return err
		}
		if _, err := c.CoreV1().Services("default").Get(ctx, "kubernetes", get); err != nil {
			return err
		}
		if _, err := c.StorageV1().StorageClasses().Get(ctx, storageClass, get); err != nil {
			return err
		}
		list, err := c.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		return schedulable(list.Items)
	}
}

// schedulable complains unless a pod could be put on at least one node. A new node carries the
// not-ready taint until the controller-manager has seen it.
func schedulable(nodes []corev1.Node) error {
	complaint := errors.New("no node is registered")
	for _, n := range nodes {
		if len(n.Spec.Taints) > 0 {
			complaint = fmt.Errorf("node %s is tainted: %s", n.Name, n.Spec.Taints[0].Key)
			continue
		}
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
				return nil
			}
		}
	}
	return complaint
}
