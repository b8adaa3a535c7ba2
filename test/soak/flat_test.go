package soak_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/test/soak"
)

func TestCurves_TellWhatGrowsFromWhatSwings(t *testing.T) {
	t.Parallel()
	var leaking, swinging []soak.Sample
	for i := range 60 {
		at := time.Duration(i) * time.Second
		leaking = append(leaking, soak.Sample{At: at, ResidentMB: 200, Goroutines: 300 + float64(10*i), Connections: 20})
		swinging = append(swinging, soak.Sample{
			At: at, ResidentMB: 200 + float64(10*(i%5)), Goroutines: 300 + float64(50*(i%3)), Connections: 20 + float64(i%2),
		})
	}
	for _, c := range soak.Curves(swinging) {
		require.True(t, c.Flat(), c.String())
	}
	curves := soak.Curves(leaking)
	require.True(t, curves[0].Flat())
	require.False(t, curves[1].Flat(), "ten goroutines a second are a leak: %s", curves[1])
	require.True(t, curves[2].Flat())
}
