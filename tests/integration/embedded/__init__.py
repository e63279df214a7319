"""The embedded stack, which stands in for AWS on a laptop."""
