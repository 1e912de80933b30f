package render

import (
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render/sops"
	"github.com/hawser-cd/hawser/internal/source"
	"sigs.k8s.io/yaml"
)

// sealed is a file that sops made (sops/testdata/make.sh).
func sealed(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("sops/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func keys(t testing.TB, names ...string) *sops.Keys {
	t.Helper()
	files := map[string]string{}
	for _, n := range names {
		files[n] = sealed(t, "keys/"+n)
	}
	return sops.ParseKeys(files)
}

// secretsOf is the decoded values of the Secrets and ConfigMaps among items, by kind, name and key.
func secretsOf(items []object.Item) map[string]string {
	m := map[string]string{}
	for _, it := range items {
		for _, field := range []string{"data", "stringData"} {
			values, _ := it.Object.Object[field].(map[string]any)
			for k, v := range values {
				text := fmt.Sprint(v)
				if field == "data" && it.Object.GetKind() == "Secret" {
					decoded, _ := base64.StdEncoding.DecodeString(text)
					text = string(decoded)
				}
				m[it.Object.GetKind()+" "+it.Object.GetName()+" "+k] = text
			}
		}
	}
	return m
}

// TestEveryRendererReadsEncryptedFiles, those of sibling sources among them.
func TestEveryRendererReadsEncryptedFiles(t *testing.T) {
	values := sealed(t, "files/secret.yaml") // keys of a Secret do as values of a chart
	template := "apiVersion: v1\nkind: Secret\nmetadata: {name: made}\nstringData: {password: {{ .Values.stringData.password }}}\n"
	chart := source.Files{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "templates/s.yaml": template}
	with := func(files source.Files, more ...string) source.Files {
		all := source.Files{}
		for k, v := range files {
			all[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	made := map[string]string{"Secret made password": "canary-of-sops"}
	for name, c := range map[string]struct {
		files source.Files
		spec  v1alpha1.ApplicationSource
		ref   source.Files
		want  map[string]string
	}{
		"plain YAML":              {source.Files{"s.yaml": values}, v1alpha1.ApplicationSource{}, nil, map[string]string{"Secret db password": "canary-of-sops", "Secret db user": "admin"}},
		"several in a file":       {source.Files{"s.yaml": sealed(t, "files/two.yaml")}, v1alpha1.ApplicationSource{}, nil, map[string]string{"Secret db password": "canary-of-sops", "Secret db user": "admin", "Secret second password": "canary-of-sops", "Secret second user": "admin"}},
		"plain JSON":              {source.Files{"s.json": sealed(t, "files/secret.json")}, v1alpha1.ApplicationSource{}, nil, map[string]string{"Secret json password": "canary-of-json", "Secret json escaped": "aé\n\"😀"}},
		"jsonnet":                 {source.Files{"s.jsonnet": `local s = std.parseYaml(importstr "s.enc"); s { metadata+: { name: "made" }, stringData: { password: s.stringData.password } }`, "s.enc": values}, v1alpha1.ApplicationSource{}, nil, made},
		"a resource of kustomize": {source.Files{"kustomization.yaml": "resources: [s.yaml]\nnamePrefix: a-\n", "s.yaml": values}, v1alpha1.ApplicationSource{}, nil, map[string]string{"Secret a-db password": "canary-of-sops", "Secret a-db user": "admin"}},
		"a patch of kustomize":    {source.Files{"kustomization.yaml": "resources: [s.yaml]\npatches: [{path: p.yaml}]\n", "s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {more: a}\n", "p.yaml": values}, v1alpha1.ApplicationSource{}, nil, map[string]string{"Secret db password": "canary-of-sops", "Secret db user": "admin", "Secret db more": "a"}},
		"generators of kustomize": {source.Files{"kustomization.yaml": "secretGenerator: [{name: g, envs: [app.env], files: [blob.txt, as=s.yaml], options: {disableNameSuffixHash: true}}]\n", "app.env": sealed(t, "files/app.env"), "blob.txt": sealed(t, "files/blob.txt"), "s.yaml": values}, v1alpha1.ApplicationSource{}, nil,
			map[string]string{"Secret g USER": "admin", "Secret g PASSWORD": "canary=of=dotenv", "Secret g LINES": `one\ntwo`, "Secret g EMPTY": "", "Secret g blob.txt": "canary of a file\nwith lines\n\ttabs",
				"Secret g as": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: \"canary-of-sops\"\n  user: \"admin\"\n"}},
		"the values of a chart":        {with(chart, "values.yaml", values), v1alpha1.ApplicationSource{}, nil, made},
		"a value file":                 {with(chart, "prod.yaml", values), v1alpha1.ApplicationSource{Helm: &v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"prod.yaml"}}}, nil, made},
		"a value file of a sibling":    {chart, v1alpha1.ApplicationSource{Helm: &v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"$x/prod.yaml"}}}, source.Files{"prod.yaml": values}, made},
		"a file parameter":             {with(chart, "pw.txt", sealed(t, "files/blob.txt")), v1alpha1.ApplicationSource{Helm: &v1alpha1.ApplicationSourceHelm{FileParameters: []v1alpha1.HelmFileParameter{{Name: "stringData.password", Path: "pw.txt"}}}}, nil, nil},
		"what is none of our business": {source.Files{"cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: made}\ndata: {a: b}\n", "values.enc.yaml": strings.NewReplacer("apiVersion:", "a:", "kind:", "b:").Replace(sealed(t, "files/secret-other.yaml"))}, v1alpha1.ApplicationSource{}, nil, map[string]string{"ConfigMap made a": "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			req := Request{Tree: tree(c.files), Source: c.spec, App: App{Name: "a", DestinationNamespace: "n"}}
			req.Source.RepoURL, req.Source.Path = "https://git/repo", "."
			if c.ref != nil {
				req.Refs = map[string]Ref{"x": {Tree: tree(c.ref)}}
			}
			r := New(Options{})
			if _, err := r.Objects(t.Context(), req); name != "what is none of our business" && (err == nil || !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "no key is configured")) {
				t.Errorf("without a key: %v", err)
			}
			req.Keys = keys(t, "one.agekey")
			res, err := r.Objects(t.Context(), req)
			if c.want == nil { // a text with line ends is no YAML where the template puts it
				if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "a file") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, secretsOf(res.Items)); diff != "" {
				t.Error(diff)
			}
			for _, it := range res.Items {
				if it.Plain != nil && name != "a patch of kustomize" {
					t.Errorf("%s is said to have %v in plain text", it.Object.GetName(), it.Plain)
				}
			}
		})
	}
}

// TestKeysAreAFactOfWhatIsEncrypted: another key renders again what was decrypted, and nothing else.
func TestKeysAreAFactOfWhatIsEncrypted(t *testing.T) {
	r := New(Options{})
	for name, files := range map[string]source.Files{"encrypted": {"s.yaml": sealed(t, "files/secret-both.yaml")}, "plain": {"s.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"}} {
		req := at(".", files)
		var hits []bool
		for _, k := range []*sops.Keys{keys(t, "other.agekey"), keys(t, "pgp.asc"), keys(t, "other.agekey")} {
			req.Keys = k
			res, err := r.Objects(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			hits = append(hits, res.Hit)
		}
		if want := map[string][]bool{"encrypted": {false, false, true}, "plain": {false, true, true}}[name]; !slices.Equal(hits, want) {
			t.Errorf("%s: from the cache: %v, want %v", name, hits, want)
		}
		req.Keys = nil
		if _, err := r.Objects(t.Context(), req); (err != nil) != (name == "encrypted") {
			t.Errorf("%s without keys: %v", name, err)
		}
	}
}

// TestWhatIsStillEncryptedIsNotDeployed: a chart's templates are not decrypted.
func TestWhatIsStillEncryptedIsNotDeployed(t *testing.T) {
	req := at(".", source.Files{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "templates/s.yaml": sealed(t, "files/secret.yaml")})
	req.Keys = keys(t, "one.agekey")
	if _, err := New(Options{}).Objects(t.Context(), req); err == nil || !strings.Contains(err.Error(), "Secret/db is encrypted with SOPS and was not decrypted") {
		t.Error(err)
	}
}

// TestErrorsHoldNoSecret: renderers quote what they stumble over, whole, cut short, encoded.
func TestErrorsHoldNoSecret(t *testing.T) {
	chart := func(template string) source.Files {
		return source.Files{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "values.yaml": sealed(t, "files/secret.yaml"), "templates/s.yaml": template}
	}
	for name, files := range map[string]source.Files{
		"fail":             chart(`{{ fail (printf "no: %s" .Values.stringData.password) }}`),
		"fail encoded":     chart(`{{ fail (printf "no: %s" (b64enc (printf "user:%s" .Values.stringData.password))) }}`),
		"fail quoted":      chart(`{{ fail (printf "no: %q" (printf "%s\nmore" .Values.stringData.password)) }}`),
		"a wrong type":     chart(`{{ int .Values.stringData.password | required "x" }}{{ add1 (atoi .Values.stringData.password) }}{{ index .Values.stringData.password "a" }}`),
		"YAML":             chart("apiVersion: v1\nkind: Secret\nmetadata: {name: {{ .Values.stringData.password }}: x}\n"),
		"a kind":           chart("apiVersion: v1\nkind: [{{ .Values.stringData.password }}]\nmetadata: {name: a}\n"),
		"jsonnet":          {"s.jsonnet": `error (importstr "s.enc")`, "s.enc": sealed(t, "files/secret.yaml")},
		"a kustomization":  {"kustomization.yaml": sealed(t, "files/kinds.yaml")},
		"a file of values": {"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "values.yaml": sealed(t, "files/blob.txt")},
	} {
		t.Run(name, func(t *testing.T) {
			req := at(".", files)
			req.Keys = keys(t, "one.agekey")
			_, err := New(Options{}).Objects(t.Context(), req)
			if err == nil {
				t.Fatal("there is no error")
			}
			for _, bad := range []string{"canary", "anary-", "nary-of", "Y2FuYXJ5", "NhbmFyeS", "jYW5hcnk", "plain text"} {
				if strings.Contains(err.Error(), bad) {
					t.Errorf("%q is in: %v", bad, err)
				}
			}
		})
	}
}

// TestScrub keeps the kind and what is not secret.
func TestScrub(t *testing.T) {
	h := hidden{}
	h.secret("", "s3cr3t-value", "pin4", "x")
	for text, want := range map[string]string{
		"a value: s3cr3t-value.":       "a value: ***.",
		"cut: s3cr3t-... of it":        "cut: ***... of it",
		"pin4 is short, x shorter":     "*** is short, x shorter",
		"s3cr3t-values3cr3t-value":     "***",
		"nothing of it":                "nothing of it",
		`"czNjcjN0LXZhbHVl" in base64`: `"***lVl" in base64`,
	} {
		got := h.scrub(problem.New(problem.Limit, "%s", text))
		if name := strings.Contains(text, "base64"); name && strings.Contains(got.Error(), "czNjcjN0") || !name && got.Error() != want || !problem.Is(got, problem.Limit) {
			t.Errorf("%q: %v, want %q", text, got, want)
		}
	}
	big := hidden{}
	big.secret("", strings.Repeat("s3cr3t-value", 30_000))
	if err := big.scrub(problem.New(problem.Invalid, "it was s3cr3t")); strings.Contains(err.Error(), "s3cr3t") || !strings.Contains(err.Error(), "withheld") || !problem.Is(err, problem.Invalid) {
		t.Error(err)
	}
	if h.scrub(nil) != nil {
		t.Error("no error became one")
	}
}

// TestPlainValuesOfSecrets: what of a Secret stands in Git for everybody to read.
func TestPlainValuesOfSecrets(t *testing.T) {
	secret := func(fields string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n" + fields + "\n"
	}
	for name, c := range map[string]struct {
		files source.Files
		want  []string
	}{
		"text":                            {source.Files{"a.yaml": secret("stringData: {b: x, a: y}")}, []string{"a", "b"}},
		"base64":                          {source.Files{"a.yaml": secret("data: {a: eA==}")}, []string{"a"}},
		"no base64":                       {source.Files{"a.yaml": secret("data: {a: '%%'}")}, []string{"a"}},
		"both":                            {source.Files{"a.yaml": secret("data: {a: eA==}\nstringData: {a: x}")}, []string{"a"}},
		"empty":                           {source.Files{"a.yaml": secret("data: {a: '', b: null}\nstringData: {c: '', d: '  '}")}, nil},
		"none":                            {source.Files{"a.yaml": secret("type: kubernetes.io/service-account-token")}, nil},
		"malformed":                       {source.Files{"a.yaml": secret("data: [a]")}, []string{"data"}},
		"masked":                          {source.Files{"a.yaml": secret("data: {a: hmac-sha256:00}")}, nil},
		"another kind":                    {source.Files{"a.yaml": "apiVersion: bitnami.com/v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: eA==}\n"}, nil},
		"the same value beside it":        {source.Files{"a.yaml": secret("stringData: {a: canary-of-sops}"), "b.yaml": sealed(t, "files/secret.yaml")}, []string{"a"}},
		"a template with plain values":    {source.Files{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "values.yaml": sealed(t, "files/secret.yaml"), "templates/a.yaml": secret("stringData: {url: 'postgres://u:{{ .Values.stringData.password }}@db', user: plain}")}, []string{"user"}},
		"a generator with a plain source": {source.Files{"kustomization.yaml": "secretGenerator: [{name: g, literals: [a=b], envs: [app.env]}]\n", "app.env": sealed(t, "files/app.env")}, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			req := at(".", c.files)
			req.Keys = keys(t, "one.agekey")
			res, err := New(Options{}).Objects(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(res.Items[0].Plain, c.want) {
				t.Errorf("%v, want %v", res.Items[0].Plain, c.want)
			}
		})
	}
}

// TestAConcealedRender is for people who look: secrets are in it only where they are masked, and there they are the real
// ones, so that their masks compare.
func TestAConcealedRender(t *testing.T) {
	files := source.Files{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "values.yaml": sealed(t, "files/secret.yaml"), "templates/a.yaml": `apiVersion: v1
kind: Secret
metadata: {name: a, annotations: {of: {{ .Values.stringData.password }}}}
stringData: {a: {{ .Values.stringData.password }}, given: {{ .Values.given }}}
data: {b: {{ printf "x%sx" .Values.stringData.password | b64enc }}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {a: {{ .Values.stringData.password }}, first: {{ .Values.stringData.password | trunc 3 }}, given: {{ .Values.given }}, one: {{ .Values.one }}}
`}
	req := at(".", files)
	req.Keys = keys(t, "one.agekey")
	req.Given = Given{Values: []Values{{From: "Secret s", Text: "given: canary-given", Secret: true}, {From: "Secret s", Path: "one", Text: "canary-one\n", Secret: true}}}
	r := New(Options{})
	open, err := r.Objects(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	req.Conceal = true
	shut, err := r.Objects(t.Context(), req)
	if err != nil || shut.Hit {
		t.Fatal(shut.Hit, err)
	}
	was, is := secretsOf(open.Items), secretsOf(shut.Items)
	for k, v := range was {
		if strings.HasPrefix(k, "Secret") && is[k] != v {
			t.Errorf("%s is %q, and not %q", k, is[k], v)
		}
	}
	for _, it := range shut.Items {
		fields := it.Object.DeepCopy().Object
		if it.Object.GetKind() == "Secret" {
			delete(fields, "data")
			delete(fields, "stringData")
		}
		text, err := yaml.Marshal(fields)
		if err != nil || strings.Contains(string(text), "canary") || strings.Contains(string(text), "first: can") {
			t.Errorf("shown: %s", text)
		}
		if !strings.Contains(string(text), concealed) {
			t.Errorf("not concealed: %s", text)
		}
	}
}
