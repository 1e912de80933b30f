package cli

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cluster/enroll"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"

	"connectrpc.com/connect"
)

func clusterCommand(r *remote) *cobra.Command {
	var kubeconfig string
	cmd := noun("cluster", "Register the clusters to deploy to", clusterAdd(r, &kubeconfig), clusterGet(r), clusterList(r), clusterRemove(r, &kubeconfig), clusterRotateAuth(r), clusterSet(r))
	cmd.PersistentFlags().StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig `file`; kubectl's own choice when empty")
	return cmd
}

// named reads SERVER/NAME: an address begins with http, or with agent where an agent connects.
func named(text string) *argocd.ClusterQuery {
	if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "agent://") {
		return &argocd.ClusterQuery{Server: text}
	}
	return &argocd.ClusterQuery{Name: text}
}

// inCluster is the address of the cluster that the server itself runs in.
const inCluster = "https://kubernetes.default.svc"

// clusterOptions are the flags of cluster add.
type clusterOptions struct {
	inCluster, upsert, yes   bool
	account, systemNamespace string
	endpoint                 string
	aws                      argocd.AWSAuthConfig
	exec                     argocd.ExecProviderConfig
	labels, annotations      []string
	shard                    int64
	proxy, serverProxy       string
	cluster                  argocd.Cluster
	disableCompression       bool
}

func clusterAdd(r *remote, kubeconfig *string) *cobra.Command {
	var o clusterOptions
	cmd := &cobra.Command{
		Use: "add CONTEXT", Short: "Register the cluster of a context of your kubeconfig, with an account of its own", Args: cobra.ArbitraryArgs,
		Long: "Makes a ServiceAccount argocd-manager on the cluster of a context of your kubeconfig, and gives its token to the\n" +
			"server. Your own credentials stay on this machine. Without CONTEXT it lists the contexts.",
		Example: "  hawser cluster add prod-eu\n\n  # with rights in two namespaces only\n  hawser cluster add prod-eu --namespace shop --namespace cart",
		ValidArgsFunction: r.complete(false, func(context.Context) ([]string, error) {
			list, err := enroll.Contexts(*kubeconfig)
			var names []string
			for _, c := range list {
				names = append(names, c.Name)
			}
			return names, err
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				fmt.Fprintln(r.std.Err, "Choose a context name from:")
				if err := r.printKubeContexts(*kubeconfig); err != nil {
					return err
				}
				return quit(1)
			}
			if o.inCluster && o.endpoint != "" {
				return &exit{1, problem.New(problem.Invalid, "Can only use one of --in-cluster or --cluster-endpoint")}
			}
			return r.addCluster(cmd, *kubeconfig, args[0], o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.upsert, "upsert", false, "replace a cluster that is registered under this address")
	f.StringVar(&o.account, "service-account", "", "`name` of an account to use instead of making argocd-manager")
	f.StringVar(&o.systemNamespace, "system-namespace", "kube-system", "`namespace` of the account")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.StringArrayVar(&o.labels, "label", nil, "label the cluster with `key=value`; may be repeated")
	f.StringArrayVar(&o.annotations, "annotation", nil, "annotate the cluster with `key=value`; may be repeated")
	f.StringVar(&o.proxy, "proxy-url", "", "`URL` of a proxy to reach the cluster through")
	f.StringVar(&o.serverProxy, "server-proxy-url", "", "`URL` of the proxy that the server is to use, if another than --proxy-url; \"\" for none")
	f.BoolVar(&o.inCluster, "in-cluster", false, "the server runs in this cluster")
	f.StringVar(&o.aws.ClusterName, "aws-cluster-name", "", "`name` of an EKS cluster, to get tokens from AWS")
	f.StringVar(&o.aws.RoleARN, "aws-role-arn", "", "`ARN` of the role to assume for that")
	f.StringVar(&o.aws.Profile, "aws-profile", "", "`name` of the AWS profile for that")
	f.StringArrayVar(&o.cluster.Namespaces, "namespace", nil, "manage this `namespace` only; may be repeated")
	f.BoolVar(&o.cluster.ClusterResources, "cluster-resources", false, "with --namespace: manage resources of the whole cluster too")
	f.StringVar(&o.cluster.Name, "name", "", "`name` of the cluster; the context's when empty")
	f.StringVar(&o.cluster.Project, "project", "", "`name` of the only project that may deploy to it")
	f.Int64Var(&o.shard, "shard", -1, "`number` of the controller that watches it; accepted, Hawser decides itself")
	f.StringVar(&o.exec.Command, "exec-command", "", "`command` by which the server gets credentials")
	f.StringArrayVar(&o.exec.Args, "exec-command-args", nil, "an `argument` of it; may be repeated")
	f.StringToStringVar(&o.exec.Env, "exec-command-env", nil, "its environment, as `NAME=value`")
	f.StringVar(&o.exec.APIVersion, "exec-command-api-version", "", "`version` of ExecCredential that it speaks")
	f.StringVar(&o.exec.InstallHint, "exec-command-install-hint", "", "`text` to show when it is missing")
	f.StringVar(&o.endpoint, "cluster-endpoint", "", "which `address` to register: kubeconfig, kube-public or internal")
	f.BoolVar(&o.disableCompression, "disable-compression", false, "ask the cluster not to compress its answers")
	return cmd
}

func (r *remote) printKubeContexts(kubeconfig string) error {
	list, err := enroll.Contexts(kubeconfig)
	if err != nil {
		return err
	}
	t := newTable(r.std.Out, "CURRENT", "NAME", "CLUSTER", "SERVER")
	for _, c := range list {
		mark := " "
		if c.Current {
			mark = "*"
		}
		t.row(mark, c.Name, c.Cluster, c.Server)
	}
	return t.flush()
}

func (r *remote) addCluster(cmd *cobra.Command, kubeconfig, kubeContext string, o clusterOptions) error {
	ctx := cmd.Context()
	x := o.cluster
	var err error
	if x.Labels, err = pairs(o.labels); err != nil {
		return err
	}
	if x.Annotations, err = pairs(o.annotations); err != nil {
		return err
	}
	for _, address := range []string{o.proxy, o.serverProxy} {
		if u, err := url.Parse(address); address != "" && (err != nil || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme)) {
			return problem.New(problem.Invalid, "Failed to parse proxy url, unsupported scheme: an address of http, https or socks5 is needed")
		}
	}
	if _, err := r.client(ctx); err != nil { // before anything is made on the cluster
		return err
	}
	k, err := enroll.Open(kubeconfig, kubeContext, o.proxy)
	if err != nil {
		return err
	}
	n, err := k.Connection()
	if err != nil {
		return err
	}
	x.Server = n.Server
	x.Config.TLSClientConfig = argocd.TLSClientConfig{Insecure: n.Insecure, ServerName: n.ServerName, CAData: n.CAData}
	x.Config.DisableCompression, x.Config.ProxyURL = n.DisableCompression || o.disableCompression, n.Proxy
	if cmd.Flags().Changed("server-proxy-url") {
		x.Config.ProxyURL = o.serverProxy
	}
	switch {
	case o.aws.ClusterName != "":
		x.Config.AWSAuthConfig = &o.aws
	case o.exec.Command != "":
		x.Config.ExecProviderConfig = &o.exec
	default:
		if x.Config.BearerToken, err = r.enroll(ctx, k, kubeContext, o); err != nil {
			return err
		}
	}
	if x.Name == "" {
		x.Name = kubeContext
	}
	switch {
	case o.inCluster || o.endpoint == "internal":
		x.Server = inCluster
	case o.endpoint == "kube-public":
		server, ca, err := k.PublicEndpoint(ctx)
		if err != nil || server == "" {
			r.say("warn", fmt.Sprintf("Failed to find the cluster endpoint from kube-public data: %v: using %s of the kubeconfig", err, x.Server))
		} else {
			x.Server, x.Config.CAData = server, ca
		}
	case o.endpoint != "" && o.endpoint != "kubeconfig":
		return problem.New(problem.Invalid, "--cluster-endpoint %s is unknown", o.endpoint).WithHint("kubeconfig, kube-public or internal")
	}
	if o.shard >= 0 {
		x.Shard = &o.shard
	}
	if _, err := call[argocd.Cluster](ctx, r, "cluster.ClusterService/Create", &argocd.ClusterCreateRequest{Cluster: &x, Upsert: o.upsert}); err != nil {
		return err
	}
	r.printf("Cluster '%s' added\n", x.Server)
	return nil
}

// enroll returns the token by which the server is to reach the cluster. Making an account with all rights is asked about
// on a terminal.
func (r *remote) enroll(ctx context.Context, k *enroll.Kube, kubeContext string, o clusterOptions) (string, error) {
	tell := func(text string) { r.say("info", text) }
	if o.account != "" {
		return k.Token(ctx, o.systemNamespace, o.account, tell)
	}
	if f, ok := r.std.Out.(*os.File); ok && !o.yes && isTerminal(f) {
		level := "cluster"
		if len(o.cluster.Namespaces) > 0 {
			level = "namespace"
		}
		yes, err := r.yes(fmt.Sprintf("WARNING: This will create a service account `%s` on the cluster referenced by context `%s` with full %s level privileges. Do you want to continue [y/N]? ", enroll.Account, kubeContext, level))
		if err != nil {
			return "", err
		}
		if !yes {
			return "", quit(1)
		}
	}
	return k.Install(ctx, o.systemNamespace, o.cluster.Namespaces, tell)
}

// pairs reads key=value, as --label has them.
func pairs(list []string) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	m := map[string]string{}
	for _, text := range list {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, problem.New(problem.Invalid, "labels should have key=value, but instead got: %s", text)
		}
		m[key] = value
	}
	return m, nil
}

func clusterGet(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "get SERVER/NAME", Short: "Print clusters", Args: atLeast(1), ValidArgsFunction: r.complete(true, r.clusterNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			var list []argocd.Cluster
			for _, a := range args {
				x, err := call[argocd.Cluster](cmd.Context(), r, "cluster.ClusterService/Get", named(a))
				if err != nil {
					return err
				}
				list = append(list, *x)
			}
			switch format {
			case "json", "yaml":
				return printList(r.std.Out, list, format, true)
			case "server":
				r.printServers(list)
			case "", "wide":
				for _, x := range list {
					r.printCluster(x)
				}
			default:
				return unknownFormat(format)
			}
			return nil
		},
	}
	output(cmd, &format, "yaml", "json", "yaml", "wide", "server")
	return cmd
}

func (r *remote) printServers(list []argocd.Cluster) {
	for _, x := range list {
		r.printf("%s\n", x.Server)
	}
}

func (r *remote) printCluster(x argocd.Cluster) {
	name, namespaces := x.Name, strings.Join(x.Namespaces, ", ")
	if name == "" {
		name = "-"
	}
	if namespaces == "" {
		namespaces = "all namespaces"
	}
	c := x.Config
	r.printf("Cluster information\n\n  Server URL:            %s\n  Server Name:           %s\n  Server Version:        %s\n  Namespaces:        	 %s\n", x.Server, name, x.Info.ServerVersion, namespaces)
	r.printf("\nTLS configuration\n\n  Client cert:           %v\n  Cert validation:       %v\n", len(c.CertData) != 0, !c.Insecure)
	r.printf("\nAuthentication\n\n  Basic authentication:  %v\n  oAuth authentication:  %v\n  AWS authentication:    %v\n", c.Username != "", c.BearerToken != "", c.AWSAuthConfig != nil)
	r.printf("\nDisable compression: %v\n\nUse proxy: %v\n\n", c.DisableCompression, c.ProxyURL != "")
}

func clusterList(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list", Short: "List the clusters and whether they can be reached", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := call[argocd.ClusterList](cmd.Context(), r, "cluster.ClusterService/List", &argocd.ClusterQuery{})
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				return printList(r.std.Out, list.Items, format, false)
			case "server":
				r.printServers(list.Items)
				return nil
			case "", "wide":
				t := newTable(r.std.Out, "SERVER", "NAME", "VERSION", "STATUS", "MESSAGE", "PROJECT")
				t.colour[3] = statusColour
				for _, x := range list.Items {
					server := x.Server
					if n := len(x.Namespaces); n > 0 {
						server = fmt.Sprintf("%s (%d namespaces)", server, n)
					}
					t.row(server, x.Name, x.Info.ServerVersion, x.Info.ConnectionState.Status, oneLine(x.Info.ConnectionState.Message), x.Project)
				}
				return t.flush()
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide", "server")
	return cmd
}

func clusterRemove(r *remote, kubeconfig *string) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm SERVER/NAME", Short: "Forget clusters; what runs there goes on running", Args: atLeast(1), ValidArgsFunction: r.complete(true, r.clusterNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			all := yes
			for _, a := range args {
				answer, err := "y", error(nil)
				question := "Are you sure you want to remove '" + a + "'? Any Apps deploying to this cluster will go to health status Unknown."
				switch {
				case all:
				case len(args) == 1:
					answer, err = r.choose(question+"[y/n] ", "yes", "no")
				default:
					answer, err = r.choose(question+"[y/n/A] where 'A' is to remove all specified clusters without prompting. Any Apps deploying to these clusters will go to health status Unknown. ", "yes", "no", "all")
				}
				if err != nil {
					return err
				}
				if answer == "n" {
					r.printf("The command to remove '%s' was cancelled.\n", a)
					continue
				}
				all = all || answer == "a"
				if err := r.removeCluster(cmd.Context(), *kubeconfig, a); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// removeCluster forgets a cluster, and takes away the account that cluster add made on it if the kubeconfig leads there:
// a context of the cluster's name and address.
func (r *remote) removeCluster(ctx context.Context, kubeconfig, name string) error {
	x, err := call[argocd.Cluster](ctx, r, "cluster.ClusterService/Get", named(name))
	if err != nil {
		return err
	}
	if _, err := call[argocd.ClusterResponse](ctx, r, "cluster.ClusterService/Delete", named(name)); err != nil {
		return err
	}
	r.printf("Cluster '%s' removed\n", name)
	list, err := enroll.Contexts(kubeconfig)
	if err != nil || !slices.ContainsFunc(list, func(c enroll.Context) bool { return c.Name == x.Name && c.Server == x.Server }) {
		r.say("info", fmt.Sprintf("the account %s stays on the cluster: the kubeconfig has no context %s for %s", enroll.Account, x.Name, x.Server))
		return nil
	}
	k, err := enroll.Open(kubeconfig, x.Name, "")
	if err != nil {
		return err
	}
	return k.Uninstall(ctx, "kube-system", func(text string) { r.say("info", text) })
}

func clusterRotateAuth(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "rotate-auth SERVER/NAME", Short: "Replace the token by which the server reaches a cluster", Args: exactly(1), ValidArgsFunction: r.complete(false, r.clusterNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := call[argocd.ClusterResponse](cmd.Context(), r, "cluster.ClusterService/RotateAuth", named(args[0])); err != nil {
				return err
			}
			r.printf("Cluster '%s' rotated auth\n", args[0])
			return nil
		},
	}
}

func clusterSet(r *remote) *cobra.Command {
	var x argocd.Cluster
	var labels, annotations []string
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Change a cluster's name, namespaces, labels or annotations", Args: exactly(1), ValidArgsFunction: r.complete(false, r.clusterNames),
		Example: "  hawser cluster set prod --name prod-eu\n  hawser cluster set prod --namespace shop --namespace cart\n  hawser cluster set prod --namespace '*'",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			var fields []string
			if x.Name != "" {
				fields = append(fields, "name")
			}
			if x.Namespaces != nil {
				fields = append(fields, "namespaces")
			}
			if labels != nil {
				fields = append(fields, "labels")
			}
			if annotations != nil {
				fields = append(fields, "annotations")
			}
			if len(x.Namespaces) == 1 && x.Namespaces[0] == "*" {
				x.Namespaces[0] = "" // how the API says all
			}
			if x.Labels, err = pairs(labels); err != nil {
				return err
			}
			if x.Annotations, err = pairs(annotations); err != nil {
				return err
			}
			if fields == nil {
				r.printf("Specify the cluster field to be updated.\n")
				return nil
			}
			ask := &argocd.ClusterUpdateRequest{Cluster: &x, UpdatedFields: fields, ID: &argocd.ClusterID{Type: "name", Value: args[0]}}
			_, err = call[argocd.Cluster](cmd.Context(), r, "cluster.ClusterService/Update", ask)
			if api.Code(err) == connect.CodePermissionDenied {
				r.say("error", "Ensure that the cluster is present and you have the necessary permissions to update the cluster")
			}
			if err == nil {
				r.printf("Cluster '%s' updated.\n", args[0])
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&x.Name, "name", "", "its new `name`")
	f.StringArrayVar(&x.Namespaces, "namespace", nil, "manage this `namespace` only; may be repeated; '*' for all")
	f.StringArrayVar(&labels, "label", nil, "label it with `key=value`; may be repeated")
	f.StringArrayVar(&annotations, "annotation", nil, "annotate it with `key=value`; may be repeated")
	return cmd
}
