"""
The guards on which the promises rest: each with the way in which it is broken here, and the tests that must go red.

The simulation has a table of its own (`tests/simulation/mutations.py`) for what only a whole history can show. Here is
what one test shows, among it all that the simulation cannot see: the conditions in DynamoDB, the script in Redis,
the bytes.
"""

from tests.mutations.bytes import BYTES
from tests.mutations.costs import COSTS
from tests.mutations.edge import BODIES, CONNECTIONS
from tests.mutations.infrastructure import INFRASTRUCTURE
from tests.mutations.logs import LOGS
from tests.mutations.neighbours import NEIGHBOURS
from tests.mutations.presence import PRESENCE
from tests.mutations.records import FENCES, IDEMPOTENCY, LISTS, PROGRESS
from tests.mutations.sandbox import CONFINEMENT
from tests.mutations.shares import SHARES
from tests.mutations.stories import STORIES
from tests.mutations.tree import Mutation
from tests.mutations.web import INTAKE, OPERATIONS, OWNERSHIP
from tests.mutations.webhooks import WEBHOOKS
from tests.mutations.workers import JANITORS, WORKERS

MUTATIONS: tuple[Mutation, ...] = (
    *FENCES, *WORKERS, *PRESENCE, *IDEMPOTENCY, *PROGRESS, *BYTES, *JANITORS, *OWNERSHIP, *INTAKE, *OPERATIONS, *COSTS,
    *CONFINEMENT, *SHARES, *NEIGHBOURS, *INFRASTRUCTURE, *CONNECTIONS, *BODIES, *LOGS, *STORIES,
    *LISTS, *WEBHOOKS,
)  # fmt: skip
