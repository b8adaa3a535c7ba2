// Package world is a small installation of the real thing for tests and tools that look at it from outside: processes of
// the service behind one address, the simulator of the provider, PostgreSQL and Redis.
//
// It owns that they start, are killed, come back and end. What is asked of them, and what must hold, is its callers'.
package world
