"""Hiding this process from others of the same user: its memory, its environment, its open files."""

import ctypes
import os

PR_SET_DUMPABLE = 4


def hide_from_others() -> None:
    """
    Let no other process of this user look in, by /proc, ptrace or pidfd_getfd. Raises OSError if the kernel refuses.

    The process itself still reads its own /proc/self, but for the few files that only their owner may read: they belong
    to root now. It writes no core dump, and a debugger needs CAP_SYS_PTRACE. Programs that it starts are not hidden.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
