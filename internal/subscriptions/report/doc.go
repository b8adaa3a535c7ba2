// Package report tells a merchant how their subscriptions do: what they bring in a month, who came and who left, what was
// collected, and what became of charges that failed. It reads and writes nothing.
//
// Every figure comes from rows that are there for it: subscription_totals and subscription_moves, which triggers keep with every
// change of a subscription (migrations/00133), and the orders and payments of periods. None reads all subscriptions: what stands
// now is a few rows per currency, what happened is found by time. All of one report is read in one snapshot, so that its figures
// agree with each other.
package report
