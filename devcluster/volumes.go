package main

import (
	"context"
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

const (
	storageClass = "standard"
	provisioner  = "devcluster.hawser.dev/volumes"

	// The contract between Kubernetes and external provisioners.
	provisionerAnnotation  = "volume.kubernetes.io/storage-provisioner" // on a claim: whose it is
	nodeAnnotation         = "volume.kubernetes.io/selected-node"       // on a claim: the consumer was scheduled
	provisionedAnnotation  = "pv.kubernetes.io/provisioned-by"          // on a volume: who deletes it
	defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class"
)

// volumes plays a storage system: claims of the default class "standard", or of any class that
// names our provisioner, get a volume. The volumes name directories that are never made.
type volumes struct {
	client kubernetes.Interface
	root   string // the directory that the volumes name
}

func (v volumes) run(ctx context.Context) error {
	if err := v.ensureClass(ctx); err != nil {
		return fmt.Errorf("create the StorageClass %s: %w", storageClass, err)
	}
	factory := informers.NewSharedInformerFactory(v.client, 0)
	classes := factory.Storage().V1().StorageClasses()
	known := classes.Informer().HasSynced
	lister := classes.Lister()
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), known) {
		return nil
	}
	if err := onChange(factory.Core().V1().PersistentVolumeClaims().Informer(), func(c *corev1.PersistentVolumeClaim) { v.provision(ctx, c, lister) }); err != nil {
		return err
	}
	if err := onChange(factory.Core().V1().PersistentVolumes().Informer(), func(p *corev1.PersistentVolume) { v.reclaim(ctx, p) }); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	factory.Shutdown()
	return nil
}

func (v volumes) ensureClass(ctx context.Context) error {
	_, err := v.client.StorageV1().StorageClasses().Create(ctx, &storagev1.StorageClass{
		ObjectMeta:           metav1.ObjectMeta{Name: storageClass, Annotations: map[string]string{defaultClassAnnotation: "true"}},
		Provisioner:          provisioner,
		ReclaimPolicy:        ptr.To(corev1.PersistentVolumeReclaimDelete),
		VolumeBindingMode:    ptr.To(storagev1.VolumeBindingImmediate),
		AllowVolumeExpansion: ptr.To(false),
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// provision makes the volume for a claim; Kubernetes binds the two.
func (v volumes) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim, classes storagelisters.StorageClassLister) {
	if claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil || claim.Annotations[provisionerAnnotation] != provisioner {
		return
	}
	class, err := classes.Get(ptr.Deref(claim.Spec.StorageClassName, ""))
	if err != nil {
		complain(ctx, err, "Cannot read the class of a claim", klog.KObj(claim))
		return
	}
	if ptr.Deref(class.VolumeBindingMode, "") == storagev1.VolumeBindingWaitForFirstConsumer && claim.Annotations[nodeAnnotation] == "" {
		return
	}
	_, err = v.client.CoreV1().PersistentVolumes().Create(ctx, v.volumeFor(claim, class), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return
	}
	complain(ctx, err, "Cannot make a volume", klog.KObj(claim))
}

// volumeFor names the volume after the claim's UID, so that making it twice makes it once.
func (v volumes) volumeFor(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) *corev1.PersistentVolume {
	name := "pvc-" + string(claim.UID)
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedAnnotation: provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    claim.Spec.VolumeMode,
			StorageClassName:              class.Name,
			PersistentVolumeReclaimPolicy: ptr.Deref(class.ReclaimPolicy, corev1.PersistentVolumeReclaimDelete),
			PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: filepath.Join(v.root, name)}},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
		},
	}
}

// reclaim deletes a volume of ours whose claim is gone.
func (v volumes) reclaim(ctx context.Context, p *corev1.PersistentVolume) {
	if p.Annotations[provisionedAnnotation] != provisioner || p.DeletionTimestamp != nil ||
		p.Status.Phase != corev1.VolumeReleased || p.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return
	}
	complain(ctx, v.client.CoreV1().PersistentVolumes().Delete(ctx, p.Name, metav1.DeleteOptions{}), "Cannot delete a volume", klog.KObj(p))
}
