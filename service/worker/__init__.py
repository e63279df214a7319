"""The order in which a conversion is done: claim, steps under a heartbeat, record."""
