package server

import (
	"runtime"
	"runtime/debug"
)

// version is set by the linker (see the Makefile); a plain go build leaves it empty.
var version string

// Version says what is running. The capitalised keys are those of Argo CD's VersionService.
type Version struct {
	Version      string `json:"Version"`
	BuildDate    string `json:"BuildDate,omitempty"` // of the commit, RFC 3339
	GitCommit    string `json:"GitCommit,omitempty"`
	GitTreeState string `json:"GitTreeState,omitempty"` // clean or dirty
	GoVersion    string `json:"GoVersion,omitempty"`
	Compiler     string `json:"Compiler,omitempty"`
	Platform     string `json:"Platform,omitempty"`

	Kustomize, Helm, Kubectl, Jsonnet string `json:"-"` // versions of the libraries that render and apply
}

// Build returns what the binary knows of itself.
func Build() Version {
	v := Version{Version: version, GoVersion: runtime.Version(), Compiler: runtime.Compiler, Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	if v.Version == "" {
		v.Version = info.Main.Version
	}
	if v.Version == "" || v.Version == "(devel)" {
		v.Version = "v0.0.0-dev" // clients parse it as a semantic version
	}
	libraries := v.libraries()
	for _, m := range info.Deps {
		if into := libraries[m.Path]; into != nil {
			*into = m.Version
		}
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.GitCommit = s.Value
		case s.Key == "vcs.time":
			v.BuildDate = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			v.GitTreeState = "dirty"
		case s.Key == "vcs.modified":
			v.GitTreeState = "clean"
		}
	}
	return v
}

// libraries are the modules whose versions clients are told, and where those go.
func (v *Version) libraries() map[string]*string {
	return map[string]*string{
		"sigs.k8s.io/kustomize/api": &v.Kustomize, "helm.sh/helm/v4": &v.Helm, "k8s.io/client-go": &v.Kubectl, "github.com/google/go-jsonnet": &v.Jsonnet,
	}
}
