package api

import (
	"tillway/internal/fault"
	"tillway/internal/orders"
)

type threeDSBody struct {
	Strategy string   `json:"strategy"`
	MPI      *mpiBody `json:"mpi"`
}

type mpiBody struct {
	ECI       string `json:"eci" strict:"required"`
	CAVV      string `json:"cavv" strict:"required"`
	XID       string `json:"xid"`
	DSTransID string `json:"ds_trans_id"`
}

// Limits of the provider (Onerway contract §7).
const (
	maxECI     = 2
	maxMPIText = 128
)

// checkThreeDS refuses an authentication where there is no card, or where it is the provider's to decide.
func (b *createPaymentBody) checkThreeDS() error {
	switch {
	case b.ThreeDS == nil:
		return nil
	case b.PaymentMethod.Type == string(orders.MethodHosted):
		return fault.InvalidParam("three_ds", "The provider decides on the authentication of a hosted payment; leave three_ds out.")
	case b.PaymentMethod.Type == string(orders.MethodLocal):
		return fault.InvalidParam("three_ds", "3D Secure is for cards; leave three_ds out.")
	}
	return b.ThreeDS.checkShape()
}

func (b *threeDSBody) checkShape() error {
	if b == nil {
		return nil
	}
	switch orders.ThreeDSStrategy(b.Strategy) {
	case "", orders.ThreeDSAuto, orders.ThreeDSForce, orders.ThreeDSSkip:
	default:
		return fault.InvalidParam("three_ds.strategy", "three_ds.strategy must be auto, force or skip.")
	}
	if b.MPI == nil {
		return nil
	}
	const param = "three_ds.mpi."
	switch {
	case !isDigits(b.MPI.ECI, 1, maxECI):
		return fault.InvalidParam(param+"eci", "%seci must have one or two digits.", param)
	case b.MPI.CAVV == "":
		return fault.MissingParam(param + "cavv")
	case b.MPI.XID == "" && b.MPI.DSTransID == "":
		return fault.New(fault.Invalid, "parameter_missing",
			"%sds_trans_id (3DS 2) or %sxid (3DS 1) is required.", param, param).WithParam(param + "ds_trans_id")
	}
	for _, field := range []struct{ name, value string }{
		{"cavv", b.MPI.CAVV}, {"xid", b.MPI.XID}, {"ds_trans_id", b.MPI.DSTransID},
	} {
		if !isLine(field.value, maxMPIText) {
			return fault.InvalidParam(param+field.name, "%s%s must be text of at most %d characters.", param, field.name, maxMPIText)
		}
	}
	return nil
}

// threeDS is how the cardholder is to be authenticated; without a word, as the provider decides.
func (b *threeDSBody) threeDS() orders.ThreeDS {
	asked := orders.ThreeDS{Strategy: orders.ThreeDSAuto}
	if b == nil {
		return asked
	}
	if b.Strategy != "" {
		asked.Strategy = orders.ThreeDSStrategy(b.Strategy)
	}
	if mpi := b.MPI; mpi != nil {
		asked.MPI = &orders.MPI{ECI: mpi.ECI, CAVV: mpi.CAVV, XID: mpi.XID, DSTransID: mpi.DSTransID}
	}
	return asked
}
