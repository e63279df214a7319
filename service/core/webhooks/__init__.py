"""Notifications that a job has ended, as rules: states, retries, endpoints, addresses, signatures."""
