// Package casefile puts the file of a dispute together: everything on record that a merchant may hand in to show that a charge
// was in order, in one zip. It owns which files there are and their names; what is in them comes from the orders, their timeline,
// and the provider's messages as they are stored, which is without card numbers, codes and tokens.
//
// The files, all of them UTF-8:
//
//	dispute.json, order.json, payments.json, refunds.json   the resources as they are now
//	three_ds.json                                           how the cardholder was authenticated, attempt by attempt
//	timeline.json, timeline.txt                             the order's story, for programs and for people
//	messages/…                                              what the provider said, and the SHA-256 of each message as it came
//	manifest.json                                           name, size and SHA-256 of every file before it
//
// A file that was cut short has no manifest and cannot be opened as a zip at all.
package casefile

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"tillway/internal/orders"
	"tillway/internal/page"
	"tillway/internal/timeline"
	"tillway/internal/webhooks"
)

const (
	batch = 100
	// maxMessages bounds the messages of each kind; an order has a handful. The manifest says when there are more.
	maxMessages = 1000
	// maxPages bounds the pages of the story, each of a hundred events.
	maxPages = 50
)

// Inbox is where the provider's notifications are: webhooks.Receiver, or what a test makes of it.
type Inbox interface {
	List(ctx context.Context, f webhooks.Filter, p page.Request) (page.List[webhooks.Notification], error)
}

// File is the file of one dispute, before its messages are read.
type File struct {
	orders   *orders.Service
	inbox    Inbox
	dispute  orders.Dispute
	history  orders.History
	story    timeline.Timeline
	now      time.Time
	complete bool
}

// Open reads what the file is about. Nothing has been written when it fails.
func Open(ctx context.Context, service *orders.Service, inbox Inbox, d orders.Dispute, now time.Time) (*File, error) {
	f := &File{orders: service, inbox: inbox, dispute: d, now: now.UTC(), complete: true}
	next := orders.Page{Limit: batch}
	for number := 1; ; number++ {
		h, err := service.History(ctx, d.Order, next)
		if err != nil {
			return nil, fmt.Errorf("file of dispute %s: %w", d.ID, err)
		}
		told := timeline.Tell(h, now)
		f.story.Data = append(f.story.Data, told.Data...)
		if f.history = h; !h.MoreEvents || number == maxPages {
			f.story.Object, f.story.Order, f.story.Next, f.story.HasMore = told.Object, told.Order, told.Next, told.HasMore
			f.complete = !h.MoreEvents
			return f, nil
		}
		next.StartingAfter = h.Events[len(h.Events)-1].ID.String()
	}
}

// Name is what the file is called.
func (f *File) Name() string { return f.dispute.ID.String() + "-evidence.zip" }

// Write streams the file. What a failure leaves behind is no zip that can be opened.
func (f *File) Write(ctx context.Context, w io.Writer) error {
	out := &archive{zip: zip.NewWriter(w), at: f.now}
	for _, part := range []struct {
		name  string
		value any
	}{
		{"dispute.json", f.dispute.Resource()},
		{"order.json", f.history.Order.Resource()},
		{"payments.json", f.payments()},
		{"refunds.json", f.refunds()},
		{"three_ds.json", f.threeDS()},
		{"timeline.json", f.story},
	} {
		if err := out.addJSON(part.name, part.value); err != nil {
			return err
		}
	}
	if err := out.add("timeline.txt", []byte(storyText(f.story))); err != nil {
		return err
	}
	if err := f.writeMessages(ctx, out); err != nil {
		return err
	}
	if err := f.writeNotifications(ctx, out); err != nil {
		return err
	}
	if err := out.addJSON("manifest.json", manifest{
		Object: "dispute_evidence", Dispute: f.dispute.ID.String(), Order: f.dispute.Order.String(), Created: f.now.Unix(),
		Complete: f.complete, Files: out.files,
	}); err != nil {
		return err
	}
	if err := out.zip.Close(); err != nil {
		return fmt.Errorf("end the file of dispute %s: %w", f.dispute.ID, err)
	}
	return nil
}

// manifest lists the other files. Complete is false where there is more on record than the file holds.
type manifest struct {
	Object   string        `json:"object"`
	Dispute  string        `json:"dispute"`
	Order    string        `json:"order"`
	Created  int64         `json:"created"`
	Complete bool          `json:"complete"`
	Files    []listedEntry `json:"files"`
}

type listedEntry struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// archive writes files and keeps what the manifest says of them.
type archive struct {
	zip   *zip.Writer
	at    time.Time
	files []listedEntry
}

func (a *archive) addJSON(name string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return a.add(name, append(content, '\n'))
}

func (a *archive) add(name string, content []byte) error {
	file, err := a.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: a.at})
	if err == nil {
		_, err = file.Write(content)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	digest := sha256.Sum256(content)
	a.files = append(a.files, listedEntry{Name: name, Size: len(content), SHA256: hex.EncodeToString(digest[:])})
	return nil
}
