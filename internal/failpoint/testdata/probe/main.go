// Command probe passes one point, for the test that looks at what is left of it in a binary.
package main

import (
	"os"

	"tillway/internal/failpoint"
)

func main() {
	failpoint.Hit(failpoint.PayAfterT1)
	failpoint.Hit(failpoint.PayAfterT1)
	_, _ = os.Stdout.WriteString("alive")
}
