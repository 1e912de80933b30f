package cluster

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Rotation is a service account's second token, made to take the place of the first.
type Rotation struct {
	Token string

	secrets       dynamic.ResourceInterface
	made, earlier tokenSecret // where the tokens are; earlier is empty when the first was in none
}

// tokenSecret is one Secret, and no other of its name.
type tokenSecret struct {
	name string
	uid  types.UID
}

// String names the Secret; the token is not for logs.
func (r *Rotation) String() string { return "a new token in Secret " + r.made.name }

// GoString is String.
func (r *Rotation) GoString() string { return r.String() }

// Rotate makes another token for the service account that config logs in as: a Secret of type service-account-token.
// The caller puts it in force and then calls Finish, or Undo when that fails. It is Invalid when config does not show a
// service account's token.
func Rotate(ctx context.Context, config *rest.Config) (_ *Rotation, err error) {
	defer problem.Wrap(&err, "make a new token")
	account, err := accountOf(config.BearerToken)
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.Timeout, config.QPS, config.UserAgent = probeTimeout, -1, "hawser"
	config.WarningHandlerWithContext = warnings{}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "the connection's settings cannot be used")
	}
	r := &Rotation{secrets: client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Namespace(account.namespace)}
	if r.earlier, err = r.holding(ctx, account.secret, config.BearerToken); err != nil {
		return nil, unsaid(err)
	}
	made, err := r.secrets.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
		"metadata": map[string]any{"generateName": account.name + "-token-", "annotations": map[string]any{"kubernetes.io/service-account.name": account.name}},
	}}, metav1.CreateOptions{})
	if err != nil {
		return nil, unsaid(err)
	}
	r.made = tokenSecret{made.GetName(), made.GetUID()}
	for end := time.Now().Add(probeTimeout); r.Token == ""; {
		now, err := r.secrets.Get(ctx, r.made.name, metav1.GetOptions{})
		if err == nil {
			r.Token, err = tokenIn(now)
		}
		if err == nil && r.Token == "" && time.Now().After(end) {
			err = problem.New(problem.Unavailable, "the cluster has put no token into Secret %s", r.made.name)
		}
		if err == nil && r.Token == "" && !sleep(ctx, 100*time.Millisecond) {
			err = ctx.Err()
		}
		if err != nil {
			r.Undo(context.WithoutCancel(ctx))
			return nil, unsaid(err)
		}
	}
	return r, nil
}

// holding is the Secret of that name, if it is the token that it holds: somebody can have made it anew, with a token of
// its own that others use.
func (r *Rotation) holding(ctx context.Context, name, token string) (s tokenSecret, err error) {
	if name == "" {
		return s, nil
	}
	found, err := r.secrets.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	if held, err := tokenIn(found); err != nil || held != token {
		return s, err
	}
	return tokenSecret{name, found.GetUID()}, nil
}

// Finish takes the first token away. It must be called with the new one in force.
func (r *Rotation) Finish(ctx context.Context) error {
	if r.earlier.name == "" {
		return nil // it ends by itself
	}
	err := r.secrets.Delete(ctx, r.earlier.name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &r.earlier.uid}})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) { // gone, or another by now
		return problem.New(problem.KindOf(unsaid(err)), "the new token is in force, but the old one in Secret %s could not be deleted: %v", r.earlier.name, unsaid(err))
	}
	return nil
}

// Undo takes the new token away, as well as it can.
func (r *Rotation) Undo(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_ = r.secrets.Delete(ctx, r.made.name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &r.made.uid}})
}

func tokenIn(secret *object.Object) (string, error) {
	text, _, _ := unstructured.NestedString(secret.Object, "data", "token")
	token, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", problem.New(problem.Internal, "the token is no base64")
	}
	return string(token), nil
}

// unsaid is an API server's refusal of a Secret without its text, which may quote it.
func unsaid(err error) error {
	if problem.KindOf(err) != problem.Internal || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return problem.New(problem.Precondition, "the cluster refuses it: %s", apierrors.ReasonForError(err))
}

// account is a service account as its token names it.
type account struct{ namespace, name, secret string }

// accountOf reads the claims of a token; the cluster, not we, tells whether it is genuine.
func accountOf(token string) (a account, err error) {
	wrong := problem.New(problem.Invalid, "the bearer token is not that of a service account")
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return a, wrong
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return a, wrong
	}
	var claims struct {
		Namespace string `json:"kubernetes.io/serviceaccount/namespace"` // of a token in a Secret
		Name      string `json:"kubernetes.io/serviceaccount/service-account.name"`
		Secret    string `json:"kubernetes.io/serviceaccount/secret.name"`
		Bound     struct {
			Namespace string `json:"namespace"`
			Account   struct {
				Name string `json:"name"`
			} `json:"serviceaccount"`
		} `json:"kubernetes.io"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return a, wrong
	}
	a = account{claims.Namespace, claims.Name, claims.Secret}
	if a.name == "" {
		a = account{namespace: claims.Bound.Namespace, name: claims.Bound.Account.Name}
	}
	if a.namespace == "" || a.name == "" {
		return a, wrong
	}
	return a, nil
}
