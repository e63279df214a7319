"""
The composition root: settings in, running objects out. The only importer of adapters.

    places        which S3, DynamoDB and Redis, and what chose them
    provisioning  make the bucket and the table, where no infrastructure program does
    build         clients, adapters, worker, janitor
    start_up      the checks before the first job, and their report
    health        whether the backing services answer, for /health/ready
    serving       listen, work, stop when told to

The command line gets the outside through here, so that the adapters have one importer.
"""

from service.adapters.embedded.stack import EmbeddedError, embedded_stack
from service.adapters.system.ambient import SystemClock, environment
from service.adapters.system.child import mortal
from service.adapters.system.private import hide_from_others
from service.wiring.build import build, ffmpeg_program
from service.wiring.health import Health
from service.wiring.provisioning import CannotProvision, prepare_embedded, provision
from service.wiring.serving import serve
from service.wiring.start_up import Report, StartError, log_report, run_checks

__all__ = [
    "CannotProvision",
    "EmbeddedError",
    "Health",
    "Report",
    "StartError",
    "SystemClock",
    "build",
    "embedded_stack",
    "environment",
    "ffmpeg_program",
    "hide_from_others",
    "log_report",
    "mortal",
    "prepare_embedded",
    "provision",
    "run_checks",
    "serve",
]
