"""
In place of AWS: moto's server or LocalStack for most of it, and in front whatever answers what neither knows.

REPRISE_AWS_EMULATOR names that, as a command: it is started with ``--port PORT --moto URL``, answers App Runner, ECS
Express Mode and serverless caches, and hands everything else on. Without it a program that uses these is skipped.
"""

import shlex
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.wiring import mortal
from tests.support.cluster import wait_for
from tests.support.moto import start_moto
from tests.support.redis_server import free_port

VARIABLE = "REPRISE_AWS_EMULATOR"
OF_MOTO = ("budgets", "cloudwatch", "dynamodb", "ec2", "ecr", "iam", "kms", "logs", "s3", "secretsmanager", "sns",
           "ssm", "sts", "appautoscaling")  # fmt: skip
OF_LOCALSTACK = ("cloudwatch", "dynamodb", "ec2", "iam", "kms", "logs", "s3", "secretsmanager", "sns", "ssm", "sts")
IN_FRONT = ("apprunner", "ecs", "elasticache")  # of which moto knows a part


@dataclass(frozen=True, slots=True)
class Emulator:
    """
    Addresses: the object store and the table are asked directly, since bytes go through them.

    `localstack` answers in moto's place for what it knows (`OF_LOCALSTACK`); None where there is none.
    """

    moto: str
    front: str
    localstack: str | None = None

    @property
    def data(self) -> str:
        """Where bucket and table are."""
        return self.localstack or self.moto

    @property
    def endpoints(self) -> Mapping[str, str]:
        """As `aws:endpoints` has them: the address of each service."""
        local = {} if self.localstack is None else dict.fromkeys(OF_LOCALSTACK, self.localstack)
        return {**dict.fromkeys(OF_MOTO, self.moto), **dict.fromkeys(IN_FRONT, self.front), **local}


@contextmanager
def emulator(environment: Mapping[str, str]) -> Iterator[Emulator]:
    """Both, for as long as the block lasts; skips without the one in front."""
    command = environment.get(VARIABLE, "")
    if not command:
        pytest.skip(f"nothing answers for App Runner and ECS Express Mode: {VARIABLE} names no command")
    with start_moto(MOTO_IAM_LOAD_MANAGED_POLICIES="true") as moto, _in_front(command, moto, environment) as front:
        yield Emulator(moto, front)


@contextmanager
def _in_front(command: str, moto: str, environment: Mapping[str, str]) -> Iterator[str]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="reprise-emulator-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as sink:
            child = subprocess.Popen(
                mortal([*shlex.split(command), "--port", str(port), "--moto", moto]),
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=dict(environment),
            )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: child.poll() is not None or _listens(port), f"{command} listens")
            if child.poll() is not None:
                raise RuntimeError(
                    f"{command} ended with {child.returncode}:\n{log.read_text(errors='replace')[-2000:]}"
                )
            yield address
        finally:
            child.kill()
            child.wait()


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0
