"""Tests of `service.story`."""
