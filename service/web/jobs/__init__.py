"""Routes about jobs: submit, look, cancel, events, download."""
