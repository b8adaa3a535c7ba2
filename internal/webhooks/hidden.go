package webhooks

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"tillway/internal/cards"
	"tillway/internal/onerway"
	"tillway/internal/postgres/dbsqlc"
)

// hidden is what a stored notification's text hides although applying it needs it: by these a card can be charged. They are sealed
// for as long as the notification waits to be applied.
type hidden struct {
	ContractID string `json:"contractId,omitempty"`
	TokenID    string `json:"tokenId,omitempty"`
}

// hiddenOf is what the notification hides, as a text that shows itself to nobody; zero for nothing.
func hiddenOf(n onerway.Notification) (cards.Token, error) {
	if n.ContractID.Empty() && n.TokenID.Empty() {
		return cards.Token{}, nil
	}
	text, err := json.Marshal(hidden{ContractID: n.ContractID.Reveal(), TokenID: n.TokenID.Reveal()})
	if err != nil {
		return cards.Token{}, fmt.Errorf("write down what a notification hides: %w", err) // not reached: these are texts
	}
	return cards.NewToken(string(text)), nil
}

// seal is what a row keeps of what its notification hides, nil for nothing.
func (r *Receiver) seal(row uuid.UUID, hidden cards.Token) []byte {
	if hidden.IsZero() || r.config.Sealer == nil {
		return nil
	}
	return r.config.Sealer.Seal(row, hidden)
}

// unhide gives a stored notification back what its text hides. One that was applied has nothing left of it, and needs nothing.
func (r *Receiver) unhide(row dbsqlc.Notification, n *onerway.Notification) error {
	if len(row.Sealed) == 0 || r.config.Sealer == nil {
		return nil
	}
	text, err := r.config.Sealer.Open(row.ID, row.Sealed)
	if err != nil {
		return err
	}
	var h hidden
	if err := json.Unmarshal([]byte(text.Reveal()), &h); err != nil {
		return fmt.Errorf("read what notification %s hides: %w", row.ID, err) // not reached: we wrote it
	}
	n.ContractID, n.TokenID = onerway.Conceal(h.ContractID), onerway.Conceal(h.TokenID)
	return nil
}
