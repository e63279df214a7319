"""This process and this machine: time, randomness, environment, child processes, control groups."""
