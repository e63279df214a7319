import json

import httpx
import msgspec

from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.webhooks.notification import Notification
from service.testing.clock import NOON
from service.testing.factories import a_failure
from service.web.jobs.webhook import WebhookDocument, webhook_body
from tests.unit.web.conftest import World
from tests.unit.web.jobs.test_lists import ids, pages


def ended(world: World, job_id: str, notification: Notification | None, due_at: float = NOON, tenant: str = "") -> Job:
    """A job that has failed, with this notification."""
    job = world.job(
        job_id=job_id,
        state=State.FAILED,
        attempt=1,
        finished_at=NOON,
        failure=a_failure(),
        due_at=due_at,
        tenant=tenant,
    )
    if notification is not None:
        job = world.jobs.jobs[job_id] = job.notifying(notification, due_at)
    return job


async def test_job_tells_how_its_notification_is(world: World, api: httpx.AsyncClient) -> None:
    """The document of a job says how far its notification is; a job without one says nothing of it."""
    one, two, three = ids(3)
    ended(world, one, None)
    ended(world, two, Notification().taken("worker1").postponed("status_500"), NOON + 5)
    ended(world, three, Notification().taken("worker1").delivered(NOON + 1))

    assert "notification" not in (await api.get(f"/v1/jobs/{one}")).json()
    assert (await api.get(f"/v1/jobs/{two}")).json()["notification"] == {
        "id": f"{two}_failed",
        "state": "pending",
        "attempts": 1,
        "next_attempt_at": "2027-01-15T08:00:05Z",
        "last_error": "status_500",
    }
    assert (await api.get(f"/v1/jobs/{three}")).json()["notification"] == {
        "id": f"{three}_failed",
        "state": "delivered",
        "attempts": 1,
        "finished_at": "2027-01-15T08:00:01Z",
    }


async def test_dead_and_pending_notifications_are_listed(world: World, api: httpx.AsyncClient) -> None:
    """Those of the tenant that were given up come in pages, or those that wait; others are in no list."""
    everyone = ids(7)
    for n, job_id in enumerate(everyone[:4]):
        ended(world, job_id, Notification().taken("worker1").buried("timeout", NOON + n), NOON + n)
    ended(world, everyone[4], Notification())
    ended(world, everyone[5], Notification().delivered(NOON))
    ended(world, everyone[6], Notification().buried("timeout", NOON), tenant="another")

    dead = await pages(api, "/v1/notifications", "notifications", limit=3)
    assert [one["job_id"] for one in dead] == everyone[3::-1]
    assert dead[0]["links"] == {
        "job": f"/v1/jobs/{everyone[3]}", "resend": f"/v1/jobs/{everyone[3]}/notification"
    }  # fmt: skip
    assert (dead[0]["state"], dead[0]["job_state"], dead[0]["last_error"]) == ("dead", "failed", "timeout")
    pending = await pages(api, "/v1/notifications", "notifications", state="pending")
    assert [one["job_id"] for one in pending] == [everyone[4]]
    wrong = await api.get("/v1/notifications?state=lost")
    assert wrong.status_code in {400, 422}
    assert (await api.get("/v1/notifications?cursor=nonsense")).json()["code"] == "invalid_request"


async def test_notification_is_sent_again(world: World, api: httpx.AsyncClient) -> None:
    """A dead notification becomes due at once; for a job without one, or of another tenant, it is refused."""
    dead, silent, foreign = ids(3)
    ended(world, dead, Notification().taken("worker1").buried("timeout", NOON), NOON)
    ended(world, silent, None)
    ended(world, foreign, Notification().buried("timeout", NOON), tenant="another")

    again = await api.post(f"/v1/jobs/{dead}/notification")
    assert again.status_code == 202
    assert again.json()["notification"]["state"] == "pending"
    assert await world.jobs.due("", world.clock.wall(), 10) == [dead]
    refused = await api.post(f"/v1/jobs/{silent}/notification")
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    assert (await api.post(f"/v1/jobs/{foreign}/notification")).status_code == 404
    assert (await api.post("/v1/jobs/nonsense/notification")).status_code == 404


def test_body_is_the_same_in_each_attempt(world: World) -> None:
    """The body is the job as the API shows it, without what changes from one attempt to the next."""
    (job_id,) = ids(1)
    job = ended(world, job_id, Notification())
    body = webhook_body(job)

    assert body == webhook_body(job.notifying(Notification().taken("worker1").postponed("timeout"), NOON + 5))
    document = json.loads(body)
    assert (document["type"], document["timestamp"]) == ("job.failed", "2027-01-15T08:00:00Z")
    assert document["data"]["error"]["code"] == "bad_media"
    assert "notification" not in document["data"]
    assert msgspec.json.decode(body, type=WebhookDocument).data.job_id == job_id
