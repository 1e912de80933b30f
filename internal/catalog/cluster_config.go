package catalog

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// whereInJSON names the field whose type is wrong, which is part of our schema and so no secret.
func whereInJSON(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return "." + wrong.Field
	}
	return ""
}

// check names the first field that cannot be used.
func (c clusterConfig) check(programs []string) (field string, err error) {
	if _, err := proxyURL(c.ProxyURL); err != nil {
		return "proxyUrl", err
	}
	e := c.program()
	if e == nil && c.BearerToken != "" && c.Username != "" {
		return "bearerToken", problem.New(problem.Invalid, "it stands beside username: which are meant?")
	}
	t := c.TLS
	switch {
	case (len(t.CertData) == 0) != (len(t.KeyData) == 0):
		return "tlsClientConfig", problem.New(problem.Invalid, "certData and keyData belong together: one of them is missing")
	case len(t.CertData) > 0:
		if _, err := tls.X509KeyPair(t.CertData, t.KeyData); err != nil {
			return "tlsClientConfig.certData", problem.New(problem.Invalid, "certData and keyData are no certificate and its key in PEM")
		}
	}
	if len(t.CAData) > 0 && !t.Insecure && !x509.NewCertPool().AppendCertsFromPEM(t.CAData) {
		return "tlsClientConfig.caData", problem.New(problem.Invalid, "there is no certificate in PEM in it")
	}
	if e == nil {
		return "", nil
	}
	name := "execProviderConfig"
	if c.AWSAuth != nil {
		name = "awsAuthConfig"
		if c.AWSAuth.ClusterName == "" {
			return name + ".clusterName", problem.New(problem.Invalid, "it is missing")
		}
	}
	if e.Command == "" {
		return name + ".command", problem.New(problem.Invalid, "it is missing")
	}
	if err := permittedProgram(e.Command, programs); err != nil {
		return name + ".command", err
	}
	for _, v := range sortedKeys(e.Env) {
		if err := harmlessVariable(v); err != nil {
			return name + ".env", err
		}
	}
	return "", nil
}

// execConfig is execProviderConfig of a cluster Secret.
type execConfig struct {
	Command            string            `json:"command"`
	Args               []string          `json:"args"`
	Env                map[string]string `json:"env"`
	APIVersion         string            `json:"apiVersion"`
	InstallHint        string            `json:"installHint"`
	ProvideClusterInfo bool              `json:"provideClusterInfo"`
	Config             json.RawMessage   `json:"config"`
}

// program is what gives the credentials; nil when nothing does. awsAuthConfig is short for Argo CD's own program.
func (c clusterConfig) program() *execConfig {
	if c.AWSAuth == nil {
		return c.Exec
	}
	args := []string{"aws", "--cluster-name", c.AWSAuth.ClusterName}
	if c.AWSAuth.RoleARN != "" {
		args = append(args, "--role-arn", c.AWSAuth.RoleARN)
	}
	if c.AWSAuth.Profile != "" {
		args = append(args, "--profile", c.AWSAuth.Profile)
	}
	return &execConfig{Command: "argocd-k8s-auth", Args: args, APIVersion: "client.authentication.k8s.io/v1beta1",
		InstallHint: "awsAuthConfig needs argocd-k8s-auth on the PATH of Hawser's server: put it into the image (it is in Argo CD's), or use execProviderConfig with `aws eks get-token`"}
}

// permittedProgram reports whether command may be run: list holds names, absolute paths, or * for anything. It is nil or a
// problem of kind Forbidden.
func permittedProgram(command string, list []string) error {
	for _, p := range list {
		if p == "*" || p == command && command != "" {
			return nil
		}
	}
	return problem.New(problem.Forbidden, "program %q may not be run for credentials", command).
		WithHint("add it to hawser.clusters.programs in argocd-cm, which has %s", strings.Join(list, ", "))
}

// harmlessVariable refuses variables that would have another program, or other code, run than the one that is permitted.
func harmlessVariable(name string) error {
	upper := strings.ToUpper(name)
	for _, prefix := range []string{"LD_", "DYLD_", "PYTHON", "NODE_", "PERL5", "RUBY", "BASH_", "GCONV_", "GIT_"} {
		if strings.HasPrefix(upper, prefix) {
			return problem.New(problem.Forbidden, "%s may not be set: it changes what program runs", name)
		}
	}
	if name == "" || strings.ContainsAny(name, "=\x00") || upper == "PATH" || upper == "ENV" || upper == "IFS" || upper == "SHELL" {
		return problem.New(problem.Forbidden, "%q may not be set", name)
	}
	return nil
}
