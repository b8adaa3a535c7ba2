// Package gateway is the only translator between our words and the provider's. It implements orders.Gateway and
// orders.RefundGateway on the wire client, and reads verified notifications.
//
// It owns what the provider can express of an amount, how an order becomes a sale request, and what the provider's
// letters and codes mean for a payment. It judges nothing: whether evidence moves a payment is for package orders.
//
// Invariants:
//   - Nothing is read into an answer: a letter, pair of letters or address that the contract does not list is unknown, is
//     counted and logged, and settles nothing.
//   - A sale that is sent never exceeds a length of the contract, and its lines sum exactly to its amount.
//   - No evidence carries a card number, a verification code, a token or a name.
//
// # The two APIs
//
// ONERWAY_API says what the merchant's payments are at the provider, not which protocol is spoken: both use the signed
// gateway (contract part A). With `transactions` the status of a transaction is the whole truth. With `intents` a payment
// intent stands around the transactions; then a query asks for both, and the intent's paymentStatus wins over the
// transaction's status (§8.12, §16). An intent's status that comes by itself in an answer or a notification is heeded in
// either mode. The Stripe-like REST interface (contract part B) is not spoken: nothing but a mock documents it, and it
// leaves out what a payment depends on (§18.7). ONERWAY_API_KEY and ONERWAY_WEBHOOK_SECRET are its credentials and are
// not used here.
//
// Section numbers in comments (§) refer to the provider contract.
package gateway
