"""Tests of `service.wiring`: what is decided there without asking anybody."""
