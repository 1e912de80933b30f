package cluster_test

import (
	"errors"
	"testing"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

const botToken = `
apiVersion: v1
kind: Secret
metadata: {name: bot-token, annotations: {kubernetes.io/service-account.name: bot}}
type: kubernetes.io/service-account-token
`

// The Secret that held the first token goes once another is in force; one that somebody has made under its name meanwhile
// holds a token that we know nothing of, and stays.
func TestRotationTakesAwayTheSecretItMeant(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	k.Apply(t, ns, `
apiVersion: v1
kind: ServiceAccount
metadata: {name: bot}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: bot}
rules: [{apiGroups: [""], resources: [secrets], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: bot}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: bot}
subjects: [{kind: ServiceAccount, name: bot}]
`)
	secrets := k.Client.CoreV1().Secrets(ns)
	login := func() *rest.Config {
		t.Helper()
		k.Apply(t, ns, botToken)
		config := rest.AnonymousClientConfig(k.Config)
		eventually(t, "a token that is let in", func() error {
			s, err := secrets.Get(t.Context(), "bot-token", metav1.GetOptions{})
			if err == nil && len(s.Data["token"]) == 0 {
				err = errors.New("no token yet")
			}
			if err == nil {
				config.BearerToken = string(s.Data["token"])
			}
			return err
		})
		return config
	}
	anew := func() {
		t.Helper()
		if err := secrets.Delete(t.Context(), "bot-token", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		k.Apply(t, ns, botToken)
	}
	for _, madeAnew := range []bool{false, true} {
		r, err := cluster.Rotate(t.Context(), login())
		if err != nil {
			t.Fatal(err)
		}
		if madeAnew {
			anew()
		}
		err = r.Finish(t.Context()) // with the first token, which the API server may have forgotten when its Secret went
		_, gone := secrets.Get(t.Context(), "bot-token", metav1.GetOptions{})
		if there := gone == nil; there != madeAnew || gone != nil && !apierrors.IsNotFound(gone) || !madeAnew && err != nil {
			t.Errorf("made anew %v: %v, and then %v", madeAnew, err, gone)
		}
	}
}
