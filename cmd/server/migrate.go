package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/spf13/cobra"

	"tillway/internal/config"
	"tillway/migrations"
)

func newMigrate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up, take a migration back, or list them",
		Long:  "The migrations are in this binary. Only DATABASE_URL is needed. Several replicas may migrate at once.",
		Args:  cobra.NoArgs, RunE: showHelp,
	}
	cmd.AddCommand(
		&cobra.Command{Use: "up", Short: "Apply every pending migration", Args: cobra.NoArgs, RunE: migrateUp},
		&cobra.Command{
			Use: "down", Short: "Take back the newest migration", Args: cobra.NoArgs, RunE: migrateDown,
			Long: `Takes back the newest migration that is applied, one each time. The tables and columns that it made go, and all that is in them:
back the database up first. Processes of this version do not start on the older schema, so stop them.`,
		},
		&cobra.Command{Use: "status", Short: "List every migration", Args: cobra.NoArgs, RunE: migrateStatus},
	)
	return cmd
}

func migrateUp(cmd *cobra.Command, _ []string) error {
	cfg, err := config.FromEnvironment(config.PurposeDatabase)
	if err != nil {
		return err
	}
	applied, err := migrations.Up(cmd.Context(), cfg.DatabaseURL.Reveal())
	for _, m := range applied {
		fmt.Fprintf(cmd.OutOrStdout(), "applied %s (%s)\n", m.Source.Path, m.Duration.Round(time.Millisecond))
	}
	if err == nil && len(applied) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "nothing to apply: the schema is up to date")
	}
	return err
}

func migrateDown(cmd *cobra.Command, _ []string) error {
	cfg, err := config.FromEnvironment(config.PurposeDatabase)
	if err != nil {
		return err
	}
	reverted, err := migrations.Down(cmd.Context(), cfg.DatabaseURL.Reveal())
	if err != nil {
		return err
	}
	if reverted == nil {
		fmt.Fprintln(cmd.OutOrStdout(), "nothing to take back: no migration is applied")
		return nil
	}
	fmt.Fprintf(cmd.OutOrStdout(), "took back %s (%s)\n", reverted.Source.Path, reverted.Duration.Round(time.Millisecond))
	return nil
}

func migrateStatus(cmd *cobra.Command, _ []string) error {
	cfg, err := config.FromEnvironment(config.PurposeDatabase)
	if err != nil {
		return err
	}
	all, err := migrations.Status(cmd.Context(), cfg.DatabaseURL.Reveal())
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MIGRATION\tAPPLIED")
	for _, m := range all {
		applied := "pending"
		if m.State == goose.StateApplied {
			applied = m.AppliedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\n", m.Source.Path, applied)
	}
	return table.Flush()
}
