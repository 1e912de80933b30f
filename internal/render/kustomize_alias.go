package render

import (
	"bytes"
	"regexp"

	"github.com/hawser-cd/hawser/internal/problem"
	"go.yaml.in/yaml/v3"
)

// maxYAMLNodes bounds a document with its aliases written out.
const maxYAMLNodes = 1_000_000

var (
	anchor = regexp.MustCompile(`(?m)(^|[\s\[{,:-])&[^\s,\[\]{}]`)
	alias  = regexp.MustCompile(`(?m)(^|[\s\[{,:-])\*[^\s,\[\]{}]`)
)

// checkAliases refuses text that would grow without bound when kustomize writes out its YAML aliases, which it does
// eagerly and without counting: nine lines can ask for a billion nodes. Text that is not YAML is somebody else's to
// report.
func checkAliases(text []byte, file string) error {
	if !anchor.Match(text) || !alias.Match(text) {
		return nil
	}
	docs := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		if err := docs.Decode(&n); err != nil {
			return nil
		}
		c := counter{sizes: map[*yaml.Node]int{}, file: file}
		if c.size(&n); c.err != nil {
			return c.err
		}
	}
}

type counter struct {
	sizes map[*yaml.Node]int // with aliases written out; -1 while it is being counted
	file  string
	err   error
}

func (c *counter) size(n *yaml.Node) int {
	if known, ok := c.sizes[n]; ok {
		if known < 0 {
			c.err = problem.New(problem.Invalid, "%s:%d: an alias contains itself", c.file, n.Line)
			return 0
		}
		return known
	}
	c.sizes[n] = -1
	total := 1
	if n.Kind == yaml.AliasNode {
		total += c.size(n.Alias)
	}
	for _, child := range n.Content {
		if total += c.size(child); total > maxYAMLNodes && c.err == nil {
			c.err = problem.New(problem.Limit, "%s:%d: more than %d values once its aliases are written out", c.file, n.Line, maxYAMLNodes)
		}
		if c.err != nil {
			break
		}
	}
	if n.Kind == yaml.ScalarNode && c.err == nil { // patches and configurations are YAML within YAML
		if err := checkAliases([]byte(n.Value), c.file); err != nil {
			c.err = err
		}
	}
	c.sizes[n] = min(total, maxYAMLNodes+1)
	return c.sizes[n]
}
