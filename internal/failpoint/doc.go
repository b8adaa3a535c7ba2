// Package failpoint names the places at which the crash test ends a process, and ends it there.
//
// It is compiled in by the build tag `failpoint`. Without it Hit is an empty function that the compiler removes together
// with the name it was given, and Transport returns what it was given: the product carries neither code nor names.
//
// With it, a process obeys the order in the file that TILLWAY_FAILPOINT_ORDER names: a point and a count, such as
// "pay/after-t1 3", on which the third passing of that point ends the process by SIGKILL. An order that is replaced or
// removed counts anew, so a running process can be armed at any moment.
package failpoint

// OrderVariable names the environment variable that holds the path of the file with the order.
const OrderVariable = "TILLWAY_FAILPOINT_ORDER"
