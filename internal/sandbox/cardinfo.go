package sandbox

import (
	"regexp"
	"strconv"
	"time"
)

var cvvShape = regexp.MustCompile(`^[0-9]{3,4}$`)

// wireCard is cardInfo as it travels. It lives for one request and is never stored.
type wireCard struct {
	HolderName string `json:"holderName"`
	CardNumber string `json:"cardNumber"`
	Month      string `json:"month"`
	Year       string `json:"year"`
	CVV        string `json:"cvv"`
}

// readCard checks the card and keeps what it stands for in place of it.
func (s *Server) readCard(req *saleRequest, params map[string]any) error {
	var card wireCard
	if err := decodeNested("cardInfo", param(params, "cardInfo"), &card); err != nil {
		return err
	}
	if !luhnValid(card.CardNumber) {
		return refuse(codeInvalidCard, "invalid card number")
	}
	if err := s.checkExpiry(card.Month, card.Year); err != nil {
		return err
	}
	if !cvvShape.MatchString(card.CVV) {
		return refuse(codeRejected, "cardInfo.cvv must have 3 or 4 digits")
	}
	if card.HolderName == "" || (s.cfg.Strict && len(card.HolderName) > 48) {
		return refuse(codeRejected, "cardInfo.holderName is required, at most 48 characters")
	}
	number := card.CardNumber
	req.expMonth, req.expYear = card.Month, card.Year
	req.card = cardFacts{number[:6], number[len(number)-4:], brandOf(number), card.HolderName}
	req.behavior = s.cards[number]
	return nil
}

// checkExpiry compares with the month that the provider is in.
func (s *Server) checkExpiry(month, year string) error {
	y, err := strconv.Atoi(year)
	if (len(year) != 2 && len(year) != 4) || err != nil || y < 0 {
		return refuse(codeInvalidYear, "year must have 2 or 4 digits")
	}
	m, err := strconv.Atoi(month)
	if err != nil || m < 1 || m > 12 || (s.cfg.Strict && len(month) != 2) {
		return refuse(codeRejected, "cardInfo.month must be 01 to 12")
	}
	if cardExpired(month, year, s.now()) {
		return refuse(codeCardExpired, "card expired")
	}
	return nil
}

// cardExpired compares a card's month, as it was sent and found good, with the one that the provider is in.
func cardExpired(month, year string, at time.Time) bool {
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	if len(year) == 2 {
		y += 2000
	}
	at = at.In(zone())
	return y < at.Year() || (y == at.Year() && m < int(at.Month()))
}
