// Package ids gives every entity its own identifier type: a UUIDv7 in the database, a TypeID such as
// ord_01jz3q8t9kf0p8v6m2c4x5y7za outside (API.md §1). The types differ per entity, so an order's id cannot be passed
// for a payment's.
package ids

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.jetify.com/typeid/v2"
)

// ErrMalformed is returned for text that is not an identifier of the wanted entity.
var ErrMalformed = errors.New("malformed identifier")

// Entity is implemented by the marker types below; it gives an ID its prefix.
type Entity interface{ prefix() string }

// The marker types, one per entity.
type (
	// OrderEntity marks identifiers of orders.
	OrderEntity struct{}
	// PaymentEntity marks identifiers of payments.
	PaymentEntity struct{}
	// RefundEntity marks identifiers of refunds.
	RefundEntity struct{}
	// ModificationEntity marks identifiers of captures and voids.
	ModificationEntity struct{}
	// EventEntity marks identifiers of events.
	EventEntity struct{}
	// NotificationEntity marks identifiers of notifications from the provider.
	NotificationEntity struct{}
	// DiscrepancyEntity marks identifiers of discrepancies.
	DiscrepancyEntity struct{}
	// DisputeEntity marks identifiers of disputes.
	DisputeEntity struct{}
	// CustomerEntity marks identifiers of customers.
	CustomerEntity struct{}
	// PaymentMethodEntity marks identifiers of payment methods.
	PaymentMethodEntity struct{}
	// SubscriptionEntity marks identifiers of subscriptions.
	SubscriptionEntity struct{}
	// APIKeyEntity marks identifiers of API keys.
	APIKeyEntity struct{}
)

func (OrderEntity) prefix() string         { return "ord" }
func (PaymentEntity) prefix() string       { return "pay" }
func (RefundEntity) prefix() string        { return "re" }
func (ModificationEntity) prefix() string  { return "mod" }
func (EventEntity) prefix() string         { return "evt" }
func (NotificationEntity) prefix() string  { return "ntf" }
func (DiscrepancyEntity) prefix() string   { return "dsc" }
func (DisputeEntity) prefix() string       { return "dp" }
func (CustomerEntity) prefix() string      { return "cus" }
func (PaymentMethodEntity) prefix() string { return "pm" }
func (SubscriptionEntity) prefix() string  { return "sub" }
func (APIKeyEntity) prefix() string        { return "key" }

// The identifier types, one per entity.
type (
	// Order identifies an order (ord_…).
	Order = ID[OrderEntity]
	// Payment identifies a payment (pay_…).
	Payment = ID[PaymentEntity]
	// Refund identifies a refund (re_…).
	Refund = ID[RefundEntity]
	// Modification identifies a capture or void (mod_…); it is our reference at the provider.
	Modification = ID[ModificationEntity]
	// Event identifies an event (evt_…).
	Event = ID[EventEntity]
	// Notification identifies a notification from the provider (ntf_…).
	Notification = ID[NotificationEntity]
	// Discrepancy identifies a discrepancy (dsc_…).
	Discrepancy = ID[DiscrepancyEntity]
	// Dispute identifies a dispute (dp_…).
	Dispute = ID[DisputeEntity]
	// Customer identifies a customer (cus_…).
	Customer = ID[CustomerEntity]
	// PaymentMethod identifies a saved payment method (pm_…).
	PaymentMethod = ID[PaymentMethodEntity]
	// Subscription identifies a subscription (sub_…).
	Subscription = ID[SubscriptionEntity]
	// APIKey identifies an API key (key_…).
	APIKey = ID[APIKeyEntity]
)

// ID is the identifier of one kind of entity. The zero value means "none": NULL in the database, "" as text.
type ID[E Entity] struct{ value uuid.UUID }

// New draws a fresh identifier: UUIDv7 (RFC 9562 §5.7), so identifiers sort by creation. Used as ids.New[ids.OrderEntity]().
func New[E Entity]() ID[E] { return ID[E]{value: uuid.Must(uuid.NewV7())} }

// Derive makes the identifier of what must exist once, however often it is made: the same time and parts give the same
// identifier, in every process and for ever. Parts differ by where one ends and the next begins, too. It has the form of a
// UUIDv7 (RFC 9562 §5.7), so that it sorts by the time given, to the millisecond; what New draws at random is taken from
// SHA-256 of the parts, 74 bits of it. It says nothing of when it was drawn.
func Derive[E Entity](at time.Time, parts ...string) ID[E] {
	hash := sha256.New()
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	var u uuid.UUID
	copy(u[6:], hash.Sum(nil))
	var millis [8]byte
	binary.BigEndian.PutUint64(millis[:], uint64(at.UnixMilli()))
	copy(u[:6], millis[2:])
	u[6] = u[6]&0x0f | 0x70 // version 7
	u[8] = u[8]&0x3f | 0x80 // the variant of RFC 9562
	return ID[E]{value: u}
}

// From wraps a UUID that the database holds.
func From[E Entity](u uuid.UUID) ID[E] { return ID[E]{value: u} }

// FromNullable wraps a UUID that the database may not hold; nil gives the zero value.
func FromNullable[E Entity](u *uuid.UUID) ID[E] {
	if u == nil {
		return ID[E]{}
	}
	return ID[E]{value: *u}
}

// Parse reads the TypeID form. It returns ErrMalformed for anything else, another entity's prefix included.
func Parse[E Entity](text string) (ID[E], error) {
	parsed, err := typeid.Parse(text)
	if err != nil || parsed.Prefix() != prefixOf[E]() {
		return ID[E]{}, fmt.Errorf("%w: %.64q is not of the form %s_…", ErrMalformed, text, prefixOf[E]())
	}
	return ID[E]{value: uuid.UUID(parsed.Bytes())}, nil
}

func prefixOf[E Entity]() string {
	var e E
	return e.prefix()
}

// IsZero reports whether the identifier is absent.
func (id ID[E]) IsZero() bool { return id.value == uuid.Nil }

// UUID returns the form that the database stores.
func (id ID[E]) UUID() uuid.UUID { return id.value }

// Time returns when the identifier was drawn, to the millisecond and in real time, whatever a test clock says: a UUIDv7 bears
// it in its first 48 bits (RFC 9562 §5.7). Of a derived one it is the time that was given.
func (id ID[E]) Time() time.Time {
	var millis [8]byte
	copy(millis[2:], id.value[:6])
	return time.UnixMilli(int64(binary.BigEndian.Uint64(millis[:]))).UTC() //nolint:gosec // 48 bits
}

// Nullable returns the form that the database stores, nil for the zero value.
func (id ID[E]) Nullable() *uuid.UUID {
	if id.IsZero() {
		return nil
	}
	return &id.value
}

// String returns the TypeID form, "" for the zero value.
func (id ID[E]) String() string {
	if id.IsZero() {
		return ""
	}
	text, err := typeid.FromBytes(prefixOf[E](), id.value[:])
	if err != nil { // the prefixes above are valid and a UUID always encodes
		return ""
	}
	return text.String()
}

// MarshalText renders the TypeID form.
func (id ID[E]) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the TypeID form; empty text gives the zero value.
func (id *ID[E]) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID[E]{}
		return nil
	}
	parsed, err := Parse[E](string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
