"""The client and its command against real service processes."""
