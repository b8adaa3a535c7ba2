// Package e2e tests the real binary from outside: the service, the simulator of the provider, PostgreSQL and Redis, each
// its own process, spoken to over HTTP alone.
//
// It owns the promises that only the whole can keep: that an order is charged once whatever fails meanwhile, that what we
// say is what the provider's books say, and that no card data stays anywhere. Rules and single answers are tested in the
// packages that own them. Every request and answer of the public API is held to the OpenAPI document on its way.
//
// Each test has a world of its own (see world): a fresh database, a simulator with its own books, and as many processes
// of the service as it asks for. What a process logged is shown when its test fails; with the race detector on, the
// binary is built with it too, and a race that it reports fails the test.
package e2e
