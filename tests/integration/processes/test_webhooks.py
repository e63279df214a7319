"""Webhooks by real service processes: killed in between, refused inside, listed and sent again."""

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from service.cli.sample import write_sample
from tests.support.cluster import Cluster, a_cluster, wait_for
from tests.support.receiver import OTHER_SECRET, SECRET, Message, Receiver, Send, a_receiver, answer


@pytest.fixture(scope="module")
def piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some music."""
    path = tmp_path_factory.mktemp("piece") / "piece.wav"
    write_sample(path, 1.0)
    return path


def endpoint(receiver: Receiver, allow: str) -> dict[str, str]:
    """Settings with this receiver, by a name that means the loopback interface, as the endpoint of the one tenant."""
    url = receiver.url("/hook?token=hidden-token", host="localhost")
    entry = {"url": url, "secrets": [SECRET, OTHER_SECRET]}
    return {"REPRISE_WEBHOOKS": json.dumps({"": entry}), "REPRISE_WEBHOOKS_ALLOW": allow}


def document(address: str, job_id: str) -> dict[str, Any]:
    """A job, as the API shows it: what is sent is that document."""
    return dict(httpx.get(f"{address}/v1/jobs/{job_id}", timeout=30).raise_for_status().json())


def make_due(cluster: Cluster, job_id: str) -> None:
    """Do what time would do: the lease of a notification, or its pause, is over."""
    table = boto3.resource(
        "dynamodb", endpoint_url=cluster.pointed["AWS_ENDPOINT_URL_DYNAMODB"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    ).Table(cluster.pointed["REPRISE_TABLE"])  # fmt: skip
    table.update_item(
        Key={"pk": f"job#{job_id}"}, UpdateExpression="SET due_at = :past", ExpressionAttributeValues={":past": 1}
    )
    table.meta.client.close()


def test_notification_survives_kills_and_goes_to_no_private_address(
    piece: Path, embedded_stack: Mapping[str, str]
) -> None:
    """
    A process that is killed while it sends leaves a notification that another one sends under the same id, signed; one
    that may not use private addresses opens no connection, by a name either; what failed is listed, and sent again.
    """
    with a_receiver() as receiver, a_cluster(embedded_stack, redis=False) as cluster:
        refusing = cluster.start(**endpoint(receiver, "http"))
        first = cluster.client(refusing)
        upload = first.upload(piece).upload_id
        refused = first.submit(upload, "flac").job_id
        wait_for(lambda: document(refusing.address, refused).get("notification", {}).get("last_error"), "an attempt")
        notification = document(refusing.address, refused)["notification"]
        assert (notification["state"], notification["last_error"]) == ("pending", "address_not_allowed")
        assert receiver.connections == 0
        refusing.stop()

        victim = cluster.start(**endpoint(receiver, "http,private"))

        def behave(message: Message, send: Send) -> None:
            if message.id != f"{refused}_succeeded" and victim.process.poll() is None:
                os.kill(victim.process.pid, signal.SIGKILL)
            send(answer(204))

        receiver.behave = behave
        killed = cluster.client(victim).submit(upload, "mp3").job_id
        wait_for(lambda: victim.process.poll() is not None, "the process is killed while it sends")
        address = cluster.start(**endpoint(receiver, "private,http")).address
        taken = document(address, killed)["notification"]
        assert (taken["state"], taken["attempts"]) == ("pending", 1)

        make_due(cluster, killed)
        wait_for(
            lambda: document(address, killed)["notification"]["state"] == "delivered", "the other process has sent it"
        )
        messages = [message for message in receiver.messages if message.id == f"{killed}_succeeded"]
        assert len(messages) == 2
        assert messages[0].body == messages[1].body
        told = messages[1].verified()
        assert told == messages[1].verified(OTHER_SECRET)
        shown = {name: value for name, value in document(address, killed).items() if name != "notification"}
        assert told == {"type": "job.succeeded", "timestamp": shown["finished_at"], "data": shown}

        waiting = httpx.get(f"{address}/v1/notifications?state=pending").json()["notifications"]
        if waiting:  # it may have been tried again meanwhile
            assert [one["job_id"] for one in waiting] == [refused]
        assert httpx.get(f"{address}/v1/notifications").json() == {"notifications": [], "next": None}
        assert httpx.post(f"{address}/v1/jobs/{refused}/notification").status_code == 202
        wait_for(lambda: document(address, refused)["notification"]["state"] == "delivered", "it is sent again")
        assert any(message.id == f"{refused}_succeeded" for message in receiver.messages)

        logs = "".join(service.log.read_text(errors="replace") for service in cluster.services)
        assert "notification.delivered" in logs
        assert "hidden-token" not in logs
        assert "whsec_" not in logs
