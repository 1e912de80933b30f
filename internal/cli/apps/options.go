package apps

import (
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/pflag"
)

// Options are the flags of `app create`, `app set` and `app add-source` that describe an application.
type Options struct {
	Read func(file string) ([]byte, error) // reads a file or a URL that a flag names

	flags *pflag.FlagSet
}

// option is one flag and what it does to a source.
type option struct {
	name, short string
	kind        kind
	usage       string
	set         func(*v1alpha1.ApplicationSource, value) error
}

// kind is what a flag takes.
type kind int

const (
	text   kind = iota
	toggle      // true or false, true when it stands alone
	list        // may be repeated
)

// value is what a flag was given, in the field of its kind.
type value struct {
	text string
	list []string
	on   bool
	read func(string) ([]byte, error)
}

// Register adds the flags to a command's.
func (o *Options) Register(flags *pflag.FlagSet) {
	o.flags = flags
	for _, f := range sourceOptions {
		switch f.kind {
		case text:
			flags.StringP(f.name, f.short, "", f.usage)
		case toggle:
			flags.BoolP(f.name, f.short, false, f.usage)
		case list:
			flags.StringArrayP(f.name, f.short, nil, f.usage)
		}
	}
	registerSpec(flags)
}

// Validate is whether the server shall check repository and cluster.
func (o *Options) Validate() bool {
	on, err := o.flags.GetBool("validate")
	return err != nil || on
}

// Given reports whether any of the flags was given.
func (o *Options) Given() bool {
	given := false
	o.flags.Visit(func(f *pflag.Flag) { given = given || o.mine(f.Name) })
	return given
}

func (o *Options) mine(name string) bool {
	for _, f := range sourceOptions {
		if f.name == name {
			return true
		}
	}
	for _, n := range specOptions {
		if n == name {
			return true
		}
	}
	return false
}

// Source puts what the flags say into s. Of status the kind of the source is read, where there is one only.
func (o *Options) Source(s *v1alpha1.ApplicationSource, status v1alpha1.ApplicationStatus) error {
	for _, f := range sourceOptions {
		if !o.flags.Changed(f.name) || f.set == nil {
			continue
		}
		if err := f.set(s, o.value(f)); err != nil {
			return problem.Because(problem.KindOf(err), err, "--%s", f.name)
		}
	}
	tidy(s)
	return o.parameters(s, status)
}

// value reads a flag. It was registered by Register with this kind, so there is nothing to fail.
func (o *Options) value(f option) (v value) {
	v.read = o.Read
	switch f.kind {
	case text:
		v.text, _ = o.flags.GetString(f.name)
	case toggle:
		v.on, _ = o.flags.GetBool(f.name)
	case list:
		v.list, _ = o.flags.GetStringArray(f.name)
	}
	return v
}

// Spec puts what the flags say into spec. position is that of the source that the flags of sources mean, counted from 1; it
// counts only where there are several. Of status the kinds of the sources are read.
func (o *Options) Spec(spec *v1alpha1.ApplicationSpec, position int, status v1alpha1.ApplicationStatus) error {
	hydrates, err := o.hydrator(spec)
	switch {
	case err != nil:
		return err
	case hydrates: // the flags of sources do not count then, as in Argo CD
	case spec.SourceHydrator != nil:
		dry := &spec.SourceHydrator.DrySource
		s := v1alpha1.ApplicationSource{RepoURL: dry.RepoURL, TargetRevision: dry.TargetRevision, Path: dry.Path, Helm: dry.Helm, Kustomize: dry.Kustomize, Directory: dry.Directory, Plugin: dry.Plugin}
		if err := o.Source(&s, status); err != nil {
			return err
		}
		*dry = v1alpha1.DrySource{RepoURL: s.RepoURL, TargetRevision: s.TargetRevision, Path: s.Path, Helm: s.Helm, Kustomize: s.Kustomize, Directory: s.Directory, Plugin: s.Plugin}
	case spec.HasMultipleSources():
		if err := CheckPosition(spec, position); err != nil {
			return err
		}
		if err := o.Source(&spec.Sources[position-1], status); err != nil {
			return err
		}
	default:
		if spec.Source == nil {
			spec.Source = &v1alpha1.ApplicationSource{}
		}
		if err := o.Source(spec.Source, status); err != nil {
			return err
		}
	}
	return o.policy(spec)
}

// parameters puts --parameter into s, which has to be a Helm chart as far as it or the status tells.
func (o *Options) parameters(s *v1alpha1.ApplicationSource, status v1alpha1.ApplicationStatus) error {
	given, _ := o.flags.GetStringArray("parameter")
	if len(given) == 0 {
		return nil
	}
	other := s.Kustomize != nil || s.Directory != nil || s.Plugin != nil || status.SourceType != "" && status.SourceType != v1alpha1.SourceTypeHelm
	if s.Helm == nil && other {
		return problem.New(problem.Invalid, "Parameters can only be set against Helm applications")
	}
	return helm(s, func(h *v1alpha1.ApplicationSourceHelm) error { return addParameters(h, given, false) })
}

// Position finds the source that --source-position or --source-name means. Position -1 and an empty name are none given.
func Position(spec *v1alpha1.ApplicationSpec, position int, name string) (int, error) {
	if name == "" {
		return position, nil
	}
	if position != -1 {
		return 0, problem.New(problem.Invalid, "Only one of source-position and source-name can be specified.")
	}
	for i, s := range spec.Sources {
		if s.Name == name {
			return i + 1, nil
		}
	}
	return 0, problem.New(problem.Invalid, "Unknown source name '%s'", name)
}

// Positions finds the sources of --source-names.
func Positions(spec *v1alpha1.ApplicationSpec, names []string) (list []int64, err error) {
	for _, name := range names {
		p, err := Position(spec, -1, name)
		if err != nil {
			return nil, err
		}
		list = append(list, int64(p))
	}
	return list, nil
}

// CheckPosition says what is wrong with a position, for an application with several sources.
func CheckPosition(spec *v1alpha1.ApplicationSpec, position int) error {
	if position <= 0 {
		return problem.New(problem.Invalid, "Source position should be specified and must be greater than 0 for applications with multiple sources")
	}
	if position > len(spec.Sources) {
		return problem.New(problem.Invalid, "Source position should be less than the number of sources in the application")
	}
	return nil
}

// At is the source at a position, counted from 1; with one source it is that one. It shares memory with spec.
func At(spec *v1alpha1.ApplicationSpec, position int) *v1alpha1.ApplicationSource {
	if !spec.HasMultipleSources() {
		return spec.Source
	}
	if position < 1 || position > len(spec.Sources) {
		return nil
	}
	return &spec.Sources[position-1]
}
