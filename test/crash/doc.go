// Package crash kills the real service while shoppers buy, and shows that every order ends true all the same.
//
// A run is a row of batches, a batch one or more rounds of kills (see Plan). Each batch has an installation of its own (see package world) with two replicas that serve and
// one that only works, real PostgreSQL and Redis, and the simulator of the provider. While shoppers buy, process after
// process is killed by SIGKILL: at a named point of the code or at a random moment, with one of the simulator's faults
// striking calls meanwhile. Then the shoppers finish, everything comes to rest, and the books of both sides are compared.
//
// Over the rounds every point meets every fault. The seed decides what is killed where under which fault, and what
// shoppers do; what the scheduler of the machine adds is chance, as it is in production.
package crash
