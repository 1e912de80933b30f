package cli

import (
	"fmt"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func gpg(r *remote) *cobra.Command {
	return noun("gpg", "Register the GnuPG keys that may sign commits", gpgList(r), gpgGet(r), gpgAdd(r), gpgRemove(r))
}

func gpgList(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := call[argocd.GnuPGPublicKeyList](cmd.Context(), r, "gpgkey.GPGKeyService/List", &argocd.GnuPGPublicKeyQuery{})
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				return printList(r.std.Out, list.Items, format, false)
			case "", "wide":
				t := newTable(r.std.Out, "KEYID", "TYPE", "IDENTITY")
				for _, k := range list.Items {
					t.row(k.KeyID, strings.ToUpper(k.SubType), k.Owner)
				}
				return t.flush()
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide")
	return cmd
}

// keyID takes the one argument of gpg get and rm, and fails as argocd's do.
func keyID(args []string) (string, error) {
	if len(args) != 1 {
		return "", problem.New(problem.Invalid, "Missing KEYID argument")
	}
	return args[0], nil
}

func gpgGet(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "get KEYID", Short: "Print a key", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := keyID(args)
			if err != nil {
				return err
			}
			k, err := call[argocd.GnuPGPublicKey](cmd.Context(), r, "gpgkey.GPGKeyService/Get", &argocd.GnuPGPublicKeyQuery{KeyID: id})
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				return printObject(r.std.Out, k, format)
			case "", "wide":
				r.printf("Key ID:          %s\nKey fingerprint: %s\nKey subtype:     %s\nKey owner:       %s\nKey data follows until EOF:\n%s\n",
					k.KeyID, k.Fingerprint, strings.ToUpper(k.SubType), k.Owner, k.KeyData)
				return nil
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide")
	return cmd
}

func gpgAdd(r *remote) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use: "add", Short: "Trust the keys of a file", Args: cobra.ArbitraryArgs, Example: "  gpg --armor --export alice@example.org > alice.asc\n  hawser gpg add --from alice.asc",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" {
				return problem.New(problem.Invalid, "--from is mandatory")
			}
			text, err := r.read(from)
			if err != nil {
				return err
			}
			made, err := call[argocd.GnuPGPublicKeyCreateResponse](cmd.Context(), r, "gpgkey.GPGKeyService/Create",
				&argocd.GnuPGPublicKeyCreateRequest{Publickey: &argocd.GnuPGPublicKey{KeyData: string(text)}})
			if err != nil {
				return err
			}
			n, also := 0, ""
			if made.Created != nil {
				n = len(made.Created.Items)
			}
			if len(made.Skipped) > 0 {
				also = fmt.Sprintf(", and %d key(s) were skipped because they exist already", len(made.Skipped))
			}
			r.printf("Created %d key(s) from input file%s.\n", n, also)
			return nil
		},
	}
	cmd.Flags().StringVarP(&from, "from", "f", "", "`file` of public keys")
	return cmd
}

func gpgRemove(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "rm KEYID", Short: "Trust a key no longer", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := keyID(args)
			if err != nil {
				return err
			}
			yes, err := r.confirmed(fmt.Sprintf("Are you sure you want to remove '%s'? [y/n] ", id), false)
			if err != nil {
				return err
			}
			if !yes {
				r.printf("The command to delete key with key ID '%s' was cancelled.\n", id)
				return nil
			}
			if _, err := call[argocd.GnuPGPublicKeyResponse](cmd.Context(), r, "gpgkey.GPGKeyService/Delete", &argocd.GnuPGPublicKeyQuery{KeyID: id}); err != nil {
				return err
			}
			r.printf("Deleted key with key ID %s\n", id)
			return nil
		},
	}
}
