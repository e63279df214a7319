"""What every AWS service has in common: clients, errors, circuits, and what is to be created."""
