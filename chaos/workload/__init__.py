"""What clients do in a run: plans drawn from the seed, the files they convert, and the threads that play the plans."""
