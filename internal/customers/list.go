package customers

import (
	"context"

	"tillway/internal/ids"
	"tillway/internal/page"
)

// Filter selects customers; zero fields select all. Email is compared without regard to case.
type Filter struct {
	Email   string
	Created page.TimeRange
}

// List returns a page of the customers that are not deleted, newest first. An unknown cursor is a fault Invalid.
func (s *Service) List(ctx context.Context, f Filter, p page.Request) (page.List[Customer], error) {
	k, err := page.Keyset[ids.CustomerEntity](p, "customers")
	if err != nil {
		return page.List[Customer]{}, err
	}
	k.Where("deleted_at IS NULL AND %s", true)
	page.Equal(&k, "email <> '' AND lower(email) = lower(%s)", f.Email)
	f.Created.Where(&k)
	return page.Read(ctx, s.pool, k, fromRow, s.queries.CustomerExists)
}
