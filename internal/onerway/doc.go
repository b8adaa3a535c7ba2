// Package onerway is the wire client of the payment provider: it signs, sends and reads the provider's messages and
// says what is known about a call that went wrong.
//
// It owns the signature scheme (Sign), the notification check (VerifyNotification), the calls themselves (Client), the
// classes of failure (Error) and the meaning of the provider's codes and statuses (LookupCode, ParseStatus). It does
// not own our words: amounts, times and identifiers stay the provider's text, and only package gateway translates them.
// It imports nothing else of this module.
//
// Invariants:
//   - A request is signed and sent from the same values, and is sent at most once.
//   - NeverSent means that not one byte of the request reached a connection; anything less certain is Unknown.
//   - Card data, tokens and keys have type Sensitive, and no text made by this package shows one.
//   - Members are read by their exact name: a member that differs only in case never takes another's place.
//
// Section numbers in comments (§) refer to the provider contract.
package onerway
