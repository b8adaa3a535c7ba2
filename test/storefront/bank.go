package storefront

import (
	"context"
	"time"
)

// Bank is the shoppers' bank, as the provider hears of it. Silent: the provider tells nobody unasked.
type Bank interface {
	// TakeBack has the bank take back an amount of a transaction, "" for all of it, or only warn that it may, and returns the
	// number of the case; "" where nothing is there to be taken.
	TakeBack(ctx context.Context, transaction string, minor int64, currency string, warns, silent bool) (string, error)
	// MoveCase gives a case its next status, in the provider's word.
	MoveCase(ctx context.Context, id, status string, silent bool) error
}

// casePause lies between the steps of a case.
const casePause = 200 * time.Millisecond

// courses are how cases go, in the provider's words.
func courses() [][]string {
	return [][]string{
		nil,
		{"FA"},
		{"FA", "FAS"},
		{"FA", "FAF"},
		{"FA", "FAT"},
		{"FA", "FAS", "SA", "SAF"},
		{"FA", "FAF", "SA", "SAS"},
		{"ACCEPT"},
		{"REVOKE"},
		{"FA", "REVOKE"},
	}
}

// complain has the shopper's bank take a payment back, now and then, while the shopper goes on; the channel closes when the bank is
// done.
func (p *shopper) complain(ctx context.Context, paid answer) <-chan struct{} {
	done := make(chan struct{})
	bank := p.shop.opts.Bank
	if bank == nil || paid.charge == "" || !p.chance(isDisputed) {
		close(done)
		return done
	}
	amount := paid.amount
	if !p.chance(wantsAll) {
		amount = 1 + p.random.Int64N(paid.amount)
	}
	warns, silent := p.chance(onlyWarns), p.chance(isSilent)
	course := courses()[p.random.IntN(len(courses()))]
	go func() { // ends with the case, for which the shopper waits
		defer close(done)
		id, err := bank.TakeBack(ctx, paid.charge, amount, "EUR", warns, silent && !warns)
		for _, status := range course {
			if err != nil || id == "" || warns {
				break
			}
			wait(ctx, casePause)
			err = bank.MoveCase(ctx, id, status, silent)
		}
		if err != nil && ctx.Err() == nil {
			p.shop.record.object("the bank of %s: %s", paid.id, err)
		}
	}()
	return done
}
