"""The whole service in one process, in virtual time, under faults that a seed chooses; see `docs/simulation.md`."""
