package rbac

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// TestCorpus asks the questions of testdata/*.txtar. Files of an archive: any key of argocd-rbac-cm; projects.yaml with
// documents between ---; problems, one part of a problem each line; questions, each
// SUBJECT [GROUP; GROUP] | RESOURCE ACTION OBJECT -> allow|deny REASON, where - is an empty subject and
// the reason is ORIGIN:LINE or nothing.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no corpus", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c := Config{RBAC: map[string]string{}}
			var questions, wanted []string
			for _, f := range ar.Files {
				text := strings.TrimSuffix(string(f.Data), "\n")
				switch f.Name {
				case "projects.yaml":
					c.Projects = readProjects(t, text)
				case "problems":
					wanted = strings.Split(text, "\n")
				case "questions":
					questions = strings.Split(text, "\n")
				default:
					c.RBAC[f.Name] = text
				}
			}
			p, problems := New(c)
			if len(problems) != len(wanted) {
				t.Errorf("%d problems, wanted %d: %v", len(problems), len(wanted), problems)
			}
			for i := range min(len(problems), len(wanted)) {
				if !strings.Contains(problems[i].Error(), wanted[i]) {
					t.Errorf("problem %d\ngot  %s\nwant %s", i+1, problems[i], wanted[i])
				}
			}
			for _, q := range questions {
				if q == "" || strings.HasPrefix(q, "#") {
					continue
				}
				ask(t, p, q)
			}
		})
	}
}

func readProjects(t testing.TB, text string) (list []*v1alpha1.AppProject) {
	for doc := range strings.SplitSeq(text, "\n---\n") {
		p := &v1alpha1.AppProject{}
		if err := yaml.UnmarshalStrict([]byte(doc), p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func ask(t *testing.T, p *Policy, question string) {
	t.Helper()
	who, what, _ := strings.Cut(question, " | ")
	request, want, ok := strings.Cut(what, " -> ")
	words := strings.SplitN(request, " ", 3)
	if !ok || len(words) != 3 {
		t.Fatalf("not a question: %s", question)
	}
	var s Subject
	name, groups, hasGroups := strings.Cut(who, " [")
	if name != "-" {
		s.Name = name
	}
	if hasGroups {
		s.Groups = strings.Split(strings.TrimSuffix(groups, "]"), "; ")
	}
	table := p.For(s)
	d := table.May(Request{Resource: words[0], Action: words[1], Object: words[2]})
	got := "deny"
	if d.Allowed {
		got = "allow"
	}
	if d.Line != nil {
		got += " " + d.Line.Origin + fmt.Sprintf(":%d", d.Line.Number)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%s\n(-want +got)%s", question, d, diff)
	}
	if m := table.Matcher(words[0], words[1]); m.Allows(words[2]) != d.Allowed {
		t.Errorf("%s: the matcher disagrees: %v", question, !d.Allowed)
	}
}
