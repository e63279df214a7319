"""
How much memory one ffmpeg may have: a share of what the container may have. Pure.

The limit is RLIMIT_DATA, private memory that can be written to, because RLIMIT_AS counts what is only mapped: a stereo
file takes 0.6 GiB of address space, and a tenth of that in memory. Shared memory, which RLIMIT_DATA does not count, is
refused by the filter of system calls. What an output occupies in memory is bounded by its window.

If the container runs out of memory all the same, the kernel ends an ffmpeg first (`oom_score_adj`), not the service.
"""

from typing import Final

MIB: Final = 1 << 20

MOST: Final = 2048 * MIB
LEAST: Final = 256 * MIB  # all pairs of formats work with 192 on two cores; decoders have up to 16 threads
SERVICE: Final = 192 * MIB  # for the service itself, under load


def memory_for_one(limit: int | None, slots: int, window: int) -> int:
    """
    Return the bytes that each of `slots` ffmpegs may write to, in a container that may use `limit` (None: unknown).

    `window` is what the output of one occupies in memory. Never less than `LEAST`, with which any real file converts:
    a container with less than that for each slot has too many slots, and the kernel decides.
    """
    if limit is None:
        return MOST
    return max(LEAST, min(MOST, (limit - SERVICE) // slots - window))
