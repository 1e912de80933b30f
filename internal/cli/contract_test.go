package cli

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Facts of Argo CD 3.6: its commands, one a line, and their flags with their letters. Flags of kubectl's that many of
// them share are left out.
const argocdCommands = "testdata/argocd-3.6.txt"

// missing are the commands that we have not, and why.
var missing = map[string]string{
	"admin app":                         "debugging of argocd's controller",
	"admin cluster":                     "sharding of argocd's controllers, and generating Secrets",
	"admin dashboard":                   "hawser serve has the page",
	"admin notifications":               "comes with notifications",
	"admin proj":                        "generating manifests",
	"admin redis-initial-password":      "there is no Redis",
	"admin repo":                        "generating Secrets",
	"admin settings resource-overrides": "comes with the customisations",
	"admin settings validate":           "comes with the customisations",
}

// missingFlags are flags that we have not, and why.
var missingFlags = map[string]string{
	"admin settings: --argocd-cm-path":        "only for the commands that are missing",
	"admin settings: --argocd-secret-path":    "only for the commands that are missing",
	"admin settings: --load-cluster-settings": "only for the commands that are missing",
}

// `alias argocd=hawser` is safe only if nothing that argocd takes is refused.
func TestEveryCommandAndFlagOfArgoCDIsThere(t *testing.T) {
	text, err := os.ReadFile(argocdCommands)
	if err != nil {
		t.Fatal(err)
	}
	std := IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}
	top := root(std, newRemote(std))
	commands, flags, used := 0, 0, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		name, list, _ := strings.Cut(strings.TrimSpace(line), ":")
		if why := excused(name, used); why {
			continue
		}
		c := top
		if name != "-" {
			found, rest, err := top.Find(strings.Fields(name))
			if err != nil || len(rest) > 0 {
				t.Errorf("hawser %s is missing", name)
				continue
			}
			c = found
		}
		commands++
		for _, f := range strings.Fields(list) {
			flags++
			long, letter, _ := strings.Cut(strings.TrimPrefix(f, "--"), "/")
			if key := name + ": --" + long; missingFlags[key] != "" {
				used[key] = true
				continue
			}
			if !takes(c, long, letter) {
				t.Errorf("hawser %s does not take %s", name, f)
			}
		}
	}
	if commands < 130 || flags < 680 {
		t.Errorf("only %d commands and %d flags were looked at", commands, flags)
	}
	for name := range missing {
		if !used[name] {
			t.Errorf("%s is not missing: take it off the list", name)
		}
	}
	for key := range missingFlags {
		if !used[key] {
			t.Errorf("%s is not missing: take it off the list", key)
		}
	}
}

func excused(name string, used map[string]bool) bool {
	words := strings.Fields(name)
	for n := range words {
		if part := strings.Join(words[:n+1], " "); missing[part] != "" {
			used[part] = true
			return true
		}
	}
	return false
}

func takes(c *cobra.Command, long, letter string) bool {
	f := c.Flag(long)
	if f == nil {
		f = c.InheritedFlags().Lookup(long)
	}
	return f != nil && (letter == "" || f.Shorthand == letter)
}

// What people read is written for them: every command says what it does, in one line.
func TestEveryCommandSaysWhatItDoes(t *testing.T) {
	std := IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || len(c.Short) > 110 {
			t.Errorf("%s: %q", c.CommandPath(), c.Short)
		}
		if c.Run == nil && c.RunE == nil && c.HasParent() {
			t.Errorf("%s does nothing", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	top := root(std, newRemote(std))
	walk(top)
	var names []string
	for _, c := range top.Commands() {
		names = append(names, c.Name())
	}
	if !slices.IsSorted(names) {
		t.Errorf("commands are listed in the order %v", names)
	}
}
