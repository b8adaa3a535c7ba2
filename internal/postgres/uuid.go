package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// registerUUID makes pgx write and read uuid.UUID in binary. Left to itself it takes the type for a driver.Valuer and a
// sql.Scanner, and goes through text both ways.
func registerUUID(_ context.Context, conn *pgx.Conn) error {
	element := &pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}}
	conn.TypeMap().RegisterType(element)
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "_uuid", OID: pgtype.UUIDArrayOID, Codec: &pgtype.ArrayCodec{ElementType: element},
	})
	return nil
}

// uuidCodec is pgtype's codec with a short way for uuid.UUID.
type uuidCodec struct{ pgtype.UUIDCodec }

// PlanEncode writes a uuid.UUID, or what a *uuid.UUID points to, as its sixteen bytes. A nil pointer never comes here.
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if format == pgtype.BinaryFormatCode {
		switch value.(type) {
		case uuid.UUID, *uuid.UUID:
			return encodeUUID{}
		}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

// PlanScan reads sixteen bytes into a *uuid.UUID.
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return scanUUID{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type encodeUUID struct{}

// Encode appends the bytes.
func (encodeUUID) Encode(value any, buf []byte) ([]byte, error) {
	switch u := value.(type) {
	case uuid.UUID:
		return append(buf, u[:]...), nil
	case *uuid.UUID:
		return append(buf, u[:]...), nil
	}
	return nil, fmt.Errorf("encode %T as uuid", value)
}

type scanUUID struct{}

// Scan copies the bytes of a value that is not NULL.
func (scanUUID) Scan(src []byte, target any) error {
	u, ok := target.(*uuid.UUID)
	if !ok || len(src) != len(u) {
		return fmt.Errorf("scan %d bytes of uuid into %T", len(src), target)
	}
	copy(u[:], src)
	return nil
}
