package sandbox

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPageSize = 10
	maxPageSize     = 100
	longestRange    = 90 * 24 * time.Hour
)

// window is the page that a query asks for.
type window struct{ current, size int }

func (w window) offset() int { return (w.current - 1) * w.size }

// listTransactions answers /v1/txn/list.
func (s *Server) listTransactions(params map[string]any, _ string, p *plan) reply {
	sel, err := s.readSelection(params)
	if err != nil {
		return refused(err)
	}
	return s.page(params, sel, p, func(t transaction) object { return t.row(s.cfg.Sim) })
}

// queryPayments answers /v1/txn/queryPayments.
func (s *Server) queryPayments(params map[string]any, _ string, p *plan) reply {
	sel, err := s.readSelection(params)
	if err != nil {
		return refused(err)
	}
	sel.paymentsOnly = true
	return s.page(params, sel, p, transaction.intentRow)
}

// page answers a query: unsigned, and empty where nothing is known.
func (s *Server) page(params map[string]any, sel selection, p *plan, row func(transaction) object) reply {
	w, err := s.readWindow(params)
	if err != nil {
		return refused(err)
	}
	found, total, down := s.ledger.find(sel, s.now(), w.offset(), w.size)
	if down {
		p.refuseWith = http.StatusServiceUnavailable
		return reply{}
	}
	content := make([]object, 0, len(found))
	for _, t := range found {
		shown := row(t)
		if p.showStatus != "" {
			shown = shown.with("status", p.showStatus)
		}
		content = append(content, shown)
	}
	return reply{reason: success(), data: object{
		{"content", content},
		{"current", strconv.Itoa(w.current)},
		{"size", w.size},
		{"totalPages", (total + w.size - 1) / w.size},
		{"totalElements", total},
	}}
}

func (s *Server) readSelection(params map[string]any) (selection, error) {
	sel := selection{
		merchantTxnIDs: commaList(param(params, "merchantTxnIds")),
		transactionIDs: commaList(param(params, "transactionIds")),
		txnTypes:       commaList(param(params, "txnTypes")),
		paymentID:      param(params, "paymentId"),
	}
	start, end := param(params, "startTime"), param(params, "endTime")
	if start == "" && end == "" {
		switch {
		case !sel.byID():
			return selection{}, refuse(codeRejected, "merchantTxnIds, transactionIds or a time range is required")
		case len(sel.txnTypes) > 0 && s.cfg.Strict:
			return selection{}, refuse(codeRejected, "txnTypes needs startTime and endTime")
		}
		return sel, nil
	}
	var err error
	sel.from, sel.to, err = readRange(start, end, "startTime", "endTime")
	return sel, err
}

// readRange reads a time range that both names bound, whose last second counts whole: the end that it returns is exclusive.
func readRange(start, end, startName, endName string) (from, to time.Time, err error) {
	from, errFrom := time.ParseInLocation(wireTime, start, zone())
	to, errTo := time.ParseInLocation(wireTime, end, zone())
	switch {
	case errFrom != nil || errTo != nil:
		return from, to, refuse(codeRejected, "%s and %s must be yyyy-MM-dd HH:mm:ss", startName, endName)
	case to.Before(from) || to.Sub(from) > longestRange:
		return from, to, refuse(codeRejected, "%s must follow %s within 90 days", endName, startName)
	}
	return from, to.Add(time.Second), nil
}

// readWindow: 0 and 1 both mean the first page, answers count from 1.
func (s *Server) readWindow(params map[string]any) (window, error) {
	if s.cfg.Strict && param(params, "current") == "" {
		return window{}, refuse(codeRejected, "current is required")
	}
	current, errCurrent := strconv.Atoi(orElse(param(params, "current"), "1"))
	size, errSize := strconv.Atoi(orElse(param(params, "size"), strconv.Itoa(defaultPageSize)))
	if errCurrent != nil || errSize != nil || current < 0 || current > 1_000_000 || size < 1 || size > maxPageSize {
		return window{}, refuse(codeRejected, "current must be a page number, size 1 to %d", maxPageSize)
	}
	return window{current: max(current, 1), size: size}, nil
}

func commaList(raw string) []string {
	var items []string
	for item := range strings.SplitSeq(raw, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
