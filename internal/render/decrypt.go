package render

import (
	"path"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render/sops"
	"github.com/hawser-cd/hawser/internal/source"
)

// read returns the content of a file of a tree, decrypted if sops encrypted it. Whatever renders goes through here, except
// for a chart's own files: of those only the values are decrypted, as most of them are never looked at.
//
// What the result depends on is the file as it stands in Git, which the trace has, and the keys, which are a fact: so the
// plain text is in no key and no trace.
func (j *job) read(tree *source.FS, p string) ([]byte, error) {
	data, err := tree.ReadFile(p)
	if err != nil {
		return nil, err
	}
	plain, _, err := j.decrypted(data, p)
	return plain, err
}

// decrypted is read for content that was read already; sealed says that sops had encrypted it.
func (j *job) decrypted(data []byte, p string) (plain []byte, sealed bool, err error) {
	var conceal func(string) string
	if j.req.Conceal {
		conceal = j.conceal
	}
	file, sealed, err := sops.Decrypt(p, data, j.req.Keys, conceal)
	if !sealed {
		return data, false, nil
	}
	j.facts.get(factKeys)
	if err != nil {
		return nil, true, err
	}
	j.hidden.secret(p, file.Values...)
	return file.Text, true, nil
}

// conceal returns what stands for a secret value in a render that is only shown.
func (j *job) conceal(value string) string {
	if value == "" {
		return ""
	}
	token := concealed + digestOf(j.opts.key, value)[:16]
	j.hidden.conceal(token, value)
	return token
}

// settle looks at what was rendered: an object that sops still encrypts must not be deployed, and of a Secret it is noted
// which values stand in Git for everybody to read.
func (j *job) settle(kind v1alpha1.ApplicationSourceType, items []object.Item) error {
	for i, item := range items {
		items[i].Object = j.hidden.reveal(item.Object)
		item = items[i]
		if sops.Sealed(item.Object.Object) {
			return problem.New(problem.Invalid, "%s: %s is encrypted with SOPS and was not decrypted", item.Origin, object.KeyOf(item.Object).Short()).
				WithHint("of a chart only values are decrypted: pass secret values to its templates in a value file")
		}
		only := ""
		if kind == v1alpha1.SourceTypeDirectory && path.Ext(item.Origin.Path) != ".jsonnet" {
			only = item.Origin.Path
		}
		items[i].Plain = j.hidden.plain(item.Object, only)
	}
	return nil
}
