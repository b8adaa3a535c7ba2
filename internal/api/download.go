package api

import (
	"context"
	"io"
	"log/slog"
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"

	"tillway/internal/telemetry"
)

// file is an answer that is streamed. Name is what it is saved as.
type file struct {
	Name  string
	Write func(ctx context.Context, w io.Writer) error
}

// download is the adapter for files. What fails before the first byte is refused as everywhere; what fails later is cut off, and
// the kinds of files that are served are unreadable then.
func download(s *server, media string, handle func(ctx context.Context, in *call[none]) (*file, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer s.bound(c)()
		in, err := read[none](s, c)
		if err != nil {
			s.refuse(c, err)
			return
		}
		ctx := c.Request.Context()
		f, err := handle(ctx, in)
		if err != nil {
			s.refuse(c, err)
			return
		}
		header := c.Writer.Header()
		header.Set("Content-Type", media)
		header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
		c.Writer.WriteHeader(http.StatusOK)
		if err := f.Write(ctx, c.Writer); err != nil {
			telemetry.AddField(ctx, slog.Any("error", err))
			c.Abort()
		}
	}
}
