// Package audit compares the service's books with the simulator's, and looks for what is still open.
//
// It reads both from outside: our tables by SQL of its own, theirs as the provider shows them, so that neither the code
// under test nor its words can hide a fault. A finding is a sentence; no finding means that nothing of what must never
// happen has happened (design §1).
package audit
