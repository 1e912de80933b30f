package cli

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/contexts"
	"github.com/hawser-cd/hawser/internal/cluster/forward"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// remote is what the commands of argocd's share: the global flags, the contexts, the person at the terminal, and from
// all that a client of the server that is meant.
type remote struct {
	*asker
	std   IO
	flags *pflag.FlagSet // the global ones

	config         string // path of the contexts' file
	context        string // name of the context to use; "" for the current one
	server         string
	plainText      bool
	insecure       bool
	serverCrt      string
	clientCrt      string
	clientKey      string
	token          string
	grpcWeb        bool
	rootPath       string
	headers        []string
	retries        int
	core           bool
	promptsEnabled bool
	kubeContext    string
	portForward    bool
	portNamespace  string
	serverName     string // of the server's pods, for port-forward
	logFormat      string
	logLevel       string

	made    *api.Client // the command's, once there is one
	closing []func()    // ends what was started for it
}

func newRemote(std IO) *remote {
	r := &remote{asker: newAsker(std), std: std, flags: pflag.NewFlagSet("global", pflag.ContinueOnError)}
	f := r.flags
	f.StringVar(&r.config, "config", "", "`file` of contexts (default: ~/.config/argocd/config)")
	f.StringVar(&r.context, "argocd-context", "", "`name` of the context to use instead of the current one")
	f.StringVar(&r.server, "server", "", "`address` of the server, instead of the context's; also $ARGOCD_SERVER")
	f.BoolVar(&r.plainText, "plaintext", false, "speak to the server without TLS")
	f.BoolVar(&r.insecure, "insecure", false, "do not verify the server's certificate")
	f.StringVar(&r.serverCrt, "server-crt", "", "`file` of the certificate to expect from the server")
	f.StringVar(&r.clientCrt, "client-crt", "", "`file` of a client certificate")
	f.StringVar(&r.clientKey, "client-crt-key", "", "`file` of its private key")
	f.StringVar(&r.token, "auth-token", "", "`token` to use instead of the context's; better $ARGOCD_AUTH_TOKEN, which others cannot see")
	f.BoolVar(&r.grpcWeb, "grpc-web", false, "speak gRPC-Web, for proxies that do not pass gRPC on")
	f.StringVar(&r.rootPath, "grpc-web-root-path", "", "speak gRPC-Web to a server below this `path`")
	f.StringSliceVarP(&r.headers, "header", "H", nil, "send this `name:value` with every request; may be repeated")
	f.IntVar(&r.retries, "http-retry-max", 0, "how `often` to try again when the server cannot be reached")
	f.BoolVar(&r.core, "core", false, "work on the cluster of the kubeconfig, without a server")
	f.BoolVar(&r.promptsEnabled, "prompts-enabled", false, "ask before what cannot be undone; see hawser configure")
	f.StringVar(&r.kubeContext, "kube-context", "", "`context` of the kubeconfig, for --core and --port-forward")
	f.BoolVar(&r.portForward, "port-forward", false, "reach the server through the cluster's API, as kubectl port-forward does")
	f.StringVar(&r.portNamespace, "port-forward-namespace", "", "`namespace` of the server for that; implies --port-forward")
	f.StringVar(&r.serverName, "server-name", "argocd-server", "`name` label of the server's pods, for --port-forward")
	f.StringVar(&r.logFormat, "logformat", "", "how to print errors: `json` or text as argocd does; for people when empty")
	f.StringVar(&r.logLevel, "loglevel", "info", "`level` of messages: debug, info, warn or error")
	for name, value := range map[string]string{ // parts of Argo CD that Hawser has not: accepted, and without meaning
		"controller-name": "argocd-application-controller", "redis-haproxy-name": "argocd-redis-ha-haproxy", "redis-name": "argocd-redis",
		"repo-server-name": "argocd-repo-server", "redis-compress": "gzip",
	} {
		f.String(name, value, "accepted for argocd's sake: Hawser has no such part")
		_ = f.MarkHidden(name)
	}
	return r
}

// environment names the variables of flags beside HAWSER_<FLAG>.
var environment = map[string]string{
	"server": "ARGOCD_SERVER", "auth-token": "ARGOCD_AUTH_TOKEN", "server-name": "ARGOCD_SERVER_NAME", "controller-name": "ARGOCD_APPLICATION_CONTROLLER_NAME",
	"redis-haproxy-name": "ARGOCD_REDIS_HAPROXY_NAME", "redis-name": "ARGOCD_REDIS_NAME", "repo-server-name": "ARGOCD_REPO_SERVER_NAME", "redis-compress": "REDIS_COMPRESSION",
}

// optionless are the flags that argocd does not take from ARGOCD_OPTS.
var optionless = []string{"argocd-context", "kube-context", "server-name", "controller-name", "redis-haproxy-name", "redis-name", "repo-server-name", "redis-compress"}

// settle gives every global flag that was not typed its value: from HAWSER_<FLAG>, ARGOCD_OPTS, argocd's own variable,
// in this order. It is the root's PersistentPreRunE.
func (r *remote) settle() (err error) {
	options, err := parseOptions(os.Getenv("ARGOCD_OPTS"))
	if err != nil {
		return err
	}
	r.flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || err != nil {
			return
		}
		own := envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, from := os.Getenv(own), own
		if option, ok := options[f.Name]; value == "" && ok && !slices.Contains(optionless, f.Name) {
			value, from = option, "ARGOCD_OPTS: --"+f.Name
			if f.Value.Type() == "bool" && value != "true" {
				value = "false" // argocd takes anything but true for no
			}
		}
		if name := environment[f.Name]; value == "" && name != "" {
			value, from = os.Getenv(name), name
		}
		if value == "" {
			return
		}
		if e := r.flags.Set(f.Name, value); e != nil {
			err = misused("%s is wrong: %v", from, e)
		}
	})
	if err != nil {
		return err
	}
	if r.config == "" {
		if r.config, err = contexts.DefaultPath(); err != nil {
			return err
		}
	}
	return nil
}

// parseOptions reads ARGOCD_OPTS as argocd does: words as a shell splits them, --name value, --name=value or --name.
func parseOptions(text string) (map[string]string, error) {
	words, err := shellWords(text)
	if err != nil {
		return nil, misused("ARGOCD_OPTS: %v", err)
	}
	options := map[string]string{}
	open := "" // a flag that may get its value from the next word
	for _, w := range words {
		name, isFlag := strings.CutPrefix(w, "--")
		switch {
		case isFlag:
			if open != "" {
				options[open] = "true"
			}
			open = ""
			if n, value, ok := strings.Cut(name, "="); ok {
				options[n] = value
			} else {
				open = name
			}
		case open != "":
			options[open], open = w, ""
		default:
			return nil, misused("ARGOCD_OPTS invalid at '%s'", w)
		}
	}
	if open != "" {
		options[open] = "true"
	}
	return options, nil
}

// shellWords splits text as a POSIX shell does, without expanding anything.
func shellWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	escaped := false
	for _, c := range text {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\"\\$`\n", c) {
				word.WriteByte('\\')
			}
			if c != '\n' {
				word.WriteRune(c)
			}
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, problem.New(problem.Invalid, "a quote or backslash is not closed")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// address is the server that the flags and the file mean, before a client is made of it.
func (r *remote) address() (api.Server, contexts.Context, contexts.User, error) {
	var c contexts.Context
	var s contexts.Server
	var u contexts.User
	file, err := contexts.Read(r.config)
	if err != nil {
		return api.Server{}, c, u, err
	}
	if file != nil {
		name := r.context
		if name == "" && r.server != "" && !r.portForward {
			name, _ = file.OfServer(r.server) // else a stranger would be sent the current context's settings
		}
		if c, s, u, err = file.Resolve(name); err != nil && (r.server == "" || r.context != "") {
			return api.Server{}, c, u, err
		}
	} else if r.context != "" {
		return api.Server{}, c, u, problem.New(problem.NotFound, "Context '%s' undefined", r.context).WithHint("there is no file of contexts yet: hawser login SERVER")
	}
	at := api.Server{
		Address: s.Server, PlainText: s.PlainText || r.plainText, Insecure: s.Insecure || r.insecure, GRPCWeb: s.GRPCWeb || r.grpcWeb, RootPath: s.GRPCWebRootPath,
		CAData: s.CA, ClientCertData: s.ClientCert, ClientKeyData: s.ClientKey, CA: r.serverCrt, ClientCert: r.clientCrt, ClientKey: r.clientKey,
		Token: u.AuthToken, UserAgent: userAgent(), Retries: r.retries,
	}
	if s.Core {
		r.core = true
	}
	if r.server != "" {
		at.Address = r.server
	}
	if r.rootPath != "" {
		at.RootPath = r.rootPath
	}
	if r.token != "" {
		at.Token, u = strings.TrimSpace(r.token), contexts.User{} // a token from elsewhere is never written into the file
	}
	if (at.ClientCert == "") != (at.ClientKey == "") {
		return at, c, u, misused("--client-crt and --client-crt-key must always be specified together")
	}
	if at.Headers, err = parseHeaders(r.headers); err != nil {
		return at, c, u, err
	}
	at.FellBack = func() {
		r.say("warn", "the server does not answer gRPC, but gRPC-Web: --grpc-web saves the detour")
	}
	if u.Name != "" {
		at.Renewed = func(token string) {
			err := contexts.Update(r.config, func(f *contexts.File) error {
				f.PutUser(contexts.User{Name: u.Name, AuthToken: token, RefreshToken: u.RefreshToken})
				return nil
			})
			if err != nil {
				r.say("warn", "the renewed token was not kept: "+err.Error())
			}
		}
	}
	return at, c, u, nil
}

// client returns a client of the server that the command is for.
func (r *remote) client(ctx context.Context) (c *api.Client, err error) {
	if r.made == nil {
		r.made, err = r.newClient(ctx)
	}
	return r.made, err
}

func (r *remote) newClient(ctx context.Context) (*api.Client, error) {
	if r.core {
		return r.coreClient(ctx)
	}
	at, _, u, err := r.address()
	if err != nil {
		return nil, err
	}
	if r.core { // the context's own word
		return r.coreClient(ctx)
	}
	if r.portForward || r.portNamespace != "" {
		if at.Address, err = forward.Open(ctx, r.kubeContext, r.portNamespace, r.serverName); err != nil {
			return nil, err
		}
		at.Insecure = true // the certificate is for another name than 127.0.0.1, and the way there is the API server's own TLS
	}
	if at.Address == "" {
		return nil, misused("Argo CD server address unspecified").hint("log in with `hawser login SERVER`, or give --server")
	}
	c, err := api.New(at)
	if err != nil {
		return nil, err
	}
	if u.RefreshToken != "" && expired(u.AuthToken) {
		if err := r.refresh(ctx, c, u); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// userAgent: Argo CD's server turns away what does not call itself its client, of its version or newer than 1.4.
func userAgent() string { return "argocd-client/v3.6.0 hawser/" + server.Build().Version }

// parseHeaders reads NAME:VALUE, as --header has them.
func parseHeaders(list []string) (http.Header, error) {
	h := http.Header{}
	for _, text := range list {
		name, value, ok := strings.Cut(text, ":")
		if !ok || name == "" {
			return nil, misused("additional headers must be colon(:)-separated: %s", text)
		}
		h.Add(name, strings.TrimSpace(value))
	}
	return h, nil
}

// levels of messages, by weight.
var levels = []string{"debug", "info", "warn", "error"}

// say prints a message beside a command's output, if --loglevel lets it through.
func (r *remote) say(level, text string) {
	if slices.Index(levels, level) < slices.Index(levels, strings.ToLower(r.logLevel)) {
		return
	}
	if level == "warn" && r.logFormat != "" {
		level = "warning" // argocd's word in a line of a log
	}
	logLine(r.std.Err, r.logFormat, level, oneLine(text), level+": "+oneLine(text), time.Now())
}

// confirmed asks before something that cannot be undone, if prompts are on (--prompts-enabled, or hawser configure);
// sure (a -y) needs no question. No is no error: the command says that it did nothing.
func (r *remote) confirmed(question string, sure bool) (bool, error) {
	if sure || !r.prompts() {
		return true, nil
	}
	return r.yes(question)
}

// prompts reports whether optional questions are asked.
func (r *remote) prompts() bool {
	if f := r.flags.Lookup("prompts-enabled"); f.Changed {
		return r.promptsEnabled
	}
	file, err := contexts.Read(r.config)
	return err == nil && file != nil && file.PromptsEnabled
}

// output adds argocd's flag -o to a command.
func output(cmd *cobra.Command, into *string, standard string, formats ...string) {
	cmd.Flags().StringVarP(into, "output", "o", standard, "`format`: "+strings.Join(formats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}
