package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"
	"time"
)

// binding is one card that the provider keeps for a customer of the merchant. The number is gone: facts and behavior stand
// for it, as on a transaction.
type binding struct {
	id          string
	tokenID     string
	custID      string
	month, year string
	card        cardFacts
	behavior    behavior
	createdAt   time.Time
	removed     bool
}

// vault keeps the latest bindings, removed ones included, so that the books can show them.
type vault struct {
	mu         sync.Mutex
	all        recent[*binding]
	byID       map[string]*binding
	byToken    map[string]*binding
	byCustomer map[string][]*binding
}

func newVault(keep int) *vault {
	v := &vault{all: recent[*binding]{limit: keep}}
	v.reset()
	return v
}

func (v *vault) reset() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all.clear()
	v.byID, v.byToken, v.byCustomer = map[string]*binding{}, map[string]*binding{}, map[string][]*binding{}
}

// keep adds a binding under a new token: the same card twice makes two of them [sim].
func (v *vault) keep(b binding) binding {
	var token [32]byte
	_, _ = rand.Read(token[:]) // never fails (crypto/rand)
	b.tokenID = hex.EncodeToString(token[:])
	v.mu.Lock()
	defer v.mu.Unlock()
	v.byID[b.id], v.byToken[b.tokenID] = &b, &b
	v.byCustomer[b.custID] = append(v.byCustomer[b.custID], &b)
	if oldest, full := v.all.add(&b); full {
		v.forget(oldest)
	}
	return b
}

func (v *vault) forget(b *binding) {
	delete(v.byID, b.id)
	delete(v.byToken, b.tokenID)
	rest := slices.DeleteFunc(v.byCustomer[b.custID], func(other *binding) bool { return other == b })
	if len(rest) == 0 {
		delete(v.byCustomer, b.custID)
		return
	}
	v.byCustomer[b.custID] = rest
}

// find is the card behind a token, unless it is removed or another customer's.
func (v *vault) find(tokenID, custID string) (binding, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.byToken[tokenID]
	if b == nil || b.removed || b.custID != custID {
		return binding{}, false
	}
	return *b, true
}

// faultOf is the fault of the card behind a token.
func (v *vault) faultOf(tokenID string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if b := v.byToken[tokenID]; b != nil {
		return b.behavior.fault
	}
	return ""
}

// of is what a customer has, the oldest first.
func (v *vault) of(custID string) []binding {
	v.mu.Lock()
	defer v.mu.Unlock()
	var kept []binding
	for _, b := range v.byCustomer[custID] {
		if !b.removed {
			kept = append(kept, *b)
		}
	}
	return kept
}

// remove ends a binding; false when there is none to end.
func (v *vault) remove(id string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.byID[id]
	if b == nil || b.removed {
		return false
	}
	b.removed = true
	return true
}

// BookedToken is one card that was bound, without anything that could be charged.
type BookedToken struct {
	ID             string    `json:"id"`
	MerchantCustID string    `json:"merchantCustId"`
	CardBrand      string    `json:"cardBrand"`
	CardLast4      string    `json:"cardLast4"`
	Month          string    `json:"month"`
	Year           string    `json:"year"`
	Removed        bool      `json:"removed"`
	CreatedAt      time.Time `json:"createdAt"`
}

func (v *vault) booked() []BookedToken {
	v.mu.Lock()
	defer v.mu.Unlock()
	tokens := make([]BookedToken, 0, len(v.all.entries))
	for _, b := range v.all.entries {
		tokens = append(tokens, BookedToken{
			ID: b.id, MerchantCustID: b.custID, CardBrand: b.card.brand, CardLast4: b.card.last4,
			Month: b.month, Year: b.year, Removed: b.removed, CreatedAt: b.createdAt.UTC(),
		})
	}
	return tokens
}
