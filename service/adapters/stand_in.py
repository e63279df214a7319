"""
``python -m service.adapters.stand_in -H HOST -p PORT``: moto's server, with conditional writes that are atomic.

moto answers every request on a thread of its own, and looks at a condition and writes in two steps between which
another thread may run. Ten claims at once had two winners in one round of seven; real DynamoDB has one, always. A lock
around its whole DynamoDB puts that right. S3 needs none: nothing here is decided by a condition on an object.
"""

import functools
import sys
import threading
from typing import Any

from moto.dynamodb.responses import DynamoHandler
from moto.server import main

ONE_AT_A_TIME = threading.Lock()


def make_atomic() -> None:
    """Let DynamoDB do one operation after the other."""
    answer = DynamoHandler.call_action

    @functools.wraps(answer)
    def alone(handler: Any) -> Any:
        with ONE_AT_A_TIME:
            return answer(handler)

    DynamoHandler.call_action = alone  # type: ignore[method-assign]


if __name__ == "__main__":
    make_atomic()
    main(sys.argv[1:])
