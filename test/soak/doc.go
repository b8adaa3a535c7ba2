// Package soak runs the real service for a long time at a good part of what it can do, while the provider misbehaves, and
// shows that nothing grows that should not and that the books of both sides agree.
//
// It first measures how many visits a second two replicas take, then keeps them at a share of that. One call in twenty meets
// a fault, and the provider never notifies: every answer that is lost is found by asking, at the times of the default
// schedule. Afterwards nothing is hurried: what is open is settled in its own time, and then the books are compared.
package soak
