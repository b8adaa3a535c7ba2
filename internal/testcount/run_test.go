package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun_CountsAndSpeaksPlainly(t *testing.T) {
	t.Parallel()

	tests := []struct {
		name   string
		events []string
		green  bool
		last   string
		shows  []string
		hides  []string
	}{
		{
			name: "GroupsAreNotCounted",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestA/One"}`,
				`{"Action":"run","Package":"p","Test":"TestA/Two"}`,
				`{"Action":"output","Package":"p","Test":"TestA/Two","Output":"chatter\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA/One"}`,
				`{"Action":"pass","Package":"p","Test":"TestA/Two"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p","Elapsed":1.5}`,
				`{"Action":"skip","Package":"no/tests"}`,
			},
			green: true,
			last:  "2 passed, 0 failed",
			shows: []string{"ok   p", "1.50s  2 passed"},
			hides: []string{"chatter", "no/tests"},
		},
		{
			name: "AFailedSubtestIsOneFailureAndShownInFull",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestA/One"}`,
				`{"Action":"output","Package":"p","Test":"TestA/One","Output":"one: got 1, want 2\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA/One"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestB"}`,
				`{"Action":"pass","Package":"p","Test":"TestB"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			last:  "1 passed, 1 failed",
			shows: []string{"one: got 1, want 2", "FAIL p"},
		},
		{
			name: "AGroupThatFailsByItselfIsAFailure",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestA/One"}`,
				`{"Action":"pass","Package":"p","Test":"TestA/One"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			last: "1 passed, 1 failed",
		},
		{
			name: "ATestThatNeverEndedFailed",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"panic: test timed out\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			last:  "0 passed, 1 failed",
			shows: []string{"panic: test timed out"},
		},
		{
			name: "APackageThatDoesNotBuildFailsOnce",
			events: []string{
				`{"ImportPath":"p [p.test]","Action":"build-output","Output":"p.go:1: undefined: x\n"}`,
				`{"ImportPath":"p [p.test]","Action":"build-fail"}`,
				`{"Action":"start","Package":"p"}`,
				`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			},
			last:  "0 passed, 1 failed",
			shows: []string{"undefined: x"},
		},
		{
			name: "SkippedIsNotGreen",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"no database\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestB"}`,
				`{"Action":"pass","Package":"p","Test":"TestB"}`,
				`{"Action":"pass","Package":"p"}`,
			},
			last:  "1 passed, 0 failed, 1 skipped",
			shows: []string{"SKIP p.TestA", "no database", "must not be skipped"},
		},
		{
			name:   "NothingRanIsNotGreen",
			events: []string{`{"Action":"skip","Package":"p"}`},
			last:   "0 passed, 0 failed",
			shows:  []string{"no tests ran"},
		},
		{
			name: "AStreamThatBreaksOffIsAFailure",
			events: []string{
				`testenv: redis-server died`,
				`{"Action":"run","Package":"p","Test":"TestA"}`,
			},
			last:  "0 passed, 1 failed",
			shows: []string{"testenv: redis-server died", "p did not end"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			var out strings.Builder
			run := newRun()
			require.NoError(t, run.read(strings.NewReader(strings.Join(test.events, "\n")), &out))
			err := run.summarize(&out)
			if test.green {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, errNotGreen)
			}

			require.True(t, strings.HasSuffix(out.String(), "\n"+test.last+"\n"), out.String())
			for _, text := range test.shows {
				require.Contains(t, out.String(), text)
			}
			for _, text := range test.hides {
				require.NotContains(t, out.String(), text)
			}
		})
	}
}
