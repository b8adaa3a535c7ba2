package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tillway/internal/apikeys"
	"tillway/internal/config"
	"tillway/internal/ids"
	"tillway/internal/postgres"
)

func newKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Create, list and revoke API keys",
		Long:  "Keys are stored hashed: a key is shown once, when it is created. DATABASE_URL and LIVEMODE are needed.",
		Args:  cobra.NoArgs, RunE: showHelp,
	}
	cmd.AddCommand(newKeysCreate(), newKeysList(), newKeysRevoke())
	return cmd
}

func newKeysCreate() *cobra.Command {
	var role, name string
	cmd := &cobra.Command{
		Use: "create --role ROLE", Short: "Create a key and show it, once", Args: cobra.NoArgs,
		Example: "  server keys create --role storefront --name shop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKeys(cmd.Context(), func(ctx context.Context, keys *apikeys.Service) error {
				key, secret, err := keys.Create(ctx, apikeys.Role(role), name)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "created %s (%s). It is shown only now:\n", key.ID, key.Role)
				fmt.Fprintln(cmd.OutOrStdout(), secret)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "storefront, ops or admin (required)")
	cmd.Flags().StringVar(&name, "name", "", "what the key is for")
	cobra.CheckErr(cmd.MarkFlagRequired("role"))
	return cmd
}

func newKeysList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List every key, without its secret", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKeys(cmd.Context(), func(ctx context.Context, keys *apikeys.Service) error {
				all, err := keys.List(ctx)
				if err != nil {
					return err
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "ID\tROLE\tBEGINS WITH\tNAME\tCREATED\tREVOKED")
				for _, key := range all {
					revoked := ""
					if key.Revoked() {
						revoked = key.RevokedAt.UTC().Format(time.RFC3339)
					}
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n",
						key.ID, key.Role, key.Prefix, key.Name, key.CreatedAt.UTC().Format(time.RFC3339), revoked)
				}
				return table.Flush()
			})
		},
	}
}

func newKeysRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke KEY_ID", Short: "Revoke a key for good", Args: cobra.ExactArgs(1),
		Long:    "Every process refuses the key within five seconds. A revoked key never comes back.",
		Example: "  server keys revoke key_01jz3q8t9kf0p8v6m2c4x5y7za",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ids.Parse[ids.APIKeyEntity](args[0])
			if err != nil {
				return fmt.Errorf("%w; `server keys list` shows the ids", err)
			}
			return withKeys(cmd.Context(), func(ctx context.Context, keys *apikeys.Service) error {
				key, err := keys.Revoke(ctx, id)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "revoked %s (%s)\n", key.ID, key.Role)
				return nil
			})
		},
	}
}

// withKeys runs do with the key service on the configured database.
func withKeys(ctx context.Context, do func(context.Context, *apikeys.Service) error) error {
	cfg, err := config.FromEnvironment(config.PurposeDatabase)
	if err != nil {
		return err
	}
	pool, err := postgres.Open(ctx, cfg.DatabaseURL.Reveal(), postgres.Options{MaxConns: 1, ApplicationName: "tillway keys"})
	if err != nil {
		return err
	}
	defer pool.Close()
	return do(ctx, apikeys.New(pool, apikeys.Options{Livemode: cfg.Livemode}))
}
