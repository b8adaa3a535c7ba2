// Package program builds the real binary and runs it in processes of its own, for tests and tools that look at it from
// outside. It is not for production.
//
// What it holds to:
//
//   - A process has its own group and exactly the environment that it is given; what it writes goes to a file.
//   - No process outlives the one that started it, not even when that is killed by SIGKILL, and Scrap is removed then: a
//     watcher sees to it.
package program
