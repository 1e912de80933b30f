package sops

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"go.yaml.in/yaml/v3"
)

// metadata is the block that sops adds to a file.
type metadata struct {
	group           `yaml:",inline"`
	KeyGroups       []group `yaml:"key_groups"`
	ShamirThreshold int     `yaml:"shamir_threshold"`

	LastModified     string `yaml:"lastmodified"`
	MAC              string `yaml:"mac"`
	MACOnlyEncrypted bool   `yaml:"mac_only_encrypted"`

	UnencryptedSuffix       string `yaml:"unencrypted_suffix"`
	EncryptedSuffix         string `yaml:"encrypted_suffix"`
	UnencryptedRegex        string `yaml:"unencrypted_regex"`
	EncryptedRegex          string `yaml:"encrypted_regex"`
	UnencryptedCommentRegex string `yaml:"unencrypted_comment_regex"`
	EncryptedCommentRegex   string `yaml:"encrypted_comment_regex"`
}

// group is the recipients of a data key, each of whom can have it.
type group struct {
	Age    []recipient `yaml:"age"`
	PGP    []recipient `yaml:"pgp"`
	KMS    []recipient `yaml:"kms"`
	GCP    []recipient `yaml:"gcp_kms"`
	Azure  []recipient `yaml:"azure_kv"`
	Vault  []recipient `yaml:"hc_vault"`
	Huawei []recipient `yaml:"hckms"`
}

// recipient is whom the data key is encrypted for. Each kind names itself by another field.
type recipient struct {
	Enc         string `yaml:"enc"`
	Recipient   string `yaml:"recipient"` // age
	Fingerprint string `yaml:"fp"`        // PGP
	ARN         string `yaml:"arn"`
	ResourceID  string `yaml:"resource_id"`
	VaultURL    string `yaml:"vault_url"`
	VaultAddr   string `yaml:"vault_address"`
	KeyID       string `yaml:"key_id"`
}

// metadataOf reads the block; ok is false when it is something else that is called sops.
func metadataOf(block *yaml.Node) (m metadata, ok bool) {
	if err := block.Decode(&m); err != nil {
		return m, false
	}
	return m, isEncrypted(m.MAC)
}

// recipients names those whom the file is encrypted for, in the words of sops.
func (g group) recipients() (names []string) {
	for _, r := range g.Age {
		names = append(names, "age "+r.Recipient)
	}
	for _, r := range g.PGP {
		names = append(names, "PGP "+r.Fingerprint)
	}
	for _, other := range []struct {
		kind string
		list []recipient
	}{{"AWS KMS", g.KMS}, {"GCP KMS", g.GCP}, {"Azure Key Vault", g.Azure}, {"Vault", g.Vault}, {"Huawei KMS", g.Huawei}} {
		for _, r := range other.list {
			names = append(names, other.kind+" "+r.ARN+r.ResourceID+r.VaultURL+r.VaultAddr+r.KeyID)
		}
	}
	return names
}

// dataKey returns the key of the file's values.
func (m metadata) dataKey(keys *Keys) ([]byte, error) {
	g := m.group
	if len(m.KeyGroups) == 1 {
		g = m.KeyGroups[0]
	} else if len(m.KeyGroups) > 1 {
		return nil, problem.New(problem.Invalid, "the data key is divided between %d key groups, which is not supported", len(m.KeyGroups)).
			WithHint("encrypt the file for a single group of keys")
	}
	if key := keys.find(g); key != nil {
		return key, nil
	}
	wanted := "nobody"
	if names := g.recipients(); len(names) > 0 {
		const most = 10
		more := ""
		if len(names) > most {
			names, more = names[:most], " and others"
		}
		wanted = strings.Join(names, ", ") + more
	}
	err := problem.New(problem.Forbidden, "it is encrypted with SOPS for %s, and %s", wanted, keys.describe())
	if len(g.Age)+len(g.PGP) == 0 {
		return nil, err.WithHint("only age and PGP keys are supported: add one to the file with `sops rotate --add-age`")
	}
	return nil, err.WithHint("give the project the private key of one of them, or encrypt the file for a key of the project")
}

// rules say which values of a file are encrypted.
type rules struct {
	suffix, regex bool // which of the two kinds of rule it is; neither: as they look
	text          string
	expression    *regexp.Regexp
	match         bool // whether what matches is encrypted, or what does not
}

// rules reads what the block says; with nothing said, all is encrypted but for keys that end in _unencrypted.
func (m metadata) rules() (rules, error) {
	given := 0
	for _, s := range []string{m.UnencryptedSuffix, m.EncryptedSuffix, m.UnencryptedRegex, m.EncryptedRegex, m.UnencryptedCommentRegex, m.EncryptedCommentRegex} {
		if s != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return rules{}, problem.New(problem.Invalid, "the block of sops has several rules for what is encrypted")
	case given == 0:
		return rules{suffix: true, text: "_unencrypted"}, nil
	case m.UnencryptedSuffix != "":
		return rules{suffix: true, text: m.UnencryptedSuffix}, nil
	case m.EncryptedSuffix != "":
		return rules{suffix: true, text: m.EncryptedSuffix, match: true}, nil
	case m.UnencryptedRegex+m.EncryptedRegex != "":
		expression, err := regexp.Compile(m.UnencryptedRegex + m.EncryptedRegex)
		if err != nil {
			return rules{}, problem.Because(problem.Invalid, err, "the rule of sops for what is encrypted")
		}
		return rules{regex: true, expression: expression, match: m.EncryptedRegex != ""}, nil
	}
	return rules{}, nil // by comments, which are not read: a value that was made plain is missing from the digest
}

// encrypts reports whether the value at a path is encrypted.
func (r rules) encrypts(at []string, value string) bool {
	switch {
	case r.suffix:
		return r.match == slices.ContainsFunc(at, func(k string) bool { return strings.HasSuffix(k, r.text) })
	case r.regex:
		return r.match == slices.ContainsFunc(at, r.expression.MatchString)
	}
	return isEncrypted(value)
}
