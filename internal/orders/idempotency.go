package orders

import "tillway/internal/idempotency"

// Idempotency is the caller's key for one request.
type Idempotency = idempotency.Claim
