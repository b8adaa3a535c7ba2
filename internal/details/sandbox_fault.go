package details

import "regexp"

// sandboxFaultKey is the metadata key under which test data asks the provider's simulator to misbehave. Metadata does not
// travel to the provider; the gateway sends this one value along with the call.
const sandboxFaultKey = "sandbox_fault"

// sandboxFaultShape is all that may leave: names, options and numbers, nothing that could be personal or end a header.
var sandboxFaultShape = regexp.MustCompile(`^[A-Za-z0-9_=;,]{1,200}$`)

// SandboxFault is the fault that metadata asks for, the most specific metadata first: the first that has the key decides.
// Empty in live mode, and where the value is not of the shape.
func SandboxFault(livemode bool, metadata ...Metadata) string {
	if livemode {
		return ""
	}
	for _, m := range metadata {
		if value, set := m[sandboxFaultKey]; set {
			if sandboxFaultShape.MatchString(value) {
				return value
			}
			return ""
		}
	}
	return ""
}
