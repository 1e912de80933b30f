package sidecartest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// protocol is cmpserver/plugin/plugin.proto, and what it takes from reposerver's, written down anew.
var protocol = func() protoreflect.FileDescriptor {
	const (
		text    = descriptorpb.FieldDescriptorProto_TYPE_STRING
		blob    = descriptorpb.FieldDescriptorProto_TYPE_BYTES
		number  = descriptorpb.FieldDescriptorProto_TYPE_INT64
		boolean = descriptorpb.FieldDescriptorProto_TYPE_BOOL
	)
	type field struct {
		number int32
		name   string
		kind   descriptorpb.FieldDescriptorProto_Type
		of     string // a message
		many   bool
	}
	build := func(name string, fields ...field) *descriptorpb.DescriptorProto {
		m := &descriptorpb.DescriptorProto{Name: &name}
		for _, f := range fields {
			d := &descriptorpb.FieldDescriptorProto{Name: &f.name, JsonName: &f.name, Number: &f.number, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
			if f.many {
				d.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			}
			if d.Type = f.kind.Enum(); f.of != "" {
				d.Type, d.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String(".plugin."+f.of)
			}
			m.Field = append(m.Field, d)
		}
		return m
	}
	request := build("AppStreamRequest", field{1, "metadata", 0, "ManifestRequestMetadata", false}, field{2, "file", 0, "File", false})
	request.OneofDecl = []*descriptorpb.OneofDescriptorProto{{Name: proto.String("request")}}
	for _, f := range request.Field {
		f.OneofIndex = proto.Int32(0)
	}
	entry := build("MapEntry", field{1, "key", text, "", false}, field{2, "value", text, "", false})
	entry.Options = &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)}
	announcement := build("ParameterAnnouncement", field{1, "name", text, "", false}, field{2, "title", text, "", false}, field{3, "tooltip", text, "", false},
		field{4, "required", boolean, "", false}, field{5, "itemType", text, "", false}, field{6, "collectionType", text, "", false}, field{7, "string", text, "", false},
		field{8, "array", text, "", true}, field{9, "map", 0, "ParameterAnnouncement.MapEntry", true})
	announcement.NestedType = []*descriptorpb.DescriptorProto{entry}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("plugin.proto"), Package: proto.String("plugin"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			request, announcement,
			build("ManifestRequestMetadata", field{1, "appName", text, "", false}, field{2, "appRelPath", text, "", false}, field{3, "checksum", text, "", false}, field{4, "size", number, "", false}, field{5, "env", 0, "EnvEntry", true}),
			build("EnvEntry", field{1, "name", text, "", false}, field{2, "value", text, "", false}),
			build("File", field{1, "chunk", blob, "", false}),
			build("ManifestResponse", field{1, "manifests", text, "", true}, field{2, "sourceType", text, "", false}),
			build("RepositoryResponse", field{1, "isSupported", boolean, "", false}, field{2, "isDiscoveryEnabled", boolean, "", false}),
			build("CheckPluginConfigurationResponse", field{1, "isDiscoveryConfigured", boolean, "", false}, field{2, "provideGitCreds", boolean, "", false}),
			build("ParametersAnnouncementResponse", field{1, "parameterAnnouncements", 0, "ParameterAnnouncement", true}),
		},
	}, nil)
	if err != nil {
		panic(err)
	}
	return file
}()

func fromJSON(text []byte, m proto.Message) error { return protojson.Unmarshal(text, m) }

func toBytes(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// unpacked is an application's files on the disk.
type unpacked struct {
	dir, application, folder string
	env                      []string
}

func (u *unpacked) remove()    { _ = os.RemoveAll(u.dir) }
func (u *unpacked) at() string { return filepath.Join(u.dir, u.folder) }

// receive reads the metadata, then the pieces of the archive, and unpacks it.
func receive(stream *connect.ClientStream[message]) (*unpacked, error) {
	next := func() (protoreflect.Message, error) {
		m := newMessage("AppStreamRequest")
		if err := proto.Unmarshal(stream.Msg().bytes, m); err != nil {
			return nil, err
		}
		if unread := m.ProtoReflect().GetUnknown(); len(unread) > 0 {
			return nil, unknown("the request has fields that the protocol does not have")
		}
		return m.ProtoReflect(), nil
	}
	if !stream.Receive() {
		return nil, unknown(fmt.Sprintf("error receiving stream header: %v", stream.Err()))
	}
	first, err := next()
	if err != nil {
		return nil, err
	}
	if !first.Has(fieldOf(first, "metadata")) {
		return nil, unknown("error getting stream metadata: metadata is nil")
	}
	about := first.Get(fieldOf(first, "metadata")).Message()
	told := func(name string) string { return about.Get(fieldOf(about, name)).String() }
	u := &unpacked{application: told("appName"), folder: told("appRelPath")}
	env := about.Get(fieldOf(about, "env")).List()
	for i := range env.Len() {
		e := env.Get(i).Message()
		u.env = append(u.env, e.Get(fieldOf(e, "name")).String()+"="+e.Get(fieldOf(e, "value")).String())
	}
	var archive bytes.Buffer
	for stream.Receive() {
		m, err := next()
		if err != nil {
			return nil, err
		}
		if !m.Has(fieldOf(m, "file")) {
			return nil, unknown("stream request file is nil")
		}
		file := m.Get(fieldOf(m, "file")).Message()
		archive.Write(file.Get(fieldOf(file, "chunk")).Bytes())
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(archive.Bytes())
	if hex.EncodeToString(sum[:]) != told("checksum") || about.Get(fieldOf(about, "size")).Int() != int64(archive.Len()) {
		return nil, unknown("file checksum validation error")
	}
	if u.dir, err = os.MkdirTemp("", "plugin"); err != nil {
		return nil, err
	}
	if err := u.unpack(&archive); err != nil {
		u.remove()
		return nil, unknown("error decompressing tgz file: " + err.Error())
	}
	return u, nil
}

func fieldOf(m protoreflect.Message, name string) protoreflect.FieldDescriptor {
	return m.Descriptor().Fields().ByName(protoreflect.Name(name))
}

// unpack writes the archive's entries, as cmp-server does, and refuses what it refuses.
func (u *unpacked) unpack(r io.Reader) error {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	inside := func(p string) bool { return p == u.dir || strings.HasPrefix(p, u.dir+"/") }
	for archive := tar.NewReader(zip); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at := filepath.Join(u.dir, h.Name)
		if !inside(at) {
			return fmt.Errorf("illegal filepath in archive: %s", at)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(at, 0o755)
		case tar.TypeSymlink:
			if to := filepath.Join(filepath.Dir(at), h.Linkname); !inside(to) {
				return fmt.Errorf("illegal filepath in symlink: %s", to)
			}
			err = os.Symlink(h.Linkname, at)
		case tar.TypeReg:
			var content []byte
			if content, err = io.ReadAll(archive); err == nil {
				err = os.MkdirAll(filepath.Dir(at), 0o755)
			}
			if err == nil {
				err = os.WriteFile(at, content, fs.FileMode(h.Mode)) // as with preserveFileMode, to see what was sent
			}
		default:
			err = fmt.Errorf("%s is of type %q", h.Name, h.Typeflag)
		}
		if err != nil {
			return err
		}
	}
}

// files lists what is there: path, "path*" of what can be run, "path/" of folders, "path -> target" of symlinks.
func (u *unpacked) files() []string {
	var list []string
	_ = filepath.WalkDir(u.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == u.dir {
			return err
		}
		name, _ := filepath.Rel(u.dir, p)
		i, err := d.Info()
		switch {
		case err != nil:
			return err
		case d.IsDir():
			name += "/"
		case i.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(p)
			name += " -> " + target
		case i.Mode()&0o100 != 0:
			name += "*"
		}
		list = append(list, name)
		return nil
	})
	slices.Sort(list)
	return list
}

// run runs a command in the application's folder and returns what it prints.
func (u *unpacked) run(ctx context.Context, command []string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env = u.at(), append(os.Environ(), u.env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.WaitDelay = time.Second // for what the command left running
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("`%s` failed %w: %s", strings.Join(command, " "), err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}
