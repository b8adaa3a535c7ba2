// Package customers owns who buys again: customers of the merchant, the cards that the provider keeps for them, and what is
// done when one of either goes.
//
// A deleted customer's row keeps its id and its times, and nothing else (customers_nothing_kept_of_deleted); an order names
// only a customer that is there when it is written (orders_customer_there). What the rest of the service knows of them is
// erased by a job that commits with the deletion and is repeated until it has succeeded: the books stay, the person goes.
//
// A card is kept by the provider. The row is written before the provider is asked, and the answer recorded after it; a lost
// answer is found out by looking, never by having the card kept twice. Of the card stay brand, last four digits, expiry and
// the provider's token, sealed with AES-256-GCM under a key of DATA_KEY and bound to its row; with another DATA_KEY no saved
// card can be charged any more. A token is in no log, event or answer.
//
// It does not know HTTP, the provider's words, or who asks. It stands beside orders; whoever owns something that tells of a
// customer gives it an Eraser.
package customers

//go:generate go test . -run ^TestDiagram_ -update
