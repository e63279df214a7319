"""Clients that well-known generators make from the OpenAPI document."""
