"""Tests of the tools that keep the house in order."""
