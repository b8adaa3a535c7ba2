// Package customers owns who buys again: customers of the merchant, and what is done when one is deleted.
//
// A deleted customer's row keeps its id and its times, and nothing else (customers_nothing_kept_of_deleted); an order names
// only a customer that is there when it is written (orders_customer_there). What the rest of the service knows of them is
// erased by a job that commits with the deletion and is repeated until it has succeeded: the books stay, the person goes.
//
// It does not know HTTP, the provider's words, or who asks. It stands beside orders; whoever owns something that tells of a
// customer gives it an Eraser.
package customers
