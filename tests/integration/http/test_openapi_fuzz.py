"""The OpenAPI document, held against the running service by a fuzzer."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from service.adapters.system.ambient import environment
from tests.support.bodies import BODIES
from tests.support.cluster import a_cluster

CONFIG = Path(__file__).with_name("schemathesis.toml")
ID = "uploaduploaduploadupload"
ENDLESS = "followJob"  # a stream of events: an answer to it takes longer than a fuzzer waits


@pytest.mark.requirement("8.3")
def test_answers_to_any_request_are_as_the_openapi_document_says(
    embedded_stack: Mapping[str, str], tmp_path: Path
) -> None:
    """Whatever requests the document allows or forbids, the answers are as it says, and no body makes a 5xx."""
    with a_cluster(embedded_stack) as cluster:
        service = cluster.start()
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
        command += [f"{service.address}/schema/openapi.json", "--exclude-operation-id", ENDLESS]
        command += ["--max-examples", "20", "--request-timeout", "20", "--generation-database", "none", "--no-color"]
        command += ["--seed", "1"]  # a search that finds something new belongs to a developer, not to CI
        done = subprocess.run(
            command, cwd=tmp_path, env=dict(environment()), capture_output=True, text=True, timeout=280, check=False
        )

        odd = odd_bodies(service.address)
        mistakes = [event for event in service.events() if event["event"] == "service.unexpected"]

    assert (odd, mistakes) == ([], [])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def odd_bodies(address: str) -> list[tuple[str, str, int]]:
    """What answered a 5xx to a body that no document allows: name of the body, path and status."""
    found = []
    with httpx.Client(base_url=address, timeout=20) as client:
        document = client.get("/schema/openapi.json").json()
        takers = [
            (method, path.replace("{upload_id}", ID).replace("{job_id}", ID).replace("{part_number}", "1"))
            for path, methods in document["paths"].items()
            for method in methods
            if method in {"post", "put", "delete", "patch"}
        ]
        for name, body in BODIES.items():
            for method, path in takers:
                headers = {"Content-Type": "application/json"}
                answer = client.request(method, path, params={"key": "k"}, content=body, headers=headers)
                if answer.status_code >= 500:
                    found.append((name, path, answer.status_code))
    return found
