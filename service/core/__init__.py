"""What is true of jobs, leases, progress and media: pure, standard library only."""
