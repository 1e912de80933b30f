package render

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// hidden is what a render has met that does not stand in Git for everybody to read: decrypted values, and values from the
// cluster.
type hidden struct {
	secrets []secret // nobody may be shown them
	others  []string // from ConfigMaps of the cluster: no secrets, but not from Git
	tokens  []string // what stands for which secret, in turns, where nothing is to be shown
}

// secret is a value and the file that it was decrypted from; of one from the cluster that is empty.
type secret struct{ value, file string }

// concealed begins what stands for a secret value.
const concealed = "concealed-"

func (h *hidden) conceal(token, value string) { h.tokens = append(h.tokens, token, value) }

// reveal puts the secrets back into the data of a Secret, which is masked wherever it is shown; so its digest is the one of
// the live Secret. Everywhere else the tokens stay. Text that is not valid base64 stays as it is.
func (h *hidden) reveal(o *object.Object) *object.Object {
	if len(h.tokens) == 0 || !object.IsSecret(o) {
		return o
	}
	back := strings.NewReplacer(h.tokens...)
	o = o.DeepCopy()
	for _, field := range []string{"data", "stringData"} {
		values, _ := o.Object[field].(map[string]any)
		for name, v := range values {
			text, is := v.(string)
			if !is {
				continue
			}
			values[name] = back.Replace(text)
			if decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil && field == "data" {
				values[name] = base64.StdEncoding.EncodeToString([]byte(back.Replace(string(decoded))))
			}
		}
	}
	return o
}

func (h *hidden) secret(file string, values ...string) {
	for _, v := range values {
		if v != "" {
			h.secrets = append(h.secrets, secret{v, file})
		}
	}
}

func (h *hidden) other(values ...string) {
	for _, v := range values {
		if v != "" {
			h.others = append(h.others, v)
		}
	}
}

// shortest is the length from which on a value is recognised within a longer one: below, chance would find it.
const shortest = 4

// covers reports whether a value is, or was made with, one that does not stand in Git. With only, of files that one counts:
// where an object is known to be made of nothing else, the same value in another file does not excuse it.
func (h *hidden) covers(value, only string) bool {
	trimmed := strings.TrimSpace(value)
	is := func(v string) bool {
		v = strings.TrimSpace(v)
		return v == trimmed || strings.ReplaceAll(v, "\n", `\n`) == trimmed || len(v) >= shortest && strings.Contains(value, v)
	}
	return trimmed == "" || strings.HasPrefix(value, object.MaskPrefix) || slices.ContainsFunc(h.secrets, func(s secret) bool {
		return (only == "" || s.file == "" || s.file == only) && is(s.value)
	}) || slices.ContainsFunc(h.others, is)
}

// plain returns the names of the values of a Secret that stand in Git as they are, sorted; none for other objects. only is
// the file that it was made of, if it was made of one.
func (h *hidden) plain(o *object.Object, only string) (names []string) {
	if !object.IsSecret(o) {
		return nil
	}
	for _, field := range []string{"data", "stringData"} {
		values, ok := o.Object[field].(map[string]any)
		if !ok && o.Object[field] != nil {
			names = append(names, field) // malformed: what is in it is not known
		}
		for name, v := range values {
			text := ""
			if v != nil {
				text = fmt.Sprint(v)
			}
			if field == "data" {
				if decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil {
					text = string(decoded)
				}
			}
			if !h.covers(text, only) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// PlainValues returns the names of the values of a Secret that somebody gave in plain text, sorted; those that are masked
// are not among them.
func PlainValues(o *object.Object) []string { return (&hidden{}).plain(o, "") }

// gram is how much of a secret value in a row a message must not hold. YAML's reader quotes the first seven characters of a
// value that it does not like.
const gram = 6

// maxScrubbed bounds the bytes of secrets that a message is searched for; with more, nothing of it is said.
const maxScrubbed = 256 << 10

// scrub takes secret values, and parts of them, out of an error's text: renderers quote what they stumble over. Its kind
// stays. Words that are part of a secret as well go, too; that is the price.
func (h *hidden) scrub(err error) error {
	if err == nil || len(h.secrets) == 0 {
		return err
	}
	size := 0
	for _, s := range h.secrets {
		size += len(s.value)
	}
	if size > maxScrubbed {
		return problem.New(kindOr(problem.Internal, err), "the render failed, and its message is withheld: it has read %d KiB of secrets, which are too many to be searched for in it", size>>10).
			WithHint("render it where the keys are, with the tool itself")
	}
	text := err.Error()
	grams, whole := map[string]bool{}, map[string]bool{}
	add := func(v string) {
		for i := 0; i+gram <= len(v); i++ {
			grams[v[i:i+gram]] = true
		}
		if len(v) >= shortest && len(v) < gram {
			whole[v] = true
		}
	}
	for _, s := range h.secrets {
		v := s.value
		add(v)
		quoted, _ := json.Marshal(v)
		add(strings.Trim(string(quoted), `"`))
		for i := range 3 { // as base64 has it wherever in a longer text it begins
			if encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", i) + v)); len(encoded) > 8 {
				add(encoded[4 : len(encoded)-4])
				if i == 0 {
					add(encoded[:len(encoded)-4])
				}
			}
		}
	}
	masked := make([]bool, len(text))
	mask := func(from, to int) {
		for i := from; i < to; i++ {
			masked[i] = true
		}
	}
	for i := range text {
		if i+gram <= len(text) && grams[text[i:i+gram]] {
			mask(i, i+gram)
		}
		for w := range whole {
			if strings.HasPrefix(text[i:], w) {
				mask(i, i+len(w))
			}
		}
	}
	if !slices.Contains(masked, true) {
		return err
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case !masked[i]:
			b.WriteByte(text[i])
		case i == 0 || !masked[i-1]:
			b.WriteString("***")
		}
	}
	return problem.New(kindOr(problem.Internal, err), "%s", b.String())
}
