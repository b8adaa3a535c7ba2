// Package soak runs the real service for a long time at a good part of what it can do, while the provider misbehaves, and
// shows that nothing grows that should not and that the books of both sides agree.
//
// It first measures how many visits a second two replicas take, then keeps them at a share of that. One call in twenty meets
// a fault, and the provider never notifies: every answer that is lost is found by asking, at the times of the default
// schedule. What is still open a minute after the last visit, such as payments whose shoppers never saw the bank's page, is
// then asked about more often than the schedule has it, until nothing is open and the books are compared.
package soak
