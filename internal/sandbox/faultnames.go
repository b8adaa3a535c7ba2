package sandbox

// FaultNames lists every fault that can be ordered, for who wants to meet them all.
func FaultNames() []string {
	catalog := faultCatalog()
	names := make([]string, 0, len(catalog))
	for _, spec := range catalog {
		names = append(names, spec.name)
	}
	return names
}
