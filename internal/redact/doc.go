// Package redact hides card data in what is logged or stored: card numbers, verification codes and tokens, wherever they
// stand and however they are written. It is pure and knows no log, no table and no provider.
//
// There are two judges of what a card number is. Scrub sees every log line, so it takes only what an issuer could have
// given out, and hides all of it. JSON sees messages that somebody else composed and that are kept for years, so any digits
// with a right check digit are masked there as the provider masks them, at any depth, in members that nobody has told us
// about too.
package redact
