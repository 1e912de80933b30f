package sops

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"hash"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/internal/problem"
	"go.yaml.in/yaml/v3"
)

// maxDepth bounds how deep values are nested; Kubernetes' own objects stay far below.
const maxDepth = 200

// walk decrypts the values of a file in their order and digests them.
type walk struct {
	key           []byte
	rules         rules
	onlyEncrypted bool // the digest leaves out what is not encrypted
	digest        hash.Hash
	values        []string
	opened        []*yaml.Node // where they stand
}

// node decrypts what is below n. gone: it was a comment of a list, which sops encrypts as if it were an item.
func (w *walk) node(n *yaml.Node, at []string) (gone bool, err error) {
	if len(at) > maxDepth {
		return false, problem.New(problem.Limit, "values nested more than %d deep", maxDepth)
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode || k.ShortTag() != "!!str" && k.ShortTag() != "!!merge" {
				return false, problem.New(problem.Invalid, "%s holds a key that is no text", place(at))
			}
			out, err := w.node(n.Content[i+1], append(at[:len(at):len(at)], k.Value))
			if err != nil {
				return false, err
			}
			if out {
				n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
				i -= 2
			}
		}
	case yaml.SequenceNode:
		kept := n.Content[:0:0]
		for _, item := range n.Content {
			out, err := w.node(item, at) // items have the path of their list
			if err != nil {
				return false, err
			}
			if !out {
				kept = append(kept, item)
			}
		}
		n.Content = kept
	case yaml.ScalarNode:
		return w.scalar(n, at)
	default: // sops writes none, and each alias would be a copy of what it points at
		return false, problem.New(problem.Invalid, "%s is an alias, which encrypted files cannot have", place(at))
	}
	return false, nil
}

func (w *walk) scalar(n *yaml.Node, at []string) (comment bool, err error) {
	if n.ShortTag() == "!!null" {
		return false, nil
	}
	if !w.rules.encrypts(at, n.Value) {
		text, err := canonical(n)
		if err != nil {
			return false, problem.New(problem.Invalid, "%s: %s", place(at), err)
		}
		if !w.onlyEncrypted {
			w.digest.Write([]byte(text))
		}
		return false, nil
	}
	if n.ShortTag() != "!!str" {
		return false, problem.New(problem.Invalid, "%s should be encrypted and is not", place(at)).WithHint(changed)
	}
	if n.Value == "" { // sops leaves it as it is
		return false, nil
	}
	plain, kind, err := open(n.Value, w.key, strings.Join(at, ":")+":")
	if err != nil {
		return false, problem.New(problem.Invalid, "%s cannot be decrypted: %s", place(at), err).WithHint(changed)
	}
	if kind == "comment" {
		return true, nil
	}
	if err := set(n, string(plain), kind); err != nil {
		return false, problem.New(problem.Invalid, "%s: %s", place(at), err)
	}
	text, err := canonical(n)
	if err != nil {
		return false, problem.New(problem.Invalid, "%s: %s", place(at), err)
	}
	w.digest.Write([]byte(text))
	w.values, w.opened = append(w.values, n.Value), append(w.opened, n)
	return false, nil
}

// place is a path as messages name it; keys are not secret.
func place(at []string) string {
	if len(at) == 0 {
		return "the document"
	}
	return "the value at " + strings.Join(at, ".")
}

// set makes a scalar of a decrypted value. Texts are quoted: what reads the file next must not take "on" for a boolean.
func set(n *yaml.Node, plain, kind string) error {
	*n = yaml.Node{Kind: yaml.ScalarNode, Line: n.Line}
	switch kind {
	case "str", "bytes":
		if !utf8.ValidString(plain) {
			return problem.New(problem.Invalid, "it is no text")
		}
		n.Tag, n.Value, n.Style = "!!str", plain, yaml.DoubleQuotedStyle
		return nil
	case "int":
		v, err := strconv.Atoi(plain)
		if err != nil {
			return problem.New(problem.Invalid, "it is no int")
		}
		n.Tag, n.Value = "!!int", strconv.Itoa(v)
	case "float":
		v, err := strconv.ParseFloat(plain, 64)
		if err != nil {
			return problem.New(problem.Invalid, "it is no float")
		}
		n.Tag, n.Value = "!!float", strconv.FormatFloat(v, 'f', -1, 64)
	case "bool":
		v, err := strconv.ParseBool(plain)
		if err != nil {
			return problem.New(problem.Invalid, "it is no bool")
		}
		n.Tag, n.Value = "!!bool", strconv.FormatBool(v)
	case "time":
		var v time.Time
		if err := v.UnmarshalText([]byte(plain)); err != nil {
			return problem.New(problem.Invalid, "it is no time")
		}
		n.Tag, n.Value = "!!timestamp", v.Format(time.RFC3339Nano)
	default:
		return problem.New(problem.Invalid, "a value of type %q is not known", first(kind, 20))
	}
	return nil
}

// canonical is a value as the digest has it.
func canonical(n *yaml.Node) (string, error) {
	var v any
	if n.ShortTag() == "!!str" {
		return n.Value, nil
	}
	if n.Decode(&v) != nil { // its message quotes the value
		return "", problem.New(problem.Invalid, "a value of type %s cannot be read", n.ShortTag())
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case bool:
		if v {
			return "True", nil
		}
		return "False", nil
	case time.Time:
		text, err := v.MarshalText()
		return string(text), err
	}
	return "", problem.New(problem.Invalid, "values of type %s are not supported", n.ShortTag())
}

var sealed = regexp.MustCompile(`\AENC\[AES256_GCM,data:([A-Za-z0-9+/=]+),iv:([A-Za-z0-9+/=]+),tag:([A-Za-z0-9+/=]+),type:([a-z]+)\]\z`)

func isEncrypted(value string) bool { return sealed.MatchString(value) }

// open decrypts one value. The additional data of the cipher is where the value stands, so that none can be moved.
func open(value string, key []byte, additional string) (plain []byte, kind string, err error) {
	m := sealed.FindStringSubmatch(value)
	if m == nil {
		return nil, "", problem.New(problem.Invalid, "it is not encrypted, or not as sops does it")
	}
	var parts [3][]byte
	for i := range parts {
		if parts[i], err = base64.StdEncoding.DecodeString(m[i+1]); err != nil {
			return nil, "", problem.New(problem.Invalid, "it is no base64")
		}
	}
	data, iv, tag := parts[0], parts[1], parts[2]
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, "", problem.New(problem.Invalid, "the data key has a wrong length")
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(iv))
	if err != nil || len(tag) != gcm.Overhead() {
		return nil, "", problem.New(problem.Invalid, "its iv or tag has a wrong length")
	}
	if plain, err = gcm.Open(nil, iv, append(data, tag...), []byte(additional)); err != nil {
		return nil, "", problem.New(problem.Invalid, "it was changed or moved, or the data key is another one")
	}
	return plain, m[4], nil
}

func first(s string, n int) string { return s[:min(n, len(s))] }
