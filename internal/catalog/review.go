package catalog

import (
	"context"

	authentication "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/hawser-cd/hawser/internal/problem"
)

var tokenReviews = schema.GroupVersionResource{Group: "authentication.k8s.io", Version: "v1", Resource: "tokenreviews"}

// Review asks the API server whose token it is, for an audience: the user name of one that is good, and "" for every
// other. An error means that it is not known; it never holds the token.
func (c *Catalog) Review(ctx context.Context, token, audience string) (username string, err error) {
	review := &authentication.TokenReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "TokenReview"},
		Spec:     authentication.TokenReviewSpec{Token: token, Audiences: []string{audience}},
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(review)
	if err != nil {
		return "", problem.New(problem.Internal, "a TokenReview cannot be written")
	}
	answer, err := c.client.Resource(tokenReviews).Create(ctx, &unstructured.Unstructured{Object: content}, metav1.CreateOptions{})
	if err != nil {
		return "", problem.New(problem.Unavailable, "the API server did not say whose token it is").WithHint("may we create tokenreviews.authentication.k8s.io?")
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(answer.Object, review); err != nil || !review.Status.Authenticated {
		return "", nil
	}
	for _, a := range review.Status.Audiences {
		if a == audience {
			return review.Status.User.Username, nil
		}
	}
	return "", nil
}
