"""Routes for operators: health, status, metrics."""
