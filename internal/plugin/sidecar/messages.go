package sidecar

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// The messages of Argo CD's service plugin.ConfigManagementPluginService (cmpserver/plugin/plugin.proto), as far as we say or
// hear them. They are few and flat, so each writes and reads itself; the packages above have a codec that this layer may not see.

type empty struct{}

// part is AppStreamRequest: the metadata first, then pieces of the archive.
type part struct {
	about *metadata
	chunk []byte
}

type metadata struct {
	application, folder, checksum string
	size                          int64
	env                           []v1alpha1.EnvEntry
}

func (p *part) append(b []byte) []byte {
	if p.about != nil {
		return appendBytes(b, 1, p.about.append(nil))
	}
	return appendBytes(b, 2, appendBytes(nil, 1, p.chunk))
}

func (m *metadata) append(b []byte) []byte {
	b = appendBytes(b, 1, []byte(m.application))
	b = appendBytes(b, 2, []byte(m.folder))
	b = appendBytes(b, 3, []byte(m.checksum))
	b = protowire.AppendVarint(protowire.AppendTag(b, 4, protowire.VarintType), uint64(m.size))
	for _, e := range m.env {
		b = appendBytes(b, 5, appendBytes(appendBytes(nil, 1, []byte(e.Name)), 2, []byte(e.Value)))
	}
	return b
}

func appendBytes(b []byte, n protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
}

// answer is a message that a plugin sends.
type answer interface{ read([]byte) error }

// raw is an answer of which the caller knows the sort.
type raw struct{ bytes []byte }

func (r *raw) read(b []byte) error { r.bytes = append([]byte(nil), b...); return nil }

type checkAnswer struct{ discovers, credentials bool }

func (a *checkAnswer) read(b []byte) error {
	return fields(b, func(n protowire.Number, v value) error {
		switch n {
		case 1:
			a.discovers = v.number != 0
		case 2:
			a.credentials = v.number != 0
		}
		return nil
	})
}

type matchAnswer struct{ supported, discovers bool }

func (a *matchAnswer) read(b []byte) error {
	return fields(b, func(n protowire.Number, v value) error {
		switch n {
		case 1:
			a.supported = v.number != 0
		case 2:
			a.discovers = v.number != 0
		}
		return nil
	})
}

type manifestAnswer struct{ manifests []string }

func (a *manifestAnswer) read(b []byte) error {
	return fields(b, func(n protowire.Number, v value) error {
		if n != 1 {
			return nil
		}
		if len(a.manifests) == mostManifests {
			return problem.New(problem.Limit, "more than %d manifests", mostManifests)
		}
		a.manifests = append(a.manifests, string(v.bytes))
		return nil
	})
}

type parametersAnswer struct{ parameters []Parameter }

// mostParameters bounds what a plugin announces, and what one of them holds.
const mostParameters = 5_000

func (a *parametersAnswer) read(b []byte) error {
	return fields(b, func(n protowire.Number, v value) error {
		if n != 1 {
			return nil
		}
		if len(a.parameters) == mostParameters {
			return problem.New(problem.Limit, "more than %d parameters", mostParameters)
		}
		var p Parameter
		if err := p.read(v.bytes); err != nil {
			return err
		}
		a.parameters = append(a.parameters, p)
		return nil
	})
}

func (p *Parameter) read(b []byte) error {
	return fields(b, func(n protowire.Number, v value) error {
		texts := map[protowire.Number]*string{1: &p.Name, 2: &p.Title, 3: &p.Tooltip, 5: &p.ItemType, 6: &p.CollectionType, 7: &p.String}
		switch {
		case texts[n] != nil:
			*texts[n] = string(v.bytes)
		case n == 4:
			p.Required = v.number != 0
		case (n == 8 || n == 9) && len(p.Array)+len(p.Map) >= mostParameters:
			return problem.New(problem.Limit, "a parameter with more than %d values", mostParameters)
		case n == 8:
			p.Array = append(p.Array, string(v.bytes))
		case n == 9:
			return p.entry(v.bytes)
		}
		return nil
	})
}

func (p *Parameter) entry(b []byte) error {
	var key, text string
	err := fields(b, func(n protowire.Number, v value) error {
		switch n {
		case 1:
			key = string(v.bytes)
		case 2:
			text = string(v.bytes)
		}
		return nil
	})
	if p.Map == nil {
		p.Map = map[string]string{}
	}
	p.Map[key] = text
	return err
}

// value is one field's: a number, or bytes that belong to the message.
type value struct {
	number uint64
	bytes  []byte
}

// fields tells take of every field that is a number or bytes, in order; what is neither is none of ours and is passed over.
func fields(b []byte, take func(protowire.Number, value) error) error {
	for len(b) > 0 {
		n, wire, size := protowire.ConsumeTag(b)
		if size < 0 {
			return malformed(size)
		}
		b = b[size:]
		var v value
		switch wire {
		case protowire.VarintType:
			v.number, size = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			v.bytes, size = protowire.ConsumeBytes(b)
		default:
			size = protowire.ConsumeFieldValue(n, wire, b)
			n = 0
		}
		if size < 0 {
			return malformed(size)
		}
		if b = b[size:]; n == 0 {
			continue
		}
		if err := take(n, v); err != nil {
			return err
		}
	}
	return nil
}

func malformed(size int) error {
	return problem.Because(problem.Unavailable, protowire.ParseError(size), "a broken message")
}

// codec is connect's, for the messages above. The status that comes with an error is Google's own message.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case *empty:
		return nil, nil
	case *part:
		return v.append(nil), nil
	case proto.Message:
		return proto.Marshal(v)
	}
	return nil, fmt.Errorf("%T is not sent to plugins", v)
}

func (codec) Unmarshal(b []byte, v any) error {
	switch v := v.(type) {
	case answer:
		return v.read(b)
	case proto.Message:
		return proto.Unmarshal(b, v)
	}
	return fmt.Errorf("%T does not come from plugins", v)
}
