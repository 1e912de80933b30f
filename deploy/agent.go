package deploy

import (
	"bytes"
	_ "embed"
	"strconv"
	"strings"
	"text/template"
)

//go:embed agent/agent.yaml
var agentManifest string

// Agent is what the manifest of an agent depends on.
type Agent struct {
	Name      string // as the hub registered it
	Hub       string // address that the agent dials
	Token     string
	CA        string // PEM; empty: the authorities of the image
	Namespace string
	Image     string
	Targets   []string // the only namespaces that it may deploy to; empty for all
}

// Manifest is what is applied in the agent's cluster, without the CustomResourceDefinitions. It holds the agent's token.
func (a Agent) Manifest() ([]byte, error) {
	t, err := template.New("agent").Funcs(template.FuncMap{"indent": func(text string) string {
		return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
	}}).Parse(agentManifest)
	if err != nil {
		return nil, err
	}
	a.Token = strconv.Quote(a.Token)
	var out bytes.Buffer
	err = t.Execute(&out, a)
	return out.Bytes(), err
}
