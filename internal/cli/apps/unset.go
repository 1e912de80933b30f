package apps

import (
	"slices"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/spf13/pflag"
)

// Unset is what `app unset` takes away from a source.
type Unset struct {
	NamePrefix, NameSuffix, KustomizeVersion, KustomizeNamespace, IgnoreMissingComponents bool
	KustomizeImages, KustomizeReplicas                                                    []string
	Parameters, ValueFiles                                                                []string
	Values, IgnoreMissingValueFiles, PassCredentials                                      bool
	PluginEnv                                                                             []string
	Ref                                                                                   bool
}

// Register adds the flags to a command's.
func (u *Unset) Register(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&u.Parameters, "parameter", "p", nil, "name of an overridden Helm value; may be repeated")
	flags.StringArrayVar(&u.ValueFiles, "values", nil, "a Helm value file; may be repeated")
	flags.BoolVar(&u.Values, "values-literal", false, "the Helm values written in the application")
	flags.BoolVar(&u.IgnoreMissingValueFiles, "ignore-missing-value-files", false, "stop skipping Helm value files that do not exist")
	flags.BoolVar(&u.NameSuffix, "namesuffix", false, "the Kustomize name suffix")
	flags.BoolVar(&u.NamePrefix, "nameprefix", false, "the Kustomize name prefix")
	flags.BoolVar(&u.KustomizeVersion, "kustomize-version", false, "the kustomize version")
	flags.BoolVar(&u.KustomizeNamespace, "kustomize-namespace", false, "the Kustomize namespace")
	flags.StringArrayVar(&u.KustomizeImages, "kustomize-image", nil, "name of an overridden image; may be repeated")
	flags.StringArrayVar(&u.KustomizeReplicas, "kustomize-replica", nil, "name of an object with overridden replicas; may be repeated")
	flags.BoolVar(&u.IgnoreMissingComponents, "ignore-missing-components", false, "stop skipping Kustomize components that do not exist")
	flags.StringArrayVar(&u.PluginEnv, "plugin-env", nil, "name of an environment variable of the plugin; may be repeated")
	flags.BoolVar(&u.PassCredentials, "pass-credentials", false, "stop sending the repository's credentials to other hosts")
	flags.BoolVar(&u.Ref, "ref", false, "the name by which other sources mention this one")
}

// Given reports whether there is anything to take away.
func (u *Unset) Given() bool {
	return u.NamePrefix || u.NameSuffix || u.KustomizeVersion || u.KustomizeNamespace || u.IgnoreMissingComponents ||
		u.Values || u.IgnoreMissingValueFiles || u.PassCredentials || u.Ref ||
		len(u.KustomizeImages)+len(u.KustomizeReplicas)+len(u.Parameters)+len(u.ValueFiles)+len(u.PluginEnv) > 0
}

// From takes it away from s and reports whether anything was there.
func (u *Unset) From(s *v1alpha1.ApplicationSource) (changed bool) {
	clearText := func(do bool, t *string) {
		if do && *t != "" {
			*t, changed = "", true
		}
	}
	clearBool := func(do bool, b *bool) {
		if do && *b {
			*b, changed = false, true
		}
	}
	clearText(u.Ref, &s.Ref)
	if k := s.Kustomize; k != nil {
		clearText(u.NamePrefix, &k.NamePrefix)
		clearText(u.NameSuffix, &k.NameSuffix)
		clearText(u.KustomizeVersion, &k.Version)
		clearText(u.KustomizeNamespace, &k.Namespace)
		clearBool(u.IgnoreMissingComponents, &k.IgnoreMissingComponents)
		k.Images = without(k.Images, u.KustomizeImages, func(name, there string) bool { return sameImage(name, there) }, &changed)
		k.Replicas = without(k.Replicas, u.KustomizeReplicas, func(name string, r v1alpha1.KustomizeReplica) bool { return r.Name == name }, &changed)
	}
	if h := s.Helm; h != nil {
		h.Parameters = without(h.Parameters, u.Parameters, func(name string, p v1alpha1.HelmParameter) bool { return p.Name == name }, &changed)
		h.ValueFiles = without(h.ValueFiles, u.ValueFiles, func(name, file string) bool { return file == name }, &changed)
		if u.Values && (h.Values != "" || h.ValuesObject != nil) {
			h.Values, h.ValuesObject, changed = "", nil, true
		}
		clearBool(u.IgnoreMissingValueFiles, &h.IgnoreMissingValueFiles)
		clearBool(u.PassCredentials, &h.PassCredentials)
	}
	if p := s.Plugin; p != nil {
		p.Env = without(p.Env, u.PluginEnv, func(name string, e v1alpha1.EnvEntry) bool { return e.Name == name }, &changed)
	}
	return changed
}

// without removes what any of the names matches.
func without[T any](list []T, names []string, is func(string, T) bool, changed *bool) []T {
	kept := slices.DeleteFunc(slices.Clone(list), func(item T) bool {
		return slices.ContainsFunc(names, func(name string) bool { return is(name, item) })
	})
	if len(kept) == len(list) {
		return list
	}
	*changed = true
	if len(kept) == 0 {
		return nil
	}
	return kept
}
