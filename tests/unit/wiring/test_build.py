"""What worker and requests share: nothing that one of them could fill."""

import asyncio
import threading

import pytest

from service import settings, wiring
from service.core.errors import CircuitOpen, Unavailable
from service.testing.clock import settle

CONFIGURED = {
    "REPRISE_BUCKET": "audio",
    "REPRISE_TABLE": "jobs",
    "REPRISE_API_KEYS": "none",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
MANY = 200  # calls, more than there are threads


def refuse() -> None:
    """A service that is away."""
    raise Unavailable


@pytest.mark.requirement("6.7")
async def test_no_request_can_take_a_thread_a_client_or_the_circuit_of_the_worker() -> None:
    """While every thread of the requests hangs and their circuits are open, the worker's calls are made at once."""
    service = wiring.build(settings.read(CONFIGURED), CONFIGURED)
    for_requests = (service.dynamodb, service.aws)
    for_worker = (service.leases._table._aws, service.worker_objects._bucket.aws)
    assert service.jobs._table._client is not service.leases._table._client
    assert service.objects._bucket.client is not service.worker_objects._bucket.client
    going_on = threading.Event()
    hanging = [asyncio.create_task(aws.run(going_on.wait)) for aws in for_requests for _ in range(MANY)]
    try:
        await settle()  # they take their threads
        async with asyncio.timeout(60):
            assert [await aws.run(threading.current_thread) for aws in for_worker]
            for aws in for_requests:
                for _ in range(20):
                    with pytest.raises(Unavailable):
                        aws.call_guarded(refuse)
                with pytest.raises(CircuitOpen):
                    aws.call_guarded(refuse)
            assert [await aws.run(threading.current_thread) for aws in for_worker]
    finally:
        going_on.set()
        await asyncio.gather(*hanging, return_exceptions=True)
        for aws in (*for_requests, *for_worker):
            aws.close()
        for objects in (service.objects, service.worker_objects):
            await objects.aclose()
