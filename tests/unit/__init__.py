"""No network, no containers, no sleeping; mirrors the source tree."""
