"""
How many file descriptors a process may spend on connections of clients. Pure.

All of them come out of one limit. What a conversion and the calls to AWS and Redis need is set apart first, because a
worker that cannot open a socket loses its lease.
"""

from service.core import defaults

ENOUGH = 4096  # below this limit, less than what is set may be all that a process can take; operators are told
RESERVE = 256  # S3, DynamoDB and Redis with their pools, requests that S3 is asked for, and the interpreter itself
OF_A_SLOT = 16  # pipes, memory files and the connections of one conversion


def connections_within(limit: int, slots: int, wanted: int = defaults.MAX_CONNECTIONS) -> int:
    """Return how many connections fit under a limit of descriptors: `wanted`, or what the reserve leaves."""
    return min(wanted, max(limit // 4, limit - RESERVE - OF_A_SLOT * slots))
