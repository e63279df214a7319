"""What a worker knows of the others: who is there, which of their jobs it watches, and who has died."""
