package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/cli/contexts"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
	"golang.org/x/crypto/bcrypt"
)

func account(r *remote) *cobra.Command {
	return noun("account", "Show and change accounts, their passwords and tokens",
		accountUpdatePassword(r), accountUserInfo(r), accountCanI(r), accountList(r), accountGet(r),
		accountGenerateToken(r), accountDeleteToken(r), accountSessionToken(r), accountBcrypt(r))
}

// ownIssuer is what the server's own tokens name as their issuer.
const ownIssuer = "argocd"

func (r *remote) userInfo(ctx context.Context) (*argocd.GetUserInfoResponse, error) {
	return call[argocd.GetUserInfoResponse](ctx, r, "session.SessionService/GetUserInfo", &argocd.GetUserInfoRequest{})
}

// orMe returns the account named, or the one that is logged in.
func (r *remote) orMe(ctx context.Context, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	me, err := r.userInfo(ctx)
	if err != nil {
		return "", err
	}
	return me.Username, nil
}

func accountUpdatePassword(r *remote) *cobra.Command {
	var name, current, next string
	cmd := &cobra.Command{
		Use: "update-password", Short: "Change a password: your own, or with the permission that of another account", Args: exactly(0),
		Example: "  # your own\n  hawser account update-password\n\n  # that of the account build\n  hawser account update-password --account build",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			me, err := r.userInfo(ctx)
			if err != nil {
				return err
			}
			if me.Iss == ownIssuer && current == "" {
				if current, err = r.secret(fmt.Sprintf("*** Enter password of currently logged in user (%s): ", me.Username)); err != nil {
					return err
				}
			}
			if name == "" {
				name = me.Username
			}
			if next == "" {
				if next, err = r.newSecret(name); err != nil {
					return err
				}
			}
			ask := &argocd.UpdatePasswordRequest{NewPassword: next, CurrentPassword: current, Name: name}
			if _, err := call[argocd.UpdatePasswordResponse](ctx, r, "account.AccountService/UpdatePassword", ask); err != nil {
				return err
			}
			r.printf("Password updated\n")
			if name != me.Username || r.token != "" {
				return nil
			}
			return r.renewSession(ctx, name, next)
		},
	}
	f := cmd.Flags()
	f.StringVar(&current, "current-password", "", "your `password` of now; asked for when empty")
	f.StringVar(&next, "new-password", "", "the new `password`; asked for, twice, when empty")
	f.StringVar(&name, "account", "", "`name` of the account; your own when empty")
	return cmd
}

// renewSession logs in again after one's own password has changed, which ended the session, and keeps the new token.
func (r *remote) renewSession(ctx context.Context, user, password string) error {
	file, err := contexts.Read(r.config)
	if err != nil || file == nil {
		return err
	}
	c, _, _, err := file.Resolve(r.context)
	if err != nil {
		return err
	}
	client, err := r.client(ctx)
	if err != nil {
		return err
	}
	token, err := r.passwordLogin(ctx, client, user, password)
	if err != nil {
		return err
	}
	err = contexts.Update(r.config, func(f *contexts.File) error {
		f.PutUser(contexts.User{Name: c.User, AuthToken: token})
		return nil
	})
	if err == nil {
		r.printf("Context '%s' updated\n", c.Name)
	}
	return err
}

func accountUserInfo(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "get-user-info", Aliases: []string{"whoami"}, Short: "Print who you are to the server", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			me, err := r.userInfo(cmd.Context())
			if err != nil {
				return err
			}
			switch format {
			case "json":
				return printObject(r.std.Out, me, format)
			case "yaml":
				if err := printObject(r.std.Out, me, format); err != nil {
					return err
				}
				r.printf("\n") // argocd's own has an empty line at the end
				return nil
			case "":
				r.printf("Logged In: %v\n", me.LoggedIn)
				if me.LoggedIn {
					r.printf("Username: %s\nIssuer: %s\nGroups: %s\n", me.Username, me.Iss, strings.Join(me.Groups, ","))
				}
				return nil
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "", "json", "yaml")
	return cmd
}

func accountCanI(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "can-i ACTION RESOURCE SUBRESOURCE", Short: "Print whether you may do something: yes or no", Args: exactly(3),
		Example: "  hawser account can-i sync applications '*/*'\n  hawser account can-i update projects default\n  hawser account can-i create clusters '*'",
		RunE: func(cmd *cobra.Command, args []string) error {
			answer, err := call[argocd.CanIResponse](cmd.Context(), r, "account.AccountService/CanI",
				&argocd.CanIRequest{Action: args[0], Resource: args[1], Subresource: args[2]})
			if err == nil {
				r.printf("%s\n", answer.Value)
			}
			return err
		},
	}
}

func accountList(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list", Short: "List the local accounts", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := call[argocd.AccountsList](cmd.Context(), r, "account.AccountService/ListAccounts", &argocd.ListAccountRequest{})
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				return printList(r.std.Out, list.Items, format, false)
			case "name":
				for _, a := range list.Items {
					r.printf("%s\n", a.Name)
				}
				return nil
			case "", "wide":
				t := newTable(r.std.Out, "NAME", "ENABLED", "CAPABILITIES")
				for _, a := range list.Items {
					t.row(a.Name, a.Enabled, strings.Join(a.Capabilities, ", "))
				}
				return t.flush()
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide", "name")
	return cmd
}

func accountGet(r *remote) *cobra.Command {
	var format, name string
	cmd := &cobra.Command{
		Use: "get", Short: "Print an account, what it can do and its tokens", Args: cobra.ArbitraryArgs,
		Example: "  # your own\n  hawser account get\n\n  # another\n  hawser account get --account build",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			name, err := r.orMe(ctx, name)
			if err != nil {
				return err
			}
			a, err := call[argocd.Account](ctx, r, "account.AccountService/GetAccount", &argocd.GetAccountRequest{Name: name})
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				return printObject(r.std.Out, a, format)
			case "name":
				r.printf("%s\n", a.Name)
				return nil
			case "", "wide":
				return r.printAccount(a, time.Now())
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide", "name")
	cmd.Flags().StringVarP(&name, "account", "a", "", "`name` of the account; your own when empty")
	return cmd
}

// property is how argocd prints a name and a value: the value from column 20 on.
const property = "%-20s%s\n"

func (r *remote) printAccount(a *argocd.Account, now time.Time) error {
	r.printf(property, "Name:", a.Name)
	r.printf(property, "Enabled:", fmt.Sprint(a.Enabled))
	r.printf(property, "Capabilities:", strings.Join(a.Capabilities, ", "))
	r.printf("\nTokens:\n")
	if len(a.Tokens) == 0 {
		r.printf("NONE\n")
		return nil
	}
	t := newTable(r.std.Out, "ID", "ISSUED AT", "EXPIRING AT")
	for _, token := range a.Tokens {
		ends := "never"
		if token.ExpiresAt > 0 {
			end := time.Unix(token.ExpiresAt, 0)
			ends = end.Format(time.RFC3339)
			if end.Before(now) {
				ends += " (expired)"
			}
		}
		t.row(token.ID, time.Unix(token.IssuedAt, 0).Format(time.RFC3339), ends)
	}
	return t.flush()
}

func accountGenerateToken(r *remote) *cobra.Command {
	var name, expires, id string
	cmd := &cobra.Command{
		Use: "generate-token", Short: "Make a token of an account, and print it: it is shown only now", Args: cobra.ArbitraryArgs,
		Example: "  # of your own account, for 90 days\n  hawser account generate-token --expires-in 90d\n\n  # of another\n  hawser account generate-token --account build",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			name, err := r.orMe(ctx, name)
			if err != nil {
				return err
			}
			lasts, err := parseDuration(expires)
			if err != nil {
				return err
			}
			made, err := call[argocd.CreateTokenResponse](ctx, r, "account.AccountService/CreateToken",
				&argocd.CreateTokenRequest{Name: name, ExpiresIn: int64(lasts.Seconds()), ID: id})
			if err == nil {
				r.printf("%s\n", made.Token)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&name, "account", "a", "", "`name` of the account; your own when empty")
	f.StringVarP(&expires, "expires-in", "e", "0s", "how long it is good, `12h` or 90d; 0s is for ever")
	f.StringVar(&id, "id", "", "`name` of the token; a random one when empty")
	return cmd
}

func accountDeleteToken(r *remote) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "delete-token ID", Short: "Take a token of an account back", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			name, err := r.orMe(ctx, name)
			if err != nil {
				return err
			}
			yes, err := r.confirmed(fmt.Sprintf("Are you sure you want to delete '%s' token? [y/n]", args[0]), false)
			if err != nil {
				return err
			}
			if !yes {
				r.printf("The command to delete '%s' was cancelled.\n", args[0])
				return nil
			}
			_, err = call[argocd.AccountEmptyResponse](ctx, r, "account.AccountService/DeleteToken", &argocd.DeleteTokenRequest{Name: name, ID: args[0]})
			return err
		},
	}
	cmd.Flags().StringVarP(&name, "account", "a", "", "`name` of the account; your own when empty")
	return cmd
}

func accountSessionToken(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "session-token", Aliases: []string{"get-user-token"}, Short: "Print the token of the current context", Args: cobra.ArbitraryArgs,
		Long: "Prints the token of the current context. One of single sign-on is renewed first when it has run out;\n" +
			"for one of a password, run `hawser relogin`.",
		Example: "  export ARGOCD_AUTH_TOKEN=$(hawser account session-token)",
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := contexts.Read(r.config)
			if err != nil {
				return err
			}
			if file == nil {
				return &exit{1, problem.New(problem.NotFound, "No configuration found").WithHint("hawser login SERVER")}
			}
			c, _, _, err := file.Resolve(r.context)
			if err != nil {
				return err
			}
			if _, err := r.client(cmd.Context()); err != nil { // renews
				return err
			}
			if file, err = contexts.Read(r.config); err != nil {
				return err
			}
			_, _, u, err := file.Resolve(c.Name)
			if err != nil {
				return err
			}
			if u.AuthToken == "" {
				return &exit{1, problem.New(problem.Unauthenticated, "No authentication token found").WithHint("hawser login SERVER")}
			}
			claims, err := readClaims(u.AuthToken)
			if err != nil || expired(u.AuthToken) {
				return &exit{1, problem.New(problem.Unauthenticated, "Token is invalid or expired").WithHint("hawser relogin")}
			}
			if format == "json" {
				return printObject(r.std.Out, describe(claims, u), format)
			}
			r.printf("%s\n", u.AuthToken)
			return nil
		},
	}
	output(cmd, &format, "", "json")
	return cmd
}

// describe is what session-token says about a token, by argocd's keys.
func describe(c claims, u contexts.User) map[string]any {
	m := map[string]any{"type": "sso", "issuer": c.Issuer, "username": c.user(), "token": u.AuthToken, "has_refresh_token": u.RefreshToken != ""}
	if c.Issuer == ownIssuer {
		m["type"] = "local"
	}
	for key, at := range map[string]float64{"issued_at": c.Issued, "expires_at": c.Expires} {
		if at != 0 {
			m[key] = time.Unix(int64(at), 0).Format(time.RFC3339)
		}
	}
	return m
}

func accountBcrypt(r *remote) *cobra.Command {
	var password string
	cmd := &cobra.Command{
		Use: "bcrypt", Short: "Print the bcrypt hash of a password, as argocd-secret holds it", Args: cobra.ArbitraryArgs,
		Example: "  # asked for\n  hawser account bcrypt\n\n  # from a pipe\n  pass show argocd | hawser account bcrypt",
		RunE: func(*cobra.Command, []string) (err error) {
			if password == "" {
				if password, err = r.secret("Password: "); err != nil {
					return err
				}
			}
			hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
			if err != nil {
				return problem.New(problem.Invalid, "Failed to generate bcrypt hash: %v", err)
			}
			r.printf("%s", hash)
			return nil
		},
	}
	cmd.Flags().StringVar(&password, "password", "", "the `password`; asked for when empty, so that it stands in no history")
	return cmd
}
