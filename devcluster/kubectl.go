package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/plugin"
	"k8s.io/kubectl/pkg/cmd/util"
)

// asKubectl returns kubectl's arguments if the process was called as it: by `devcluster kubectl …`,
// or through a link of that name.
func asKubectl(argv []string) (args []string, ok bool) {
	switch {
	case len(argv) > 0 && filepath.Base(argv[0]) == "kubectl":
		return argv[1:], true
	case len(argv) > 1 && argv[1] == "kubectl":
		return argv[2:], true
	}
	return nil, false
}

// kubectl is the upstream program: its main function, but for [onThisMachine]. It ends the process
// itself when it fails.
func kubectl(args []string) error {
	if err := checkLinked(); err != nil {
		return err
	}
	// Client-go names itself after the program, and the API server takes that for the field manager
	// where kubectl gives none (scale): it has to be kubectl here too.
	os.Args = append([]string{"kubectl"}, args...)
	// Cobra takes in what is registered here, which is a --version of the control plane's.
	pflag.CommandLine = pflag.NewFlagSet("kubectl", pflag.ExitOnError)
	_, _ = logs.GlogSetter(cmd.GetLogVerbosity(os.Args)) // a -v that is no number is refused with the other flags
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	util.CheckErr(cli.RunNoErrOutput(cmd.NewDefaultKubectlCommandWithArgs(cmd.KubectlOptions{
		PluginHandler: cmd.NewDefaultPluginHandler(plugin.ValidPluginFilenamePrefixes),
		Arguments:     os.Args,
		ConfigFlags: genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag().
			WithDiscoveryBurst(300).WithDiscoveryQPS(50).WithWarningPrinter(streams).
			WithWrapConfigFn(onThisMachine), // the numbers are upstream's
		IOStreams: streams,
	})))
	return nil
}

// onThisMachine ends the process rather than reach for another machine. Whoever forgets --kubeconfig
// would otherwise try things out on the cluster in ~/.kube/config, which may be the one that earns money.
func onThisMachine(c *rest.Config) *rest.Config {
	server, _, err := rest.DefaultServerUrlFor(c)
	util.CheckErr(err)
	if host := server.Hostname(); host != "localhost" && !net.ParseIP(host).IsLoopback() {
		util.CheckErr(fmt.Errorf("devcluster's kubectl speaks only to clusters on this machine, and %s is elsewhere: "+
			"name one with --kubeconfig DIR/kubeconfig or KUBECONFIG, or use a kubectl of your own", server))
	}
	return c
}
