package renewals

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tillway/internal/failpoint"
	"tillway/internal/ids"
	"tillway/test/world"
)

// act does to the cast what is due.
func (r *run) act(ctx context.Context, now time.Time) error {
	for _, s := range r.stories {
		for s.Begun && len(s.Done) < len(s.Acts) && !s.at(s.Acts[len(s.Done)]).After(now) {
			act := s.Acts[len(s.Done)]
			if err := r.do(ctx, s, act); err != nil {
				return fmt.Errorf("%s of %s: %w", act.Do, s.Name, err)
			}
		}
	}
	return nil
}

// do does one act and notes when it was answered. Whoever ends the contract of a subscription that is canceled dies over it.
func (r *run) do(ctx context.Context, s *Story, act Act) error {
	path, body := "/v1/subscriptions/"+s.ID, map[string]any{}
	switch act.Do {
	case Decline:
		return r.decline(ctx, s, act)
	case NewCard:
		if err := r.giveCard(ctx, s); err != nil {
			return err
		}
		return r.done(ctx, s)
	case CancelNow:
		path, body["at_period_end"] = path+"/cancel", false
		if err := r.killer.arm(r.ends(), false); err != nil {
			return err
		}
	case CancelAtEnd:
		path, body["at_period_end"] = path+"/cancel", true
	case Pause, Resume:
		path += "/" + string(act.Do)
	}
	if err := r.client.post(ctx, path, world.Storefront, "", body, nil); err != nil {
		return err
	}
	if err := r.done(ctx, s); err != nil {
		return err
	}
	if act.Do != CancelNow {
		return nil
	}
	if err := r.clock.quiet(ctx); err != nil {
		return err
	}
	return r.killer.over()
}

// ends is at which point somebody dies over the next contract that ends.
func (r *run) ends() failpoint.Name {
	if r.killer.died[failpoint.ContractEnded] < r.killer.died[failpoint.ContractBeforeEnd] {
		return failpoint.ContractEnded
	}
	return failpoint.ContractBeforeEnd
}

// done notes that an act was answered, now.
func (r *run) done(ctx context.Context, s *Story) error {
	d, err := r.clock.due(ctx)
	s.Done = append(s.Done, d.now)
	return err
}

// decline has the provider decline what comes next.
func (r *run) decline(ctx context.Context, s *Story, act Act) error {
	id, err := ids.Parse[ids.SubscriptionEntity](s.ID)
	if err != nil {
		return fmt.Errorf("read the id of a subscription: %w", err)
	}
	var contract string
	err = r.world.DB.QueryRow(ctx,
		"SELECT contract_id FROM subscription_contracts WHERE subscription_id = $1 AND status = 'active'", id.UUID()).Scan(&contract)
	if err != nil {
		return fmt.Errorf("find the contract: %w", err)
	}
	if err := r.world.Provider.Decline(ctx, contract, act.Code, act.Times); err != nil {
		return err
	}
	return r.done(ctx, s)
}

// cancelSome cancels a few that have no more acts before them, until somebody has died at each point of a contract's end.
func (r *run) cancelSome(ctx context.Context) error {
	for _, s := range r.stories {
		if r.killer.died[failpoint.ContractBeforeEnd] > 0 && r.killer.died[failpoint.ContractEnded] > 0 {
			return nil
		}
		if !s.Begun || !s.EndsAt.IsZero() || len(s.Done) < len(s.Acts) || slices.ContainsFunc(s.Acts, decisive) {
			continue
		}
		last := Act{Do: CancelNow}
		s.Acts = append(s.Acts, last)
		if err := r.do(ctx, s, last); err != nil {
			return fmt.Errorf("cancel %s: %w", s.Name, err)
		}
	}
	return nil
}

// decisive tells whether an act leaves nothing to cancel, or something that is owed.
func decisive(a Act) bool { return a.Do == Decline || a.Do == CancelNow || a.Do == CancelAtEnd }
