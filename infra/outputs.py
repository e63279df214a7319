"""What a stack tells at its end: where everything is, how to try it, what it costs when nothing happens."""

from collections.abc import Mapping

from pulumi import Output

from infra.config.model import Config
from infra.costs.model import idle, total
from infra.hosting import Api, Loop
from infra.parts import Parts


def outputs(stack: Config, parts: Parts, service: Api, worker: Loop | None, dashboard: str) -> Mapping[str, object]:
    """By name. Nothing in here is a secret, or grants anything."""
    logs = {"api": service.log_group} | ({} if worker is None else {"worker": worker.log_group})
    found: dict[str, object] = {
        "url": service.url,
        "bucket": parts.storage.bucket,
        "table": parts.jobs.table,
        "region": stack.region,
        "image": parts.image.reference,
        "dashboard": dashboard,
        "log_groups": logs,
        "idle_usd_a_month": f"{total(idle(stack)):.2f}",
        "commands": {
            "health": Output.concat("curl -fsS ", service.url, "/health/ready"),
            "smoke": Output.concat(
                "REPRISE_API_KEY=... python -m infra.smoke ",
                service.url,
                " --log-group ",
                service.log_group,
                " --dashboard '",
                dashboard,
                "'",
            ),
            "logs": Output.concat("aws logs tail --follow --region ", stack.region, " ", service.log_group),
        },
        "kept_after_destroy": _kept(stack, parts, service),
    }
    if parts.registry is not None:
        found["registry"] = parts.registry.url
    if not stack.express:
        found["limit_logs"] = Output.concat(
            f"aws logs put-retention-policy --region {stack.region} --retention-in-days {stack.log_days} ",
            "--log-group-name ",
            service.log_group,
        )
    return found


def _kept(stack: Config, parts: Parts, service: Api) -> list[Output[str]]:
    """What `pulumi destroy` leaves, by name: nothing that is ours in development."""
    kept: list[Output[str]] = []
    if stack.protect:
        kept += [Output.concat("bucket ", parts.storage.bucket), Output.concat("table ", parts.jobs.table)]
    if not stack.express:
        kept.append(Output.concat("log group ", service.log_group))
    return kept
