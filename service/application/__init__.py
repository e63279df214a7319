"""The use cases: what the service does for a caller, as functions over the ports, without a word of HTTP."""
