package sops

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"go.yaml.in/yaml/v3"
)

// The formats all become nodes of YAML, of which there is one walk.

func parseYAML(data []byte) (docs []*yaml.Node, err error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, err
		}
		if len(doc.Content) == 1 && doc.Content[0].ShortTag() != "!!null" {
			docs = append(docs, doc.Content[0])
		}
	}
}

func emitYAML(docs []*yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	for _, d := range docs {
		bare(d)
		if err := e.Encode(d); err != nil {
			return nil, problem.New(problem.Internal, "the decrypted file cannot be written as YAML") // the message could quote a value
		}
	}
	if err := e.Close(); err != nil {
		return nil, problem.New(problem.Internal, "the decrypted file cannot be written as YAML")
	}
	return b.Bytes(), nil
}

// bare takes comments off: encrypted ones say nothing, and the encoder cannot place all of them again.
func bare(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	for _, c := range n.Content {
		bare(c)
	}
}

// parseJSON keeps the order of the file, which the digest is over.
func parseJSON(data []byte) (*yaml.Node, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	root, err := jsonValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the document")
	}
	return root, nil
}

func jsonValue(d *json.Decoder, depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, errors.New("too deep")
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.MappingNode}
		if t == '[' {
			n.Kind = yaml.SequenceNode
		}
		for d.More() {
			c, err := jsonValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, c)
		}
		_, err := d.Token()
		return n, err
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: t, Style: yaml.DoubleQuotedStyle}, nil
	case json.Number:
		if _, err := strconv.ParseInt(t.String(), 10, 64); err == nil {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: t.String()}, nil
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: t.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(t)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
}

func emitJSON(docs []*yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	writeJSON(&b, docs[0])
	if !json.Valid(b.Bytes()) {
		return nil, problem.New(problem.Invalid, "the decrypted file holds what JSON cannot")
	}
	return b.Bytes(), nil
}

func writeJSON(b *bytes.Buffer, n *yaml.Node) {
	text := func(s string) {
		quoted, _ := json.Marshal(s) // a string always can be
		b.Write(quoted)
	}
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			text(n.Content[i].Value)
			b.WriteByte(':')
			writeJSON(b, n.Content[i+1])
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, c)
		}
		b.WriteByte(']')
	default:
		if tag := n.ShortTag(); tag == "!!str" || tag == "!!timestamp" {
			text(n.Value)
			return
		}
		b.WriteString(n.Value)
	}
}

// isBinary reports whether a document is one that sops makes of a file of no format: all of it in one value.
func isBinary(root *yaml.Node) bool {
	keys := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		keys[root.Content[i].Value] = true
	}
	return root.Kind == yaml.MappingNode && len(keys) == 2 && keys["data"] && keys["sops"]
}

func emitBinary(docs []*yaml.Node) ([]byte, error) {
	if d := docs[0]; len(d.Content) == 2 && d.Content[1].Kind == yaml.ScalarNode {
		return []byte(d.Content[1].Value), nil
	}
	return nil, problem.New(problem.Invalid, "the file holds no single value")
}

// parseDotenv reads NAME=value lines; \n in a value is a line end. The block of sops is in names that begin with sops_.
func parseDotenv(data []byte) (root *yaml.Node, meta metadata, ok bool) {
	root = &yaml.Node{Kind: yaml.MappingNode}
	flat := map[string]string{}
	text := func(s string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.DoubleQuotedStyle}
	}
	for _, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, is := strings.Cut(line, "=")
		if !is {
			return nil, meta, false
		}
		value = strings.ReplaceAll(value, `\n`, "\n")
		if rest, ours := strings.CutPrefix(name, "sops_"); ours {
			flat[rest] = value
			continue
		}
		root.Content = append(root.Content, text(name), text(value))
	}
	meta, ok = unflatten(flat)
	return root, meta, ok
}

// unflatten reads the block from names such as age__list_0__map_enc.
func unflatten(flat map[string]string) (m metadata, ok bool) {
	for name, into := range map[string]*string{"lastmodified": &m.LastModified, "mac": &m.MAC, "unencrypted_suffix": &m.UnencryptedSuffix, "encrypted_suffix": &m.EncryptedSuffix,
		"unencrypted_regex": &m.UnencryptedRegex, "encrypted_regex": &m.EncryptedRegex, "unencrypted_comment_regex": &m.UnencryptedCommentRegex, "encrypted_comment_regex": &m.EncryptedCommentRegex} {
		*into = flat[name]
	}
	m.MACOnlyEncrypted = flat["mac_only_encrypted"] == "true"
	for name := range flat {
		if strings.HasPrefix(name, "key_groups__") {
			m.KeyGroups = make([]group, 2) // divided, and refused for it
		}
	}
	for kind, list := range map[string]*[]recipient{"age": &m.Age, "pgp": &m.PGP, "kms": &m.KMS, "gcp_kms": &m.GCP, "azure_kv": &m.Azure, "hc_vault": &m.Vault, "hckms": &m.Huawei} {
		for i := 0; ; i++ {
			field := func(name string) string { return flat[kind+"__list_"+strconv.Itoa(i)+"__map_"+name] }
			r := recipient{Enc: field("enc"), Recipient: field("recipient"), Fingerprint: field("fp"), ARN: field("arn"), ResourceID: field("resource_id"),
				VaultURL: field("vault_url"), VaultAddr: field("vault_address"), KeyID: field("key_id")}
			if r == (recipient{}) {
				break
			}
			*list = append(*list, r)
		}
	}
	return m, isEncrypted(m.MAC)
}

func emitDotenv(docs []*yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	for i, d := 0, docs[0]; i+1 < len(d.Content); i += 2 {
		b.WriteString(d.Content[i].Value + "=" + strings.ReplaceAll(d.Content[i+1].Value, "\n", `\n`) + "\n")
	}
	return b.Bytes(), nil
}
