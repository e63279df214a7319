"""OpenTelemetry: spans of requests, jobs, attempts and calls to AWS, sent by OTLP. Imported only where that is on."""
