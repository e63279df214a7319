"""Histories of the system under faults: what was seen, and whether it keeps every promise. Knows no service code."""
