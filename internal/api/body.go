package api

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"tillway/internal/fault"
)

const (
	maxBody         = 1 << 20
	maxNotification = 256 << 10
	// maxExpected is the room that is made for a body before it arrives; few are larger.
	maxExpected = 8 << 10
)

// limitBody bounds what is read of a request, before anybody reads it.
func (s *server) limitBody(c *gin.Context) {
	limit := int64(maxBody)
	if s.routeOf(c).face == faceProvider {
		limit = maxNotification + 1 // the handler itself refuses the byte over its limit, in the provider's terms
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, limit)
}

func readBody(r *http.Request) ([]byte, error) {
	var body bytes.Buffer
	// What a caller says of the length is believed as far as it costs little.
	body.Grow(int(min(max(r.ContentLength, 0), maxExpected)) + bytes.MinRead)
	_, err := body.ReadFrom(r.Body)
	if err == nil {
		return body.Bytes(), nil
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, fault.New(fault.TooLarge, "body_too_large", "The body may have at most %d bytes.", maxBody)
	}
	return nil, fault.New(fault.Invalid, "parameter_invalid", "The body could not be read to its end.").Because(err)
}
