"""
The defaults of what operators can set, each stated once.

The settings and the configuration of the room that a number is for both take it from here; neither may import the
other. Times are seconds, sizes bytes.
"""

from typing import Final

GIB: Final = 1024**3

SLOTS: Final = 1  # conversions at once in one process
LEASE: Final = 6.0  # how long a silent worker keeps its job
HEARTBEAT: Final = 2.0  # how often a lease is renewed
MARGINS_OF_A_LEASE: Final = 6  # trust ends this part of a lease before its end

JANITOR_INTERVAL: Final = 300.0  # between two rounds
JANITOR_GRACE: Final = 3600.0  # how long leftovers are spared

MAX_CONNECTIONS: Final = 2000  # of clients, in one process; fewer where descriptors are few
HEADER_SECONDS: Final = 10.0  # for the first byte of a connection, and for a whole head of a request
IDLE_SECONDS: Final = 75.0  # between two requests of a connection; longer than the 60 s of an ALB
BODY_GRACE_SECONDS: Final = 20.0  # of silence in the middle of a body; its pace counts against them
MIN_BODY_RATE: Final = 6554  # bytes a second: 64 KiB in ten seconds
STALL_SECONDS: Final = 30.0  # in which a client reads nothing of its answer; its pace counts against them
MIN_READ_RATE: Final = 2048  # bytes a second

MAX_MEMORY_PERCENT: Final = 90  # in use; beyond it nothing new is begun
MAX_QUEUED: Final = 1000  # jobs that may wait, in the whole service
MAX_UPLOADS: Final = 32  # received at once by one process, whole ones and parts
MAX_OPEN_UPLOADS: Final = 1000  # of one tenant, begun and not complete
MAX_STREAMS: Final = 1000  # event streams and waits that are open at one process
MAX_STREAMS_PER_TENANT: Final = 100  # of these, of one tenant
MAX_UPLOAD_BYTES: Final = 5 * GIB
MAX_OUTPUT_BYTES: Final = 20 * GIB
TIME_TO_LIVE: Final = 86400  # after which uploads and jobs are gone
