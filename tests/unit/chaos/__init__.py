"""Tests of `service.core`: tables walked whole, arithmetic by properties."""
