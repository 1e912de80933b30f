package render

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// utf8Text returns data as UTF-8 if it opens with the byte order mark of UTF-16, which Windows shells write.
func utf8Text(data []byte) []byte {
	if len(data) < 2 {
		return data
	}
	var high, low int
	switch {
	case data[0] == 0xff && data[1] == 0xfe:
		high, low = 1, 0
	case data[0] == 0xfe && data[1] == 0xff:
		high, low = 0, 1
	default:
		return data
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, uint16(data[i+high])<<8|uint16(data[i+low]))
	}
	return []byte(string(utf16.Decode(units)))
}

// parseLenient is object.Parse for text that a program wrote: of a key given twice the last wins, as Helm and Argo CD
// have it, since the person who deploys somebody else's chart cannot mend its templates.
func parseLenient(data []byte, path string) ([]object.Item, error) {
	items, err := object.Parse(data, path)
	if err == nil || !strings.Contains(err.Error(), "already set in map") {
		return items, err
	}
	items = nil
	docs := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(append(data, '\n'))))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return items, nil
		}
		if err != nil {
			return nil, problem.Because(problem.Invalid, err, "%s", path)
		}
		text, err := yaml.YAMLToJSON(doc)
		if err != nil {
			return nil, problem.Because(problem.Invalid, err, "%s", path)
		}
		found, err := object.Parse(text, path)
		if err != nil {
			return nil, err
		}
		items = append(items, found...)
	}
}

// budget counts bytes against the bound of one application.
type budget struct{ left, bound int64 }

func (b *budget) take(n int, what string) error {
	if b.left -= int64(n); b.left < 0 {
		return problem.New(problem.Limit, "%s: the manifests exceed the limit of %d bytes for one application", what, b.bound).
			WithHint("split the application or raise the limit")
	}
	return nil
}

func (j *job) budget() *budget { return &budget{left: j.opts.TotalBytes, bound: j.opts.TotalBytes} }
