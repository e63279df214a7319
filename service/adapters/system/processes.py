"""What is known of other processes of this host."""

from pathlib import Path


def process_lives(pid: int) -> bool:
    """Tell whether there is a process of this number, among those that this one can see."""
    return Path(f"/proc/{pid}").exists()
