// Package orders owns the aggregate of an order: what a shopper owes, the payments that collect it, and the event log that
// tells its story. It keeps them true to what the provider really did.
//
// Its invariants, held by the code and again by the database (migrations/00010 to 00012): an order has at most one live
// payment; captured <= authorized <= amount; a status is always derived from recorded facts; events of an order are
// numbered without gaps; a final status never yields to a non-final one.
//
// News of a payment, from whatever source, enters through Service.Apply and is judged by the pure function fold. A charge
// is recorded before it is sent and never sent twice; no transaction is open while the provider is called (design §3).
//
// It does not know HTTP, the provider's words, or who asks.
package orders

//go:generate go test . -run ^TestDiagrams -update
