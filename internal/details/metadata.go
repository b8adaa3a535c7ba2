package details

import (
	"maps"
	"unicode/utf8"

	"tillway/internal/fault"
)

// Limits of API.md §1; lengths are in characters.
const (
	maxMetadataPairs = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// Metadata is the merchant's own key-value data: at most 50 pairs of 40/500 characters.
type Metadata map[string]string

// Check refuses metadata beyond its limits, or with a card number in it. It returns a fault Invalid.
func (m Metadata) Check() error {
	if len(m) > maxMetadataPairs {
		return fault.InvalidParam("metadata", "metadata has at most %d keys.", maxMetadataPairs)
	}
	for key, value := range m {
		if err := RefuseCard("metadata", key, value); err != nil { // first: the other refusals name the key
			return err
		}
		if key == "" || utf8.RuneCountInString(key) > maxMetadataKey || !isStorable(key) {
			return fault.InvalidParam("metadata", "A metadata key has 1 to %d characters.", maxMetadataKey)
		}
		if utf8.RuneCountInString(value) > maxMetadataValue || !isStorable(value) {
			return fault.InvalidParam("metadata."+key, "A metadata value has at most %d characters.", maxMetadataValue)
		}
	}
	return nil
}

// Patch changes the merchant's own words on a resource: a nil Description leaves it, a nil metadata value removes its key,
// ClearMetadata removes all keys first.
type Patch struct {
	Description   *string
	Metadata      map[string]*string
	ClearMetadata bool
}

// Apply returns the description and metadata that the patch makes of the present ones. It returns a fault Invalid.
func (p Patch) Apply(description string, metadata Metadata) (string, Metadata, error) {
	if p.Description != nil {
		description = *p.Description
	}
	merged := Metadata{}
	if !p.ClearMetadata {
		maps.Copy(merged, metadata)
	}
	for key, value := range p.Metadata {
		if value == nil {
			delete(merged, key)
		} else {
			merged[key] = *value
		}
	}
	if err := CheckText("description", description, MaxDescription); err != nil {
		return "", nil, err
	}
	return description, merged, merged.Check()
}
