"""Tests of the command `reprise`, without any network."""
