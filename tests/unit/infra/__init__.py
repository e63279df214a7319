"""Tests of the infrastructure program, without an engine and without a cloud."""
