// Package renewals lets years of subscriptions pass on the test clock while the workers that charge them are killed, and shows
// that every period was charged once, or is in the state that the policy says.
//
// A run has an installation of its own (see package world): one process that serves, four that work, PostgreSQL, Redis, and the
// simulator of the provider, whose clock moves in step with the service's. Subscriptions of several kinds (Cast) begin; then time
// is moved in steps of half a day, and what their stories say is done to them: paused, canceled, declined, given a new card on the
// page for it. Before some of the steps a point of the code (failpoint.Renewals) is armed in every worker, or one is killed at a
// random moment; all the while some answers and notifications are lost. After a step everything that is due is waited for: what a
// dead worker held, and what is asked about again within a minute, is let come due by short steps.
//
// At the end, and now and then, both sides' books are held against a model of its own (Story): dates by naive arithmetic, what the
// provider was told to decline, and what each subscription was asked. It shares no code with the packages that it judges.
package renewals
