"""
A whole conversion by a client that is generated from the OpenAPI document: ``ADDRESS INPUT OUTPUT FORMAT``.

The client is the package `generated`, which has to be on the path. Prints a document: the job, and the code of a
refusal.
"""

# The package is made by the test that runs this; mypy does not have it.
# mypy: ignore-errors
# ruff: noqa: T201 - what it prints is its answer
import io
import json
import sys
from pathlib import Path

import httpx
from generated import Client
from generated.api.jobs import create_job, download_job, get_job
from generated.api.uploads import create_upload
from generated.models import DownloadJobVia, JobRequest, JobRequestOptions, State
from generated.types import File

address, source, output, wanted = sys.argv[1:]
client = Client(base_url=address, raise_on_unexpected_status=True)

upload = create_upload.sync(client=client, body=File(io.BytesIO(Path(source).read_bytes())), filename="song.wav")
options = JobRequestOptions.from_dict({"bitrate_kbps": 96})
job = create_job.sync(client=client, body=JobRequest(upload.upload_id, wanted, options))
while job.state in {State.QUEUED, State.RUNNING}:
    job = get_job.sync(job.job_id, client=client, wait=20)
link = download_job.sync(job.job_id, client=client, via=DownloadJobVia.LINK)
Path(output).write_bytes(httpx.get(link.url).raise_for_status().content)

refused = get_job.sync("none", client=client)
print(json.dumps({"job": job.to_dict(), "refused": refused.code}))
