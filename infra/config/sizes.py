"""
Which vCPU and memory go together. The API models allow any pair; the services do not.

App Runner: https://docs.aws.amazon.com/apprunner/latest/dg/architecture.html (vCPU and memory configurations).
Fargate: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html.
"""

from collections.abc import Mapping

APP_RUNNER: Mapping[float, tuple[float, ...]] = {
    0.25: (0.5, 1),
    0.5: (1,),
    1: (2, 3, 4),
    2: (4, 6),
    4: (8, 10, 12),
}

FARGATE: Mapping[float, tuple[float, ...]] = {
    0.25: (0.5, 1, 2),
    0.5: (1, 2, 3, 4),
    1: tuple(range(2, 9)),
    2: tuple(range(4, 17)),
    4: tuple(range(8, 31)),
}

CPUS = tuple(FARGATE)
MEMORIES = tuple(sorted({memory for memories in FARGATE.values() for memory in memories}))


def units(cpu: float) -> str:
    """VCPUs as both services want them: 1024 to a vCPU."""
    return str(int(cpu * 1024))


def megabytes(memory: float) -> str:
    """GB as both services want them, in MB."""
    return str(int(memory * 1024))
