// Package subscriptions owns what a customer pays again and again: when a period begins, what it is charged by, what is done when a
// charge fails, and how all of it ends. Every period is an order of its own (package orders), so that what was charged,
// refunded and disputed is told there and only there.
//
// A subscription is moved by one function, Service.Advance, from whatever woke it: the clock, an order that moved (a trigger,
// migrations/00121, wakes its subscription in the order's own transaction), news of its contract, a command. It reads what is
// recorded, lets the pure function plan decide on one step, writes the decision guarded by the row's version, and only then
// acts on it. Whoever dies in between leaves a decision that the next worker carries out: the ids of orders and payments are
// derived from subscription, period and the number of the charge, so what was begun is found and not begun again.
//
// Invariants: one order per period (orders_subscription_period_key); one contract to charge by (subscription_contracts_one_active);
// of one decided charge one payment, sent once; nothing is charged while paused, unpaid or ended; at most one period a day is
// charged, and what an outage left out longer ago is for a person to decide; the schemes' limits hold whatever a policy says.
//
// It does not know HTTP, the provider's words, or who asks.
package subscriptions
