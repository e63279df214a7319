"""The HTTP face: thin handlers over the ports, problem documents, server-sent events."""
