package enroll

import (
	"encoding/base64"

	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// decodeToken returns the token in a Secret, "" while Kubernetes has not filled it in. The error holds nothing of it.
func decodeToken(s *unstructured.Unstructured) (string, error) {
	text, _, _ := unstructured.NestedString(s.Object, "data", "token")
	token, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", problem.New(problem.Invalid, "Secret %s/%s holds no token in base64", s.GetNamespace(), s.GetName())
	}
	return string(token), nil
}
