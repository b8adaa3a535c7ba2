package config

import "cmp"

// TraceExport is the protocol by which traces leave the process; none means that they do not.
type TraceExport string

// The protocols, named as OTEL_EXPORTER_OTLP_PROTOCOL names them.
const (
	TraceExportNone TraceExport = ""
	TraceExportGRPC TraceExport = "grpc"
	TraceExportHTTP TraceExport = "http/protobuf"
)

// TraceExport tells which exporter the OTEL_* variables ask for. Unlike the standard, which would export to localhost
// by default, nothing is exported until an endpoint or OTEL_TRACES_EXPORTER=otlp is set: most installations have no
// collector, and an exporter that nobody listens to fills the log.
func (c Config) TraceExport() TraceExport {
	wanted := c.OTelTracesExporter == "otlp" || c.OTelEndpoint != "" || c.OTelTracesEndpoint != ""
	if c.OTelDisabled || c.OTelTracesExporter == "none" || !wanted {
		return TraceExportNone
	}
	return TraceExport(cmp.Or(c.OTelTracesProtocol, c.OTelProtocol, string(TraceExportHTTP)))
}

func (k *checker) checkTraceExport(c Config) {
	switch c.OTelTracesExporter {
	case "", "none", "otlp":
	default:
		k.require(false, "OTEL_TRACES_EXPORTER", "is not supported ("+excerpt(c.OTelTracesExporter)+")",
			"write otlp or none")
	}
	for _, variable := range []struct{ name, value string }{
		{"OTEL_EXPORTER_OTLP_PROTOCOL", c.OTelProtocol},
		{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", c.OTelTracesProtocol},
	} {
		switch TraceExport(variable.value) {
		case TraceExportNone, TraceExportGRPC, TraceExportHTTP:
		default:
			k.require(false, variable.name, "is not supported ("+excerpt(variable.value)+")",
				"write grpc or http/protobuf")
		}
	}
}
