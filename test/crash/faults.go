package crash

import (
	"context"
	"fmt"

	"tillway/internal/sandbox"
	"tillway/test/world"
)

// share is how many of the provider's calls a fault strikes while it is ordered.
const share = 0.5

// delays shorten the waits of faults that have one, in milliseconds, so that a batch comes to rest soon. None may outlast
// the time after which the service believes that there is no such payment.
func delays() map[string]int64 {
	return map[string]int64{
		"slow": 1500, "processing": 800, "late_success": 800, "late_notification": 1500, "query_lag": 1500,
	}
}

// Where the provider takes refunds, captures and voids, opens checkout sessions and keeps cards (Onerway contract §8.2, §8.5, §8.8,
// §8.9). Faults are made for sales, and strike there too.
const (
	refundPath   = "/v1/txn/onlineRefund"
	endingPath   = "/v1/txn/authPayment"
	checkoutPath = "/txn/payment"
	keepPath     = "/v1/txn/bindCard"
)

// strike orders a fault in the place of the one before.
func strike(ctx context.Context, provider *world.Provider, fault string) error {
	if err := provider.DisarmAll(ctx); err != nil || fault == noFault {
		return err
	}
	order := sandbox.Fault{Name: fault, Times: -1, Rate: share, DelayMS: delays()[fault]}
	if err := provider.Arm(ctx, order); err != nil {
		return err
	}
	for _, path := range []string{refundPath, endingPath, checkoutPath, keepPath} {
		order.Match.Path = path
		if err := provider.Arm(ctx, order); err != nil {
			return err
		}
	}
	return nil
}

// cards are what shoppers pay with: cards that pay, that ask for the bank's page, that are declined, and that bring a fault
// of their own. Those that hide a late success or a notification are left to the ordered faults, of which one strikes at a
// time: together they would hide money from every batch but by its last look.
func cards() []string {
	cards := []string{
		"4242424242424242", "4242424242424242", "4242424242424242", "4242424242424242", "4761344136141390", "2221008123677736",
		"4000020951595032", "4000000000001091", "4000000000001109", "4000000000001117", // the bank's page
		"4000000000000002", "4000000000009995", "4000009900000012", // declined
	}
	for _, fault := range []int{
		103, 111, 129, 137, 145, 152, 160, 178, 186, 194, 202, 210, 228, // the answer
		236, 251, 269, 293, 301, // the outcome and the notification
	} {
		cards = append(cards, fmt.Sprintf("400000990000%04d", fault))
	}
	return cards
}
