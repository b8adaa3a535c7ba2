// Package storefront is the load of the crash test and of the soak: shoppers who buy at a shop that uses the API as a
// storefront should: by card, by a card that is saved, or on the provider's page. What failed on the way is sent again with its
// key, a decline is followed by another card, and a shopper who is sent to the bank's page goes there and comes back. Refunds may
// need a second person, and banks may take back what was paid.
//
// It owns what was asked and what was answered (see Record), which an audit holds against the books of both sides. It never
// judges by itself.
package storefront
