"""What `python -m service` can do, one command per file."""
