"""HTTP to the endpoints of tenants."""
