"""
What a service stands on: LocalStack, Valkey, and the links to them. Started once for all scenarios of a run.

LocalStack keeps its state in memory: it is paused, slowed or cut off, never restarted. Each scenario has a bucket and
a table of its own in it.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from chaos.ambient import wait_for
from chaos.stack import HINTS, OBJECTS, RECORDS
from chaos.stack.engine import Box, Engine
from chaos.stack.proxies import API_PORT, Links

ROOT = Path(__file__).resolve().parents[2]
COLD_START = 300.0  # seconds for LocalStack, on a busy machine
S3_PORT, REDIS_PORT, REFUSING_PORT = 4566, 6379, 8080
REFUSING = b"server { listen 8080; client_max_body_size 0; location / { return 503; } }\n"


def images() -> dict[str, str]:
    """Return what `images.env` pins, by name."""
    lines = (ROOT / "images.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class Backing:
    """The dependencies, and the clients with which a run looks at what is stored."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        names = images()
        with ThreadPoolExecutor(4) as pool:
            localstack = pool.submit(
                engine.box, "localstack", names["LOCALSTACK_IMAGE"], ports={S3_PORT: None},
                environment={"SERVICES": "s3,dynamodb", "EAGER_SERVICE_LOADING": "1", "DYNAMODB_IN_MEMORY": "1",
                             "LS_LOG": "warn"},
            )  # fmt: skip
            valkey = pool.submit(
                engine.box, "valkey", names["VALKEY_IMAGE"],
                command=["valkey-server", "--save", "", "--appendonly", "no", "--protected-mode", "no"],
            )  # fmt: skip
            toxiproxy = pool.submit(engine.box, "toxiproxy", names["TOXIPROXY_IMAGE"], ports={API_PORT: None})
            refusing = pool.submit(
                engine.box, "refusing", names["NGINX_IMAGE"], files={"/etc/nginx/conf.d/default.conf": REFUSING}
            )
        self.boxes: dict[str, Box] = {
            OBJECTS: localstack.result(),
            RECORDS: localstack.result(),
            HINTS: valkey.result(),
        }
        self._others = [toxiproxy.result(), refusing.result()]
        upstreams = {
            OBJECTS: f"localstack:{S3_PORT}",
            RECORDS: f"localstack:{S3_PORT}",
            HINTS: f"valkey:{REDIS_PORT}",
        }
        self.links = Links(
            f"http://127.0.0.1:{toxiproxy.result().port(API_PORT)}", upstreams, f"refusing:{REFUSING_PORT}"
        )
        self.endpoint = f"http://127.0.0.1:{localstack.result().port(S3_PORT)}"
        config = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 3})
        session = boto3.session.Session("test", "test", region_name="us-east-1")
        self.s3: Any = session.client("s3", endpoint_url=self.endpoint, config=config)
        self.dynamodb: Any = session.client("dynamodb", endpoint_url=self.endpoint, config=config)

    def wait(self) -> None:
        """Come back when S3 and DynamoDB answer."""
        health = f"{self.endpoint}/_localstack/health"
        wait_for(lambda: httpx.get(health, timeout=5).is_success, "LocalStack is healthy", within=COLD_START)
        wait_for(self._answers, "S3 and DynamoDB answer", within=COLD_START)

    def harm(self, dependency: str, how: str) -> bool:
        """Do something to a dependency: `kill`, `pause` or `flush`. False if another fault has stopped it already."""
        box = self.boxes[dependency]
        if box.state()["Status"] != "running":
            return False
        if how == "kill":
            if dependency != HINTS:
                raise ValueError("LocalStack keeps its state in memory: killed, it has lost every record")
            box.kill()
        elif how == "pause":
            box.pause()
        elif how == "flush":
            box.run("valkey-cli", "flushall")
        else:
            raise ValueError(f"{how!r} cannot be done to {dependency}")
        return True

    def restore(self, dependency: str) -> None:
        """Undo `harm`."""
        box = self.boxes[dependency]
        box.thaw()
        if box.state()["Status"] == "exited":
            box.start()

    def close(self) -> None:
        """Remove the containers."""
        self.s3.close()
        self.dynamodb.close()
        self.links.close()
        for box in {*self.boxes.values(), *self._others}:
            box.remove()

    def _answers(self) -> bool:
        return self.s3.list_buckets() is not None and self.dynamodb.list_tables() is not None
