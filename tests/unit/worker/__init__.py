"""Tests of `service.worker`, in virtual time."""
