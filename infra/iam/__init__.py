"""Policies as data: pure functions from what is known (`facts`, ARNs) to IAM documents. No Pulumi in here."""
