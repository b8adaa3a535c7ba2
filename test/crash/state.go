package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// State is what a run has done so far, kept after every batch so that one that was interrupted can go on.
type State struct {
	Seed    uint64   `json:"seed"`
	Kills   int      `json:"kills"`
	Commit  string   `json:"commit"`
	Started string   `json:"started"`
	Batches []Report `json:"batches"`
}

// LoadState reads a state; the error is fs.ErrNotExist when there is none.
func LoadState(path string) (State, error) {
	var s State
	raw, err := os.ReadFile(path) //nolint:gosec // our own file
	if err != nil {
		return s, fmt.Errorf("read the state of the run: %w", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("read the state of the run in %s: %w", path, err)
	}
	return s, nil
}

// Save writes the state so that it is there whole or not at all.
func (s State) Save(path string) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("keep the state of the run: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("keep the state of the run: %w", err)
	}
	if err := os.WriteFile(path+".part", raw, 0o600); err != nil {
		return fmt.Errorf("keep the state of the run: %w", err)
	}
	return os.Rename(path+".part", path)
}

// Forget removes a state.
func Forget(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the state of the run: %w", err)
	}
	return nil
}
