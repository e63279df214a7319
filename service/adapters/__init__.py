"""The outside, one system per file; each module here fulfils a Protocol of `service.ports`."""
