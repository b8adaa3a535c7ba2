// Package webhooks receives the provider's notifications: it verifies, stores, applies and acknowledges them (API.md,
// "Notifications from the PSP"; design §5).
//
// Its invariants: nothing moves an order but what the provider's signature covers and orders.Service.Hear accepts; a
// notification is acknowledged only when it is stored for good, together with what it changed or with the job that will try
// again; the same one any number of times changes nothing more. What cannot be trusted is refused and set apart, bounded in
// size and number, and can neither hide nor alter a genuine row. No card number, verification code or token is stored,
// but that what a notification tells of a contract is sealed until it is applied.
//
// Which notifications it acts on: those of sales, authorizations, captures, voids and refunds (TXN), rejections of refunds
// (REFUND_AUDIT), cancellations (CANCEL), chargebacks (CHARGEBACK) and warnings of them (PRE_DISPUTE); and of cards that were
// kept for a contract (TXN of type BIND_CARD), which move no payment. All others
// are stored, acknowledged and left as received. Of a chargeback that is not on record the provider is asked: which payment it is
// about stands in a member that is not signed.
package webhooks
