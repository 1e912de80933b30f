package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

var everything = labels.Everything()

const loadBalancerIP = "127.0.0.1"

// addresses plays the cloud: every Ingress, whatever its class, and every Service of type
// LoadBalancer gets the address 127.0.0.1. Nothing listens there.
type addresses struct{ client kubernetes.Interface }

func (a addresses) run(ctx context.Context) error {
	factory := informers.NewSharedInformerFactory(a.client, 0)
	if err := onChange(factory.Networking().V1().Ingresses().Informer(), func(i *networkingv1.Ingress) { a.ingress(ctx, i) }); err != nil {
		return err
	}
	if err := onChange(factory.Core().V1().Services().Informer(), func(s *corev1.Service) { a.service(ctx, s) }); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	factory.Shutdown()
	return nil
}

func (a addresses) ingress(ctx context.Context, i *networkingv1.Ingress) {
	if len(i.Status.LoadBalancer.Ingress) > 0 || i.DeletionTimestamp != nil {
		return
	}
	i = i.DeepCopy()
	i.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: loadBalancerIP}}
	_, err := a.client.NetworkingV1().Ingresses(i.Namespace).UpdateStatus(ctx, i, metav1.UpdateOptions{})
	complain(ctx, err, "Cannot give an Ingress its address", klog.KObj(i))
}

func (a addresses) service(ctx context.Context, s *corev1.Service) {
	if s.Spec.Type != corev1.ServiceTypeLoadBalancer || len(s.Status.LoadBalancer.Ingress) > 0 || s.DeletionTimestamp != nil {
		return
	}
	s = s.DeepCopy()
	s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: loadBalancerIP}}
	_, err := a.client.CoreV1().Services(s.Namespace).UpdateStatus(ctx, s, metav1.UpdateOptions{})
	complain(ctx, err, "Cannot give a Service its address", klog.KObj(s))
}

// onChange calls act for every object there is and for every one that appears or changes.
func onChange[T any](informer cache.SharedIndexInformer, act func(T)) error {
	call := func(o any) {
		if typed, ok := o.(T); ok {
			act(typed)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: call, UpdateFunc: func(_, o any) { call(o) }})
	return err
}

// complain logs an error. After a conflict the watch brings the newer object and with it the next
// try, and an object that is gone needs nothing more.
func complain(ctx context.Context, err error, what string, object klog.ObjectRef) {
	if err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		klog.ErrorS(err, what, "object", object)
	}
}
