package api

import (
	"maps"
	"net/url"

	"tillway/internal/orders"
)

// listResource is one page of a list, newest first.
type listResource struct {
	Object  string `json:"object"`
	Data    []any  `json:"data"`
	HasMore bool   `json:"has_more"`
	URL     string `json:"url"`
	Links   links  `json:"_links"`
}

// listOf makes a page, with the link to the one after it in the direction that was being read.
func listOf[T any](path string, q *query, page orders.Page, found orders.List[T], show func(T) (id string, resource any)) *answer {
	list := listResource{
		Object: "list", Data: make([]any, 0, len(found.Data)), HasMore: found.HasMore, URL: path,
		Links: links{"self": {Href: pageURL(path, q.accepted)}},
	}
	var first, last string
	for i, one := range found.Data {
		id, resource := show(one)
		list.Data = append(list.Data, resource)
		if last = id; i == 0 {
			first = id
		}
	}
	if found.HasMore && len(found.Data) > 0 {
		rel, cursor, id := "next", "starting_after", last
		if page.EndingBefore != "" {
			rel, cursor, id = "prev", "ending_before", first
		}
		values := maps.Clone(q.accepted)
		values.Set(cursor, id)
		list.Links[rel] = link{Href: pageURL(path, values)}
	}
	return &answer{Body: list}
}

// pageURL is the address of a list with the parameters in it, escaped and in a fixed order.
func pageURL(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}
