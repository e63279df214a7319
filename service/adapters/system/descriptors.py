"""The limit of file descriptors of this process, raised as far as the platform lets it."""

import contextlib
import resource
from pathlib import Path


def raise_descriptor_limit() -> int:
    """
    Raise the soft limit to the hard one, and return what holds then.

    Many shells and some platforms start with 1,024, which is kept for programs that use `select`; none here does.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # a platform that refuses leaves us with what there is
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return descriptor_limit()


def descriptors_in_use() -> int:
    """Return how many descriptors this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # without the one that lists them


def descriptor_share() -> float | None:
    """Return the share of the descriptors of this process that is in use; None where the platform does not tell."""
    try:
        return round(descriptors_in_use() / descriptor_limit(), 3)
    except OSError:
        return None


def descriptor_limit() -> int:
    """Return how many descriptors this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else soft
