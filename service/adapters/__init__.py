"""The outside, one folder per system; each holds what fulfils the protocols of `service.ports`."""
