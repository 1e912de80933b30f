package test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	_, err := shared.client.NetworkingV1().Ingresses(ns).Create(t.Context(), &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Name: "i"},
		Spec:       networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "s", Port: networkingv1.ServiceBackendPort{Number: 80}}}},
	}, create)
	if err != nil {
		t.Fatal(err)
	}
	_, err = shared.client.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "s"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}},
	}, create)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Ingress's address", func(ctx context.Context) error {
		i, err := shared.client.NetworkingV1().Ingresses(ns).Get(ctx, "i", get)
		if err != nil {
			return err
		}
		l := i.Status.LoadBalancer.Ingress
		return want(len(l) == 1 && l[0].IP == "127.0.0.1", "%+v", l)
	})
	eventually(t, "the Service's address", func(ctx context.Context) error {
		s, err := shared.client.CoreV1().Services(ns).Get(ctx, "s", get)
		if err != nil {
			return err
		}
		l := s.Status.LoadBalancer.Ingress
		return want(len(l) == 1 && l[0].IP == "127.0.0.1", "%+v", l)
	})
}

func claimSpec() corev1.PersistentVolumeClaimSpec {
	return corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
	}
}

func TestClaimIsBoundAndReclaimed(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	claims := shared.client.CoreV1().PersistentVolumeClaims(ns)
	if _, err := claims.Create(t.Context(), &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "c"}, Spec: claimSpec()}, create); err != nil {
		t.Fatal(err)
	}
	var volume string
	eventually(t, "the claim bound", func(ctx context.Context) error {
		c, err := claims.Get(ctx, "c", get)
		if err != nil {
			return err
		}
		volume = c.Spec.VolumeName
		return want(c.Status.Phase == corev1.ClaimBound && c.Status.Capacity.Storage().String() == "1Gi", "status %+v", c.Status)
	})
	if err := claims.Delete(t.Context(), "c", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the volume gone", func(ctx context.Context) error {
		_, err := shared.client.CoreV1().PersistentVolumes().Get(ctx, volume, get)
		return gone(err)
	})
}

func TestClaimThatWaitsForItsConsumer(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	_, err := shared.client.StorageV1().StorageClasses().Create(t.Context(), &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: ns}, Provisioner: "devcluster.hawser.dev/volumes",
		VolumeBindingMode: ptr.To(storagev1.VolumeBindingWaitForFirstConsumer),
	}, create)
	if err != nil {
		t.Fatal(err)
	}
	spec := claimSpec()
	spec.StorageClassName = &ns
	if _, err := shared.client.CoreV1().PersistentVolumeClaims(ns).Create(t.Context(), &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "c"}, Spec: spec}, create); err != nil {
		t.Fatal(err)
	}
	tpl := template("app:1", nil)
	tpl.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"}}}}
	if _, err := shared.client.CoreV1().Pods(ns).Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: tpl.Spec}, create); err != nil {
		t.Fatal(err)
	}
	onlyPod(t, ns, "the pod ready", func(p corev1.Pod) error { return want(ready(p), "status %+v", p.Status) })
}

func TestNobodyGetsInWithoutAName(t *testing.T) {
	t.Parallel()
	config := rest.AnonymousClientConfig(shared.config)
	anonymous, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := anonymous.Discovery().ServerVersion(); !apierrors.IsUnauthorized(err) {
		t.Errorf("an anonymous request is answered with %v, want 401", err)
	}
	if shared.config.Insecure || len(shared.config.CAData) == 0 || len(shared.config.CertData) == 0 {
		t.Error("the kubeconfig does not verify the server, or is not complete in itself")
	}
}

func TestServiceAccountTokensAndRBAC(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	token, err := shared.client.CoreV1().ServiceAccounts(ns).CreateToken(t.Context(), "default", &authenticationv1.TokenRequest{}, create)
	if err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(shared.config)
	config.BearerToken = token.Status.Token
	account, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	review, err := account.AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, create)
	if err != nil {
		t.Fatal(err)
	}
	if got := review.Status.UserInfo.Username; got != "system:serviceaccount:"+ns+":default" {
		t.Errorf("the token's user is %s", got)
	}
	if _, err := account.CoreV1().Secrets(ns).List(t.Context(), list); !apierrors.IsForbidden(err) {
		t.Errorf("an account without rights lists Secrets: %v, want 403", err)
	}
}

func TestVersionAndStandardObjects(t *testing.T) {
	t.Parallel()
	v, err := shared.client.Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(v.GitVersion, "v1.36.") {
		t.Errorf("server version %s; kubectl and Helm need a true one", v.GitVersion)
	}
	if _, err := shared.client.CoreV1().Services("default").Get(t.Context(), "kubernetes", get); err != nil {
		t.Error(err)
	}
	nodes, err := shared.client.CoreV1().Nodes().List(t.Context(), list)
	if err != nil || len(nodes.Items) != 3 {
		t.Errorf("%d nodes, %v", len(nodes.Items), err)
	}
}

func TestSaysOneLine(t *testing.T) {
	t.Parallel()
	wantLine := "devcluster ready: kubeconfig " + filepath.Join(shared.dir, "kubeconfig") + ", server " + shared.config.Host + "\n"
	if shared.line != wantLine {
		t.Errorf("printed %q, want %q", shared.line, wantLine)
	}
	if more := shared.stderr.String(); more != "" {
		t.Errorf("and also %q", more)
	}
}
