"""Tests of the client: its flows are played step by step, without any network."""
