package sandbox

import (
	"slices"
	"strconv"
	"time"
)

// listChargebacks answers /v1/chargeback/list: ten rows a page, oldest first [sim], unsigned. It lists neither pre-disputes
// nor what was deleted (Onerway contract §6: DELETE comes in notifications only).
func (s *Server) listChargebacks(params map[string]any, _ string, _ *plan) reply {
	want, err := s.readChargebackSelection(params)
	if err != nil {
		return refused(err)
	}
	w, err := s.readWindow(params)
	if err != nil {
		return refused(err)
	}
	found := s.chargebacks.chosen(func(c chargeback) bool { return !c.early && c.status != chargebackDeleted && want(c) })
	shown := found[min(w.offset(), len(found)):min(w.offset()+defaultPageSize, len(found))]
	content := make([]object, 0, len(shown))
	for _, c := range shown {
		content = append(content, c.row())
	}
	return reply{reason: success(), data: object{
		{"content", content},
		{"current", strconv.Itoa(w.current)},
		{"size", defaultPageSize},
		{"totalPages", (len(found) + defaultPageSize - 1) / defaultPageSize},
		{"totalElements", len(found)},
	}}
}

func (s *Server) readChargebackSelection(params map[string]any) (func(chargeback) bool, error) {
	ids, origins := commaList(param(params, "chargebackIds")), commaList(param(params, "originTransactionIds"))
	references := commaList(param(params, "merchantTxnIds"))
	start, end := param(params, "importTimeStart"), param(params, "importTimeEnd")
	if start == "" && end == "" && len(ids)+len(origins)+len(references) == 0 {
		return nil, refuse(codeRejected, "merchantTxnIds, originTransactionIds, chargebackIds or a time range is required")
	}
	var from, to time.Time
	if start != "" || end != "" {
		var err error
		if from, to, err = readRange(start, end, "importTimeStart", "importTimeEnd"); err != nil {
			return nil, err
		}
	}
	return func(c chargeback) bool {
		switch {
		case len(ids) > 0 && !slices.Contains(ids, c.id),
			len(origins) > 0 && !slices.Contains(origins, c.origin.id),
			len(references) > 0 && !slices.Contains(references, c.origin.merchantTxnID),
			!from.IsZero() && c.importedAt.Before(from),
			!to.IsZero() && !c.importedAt.Before(to):
			return false
		default:
			return true
		}
	}, nil
}
