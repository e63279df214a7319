"""What is true of a job: its states, its lease, its place in the queue, its progress, and how an attempt ends."""
