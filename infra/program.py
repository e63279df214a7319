"""
An environment, put together: configuration in, resources and outputs out.

`deploy` is what `pulumi up` runs (`__main__`); a program of the Automation API may call it too.
"""

from collections.abc import Mapping

import pulumi
from pulumi.runtime import config as given

from infra import config
from infra.components.compute.scaling import QueueScaling, QueueScalingArgs
from infra.components.image import CannotBuild
from infra.components.storage import Cors
from infra.config.model import Config
from infra.config.rules import warnings
from infra.hosting import api, loop
from infra.outputs import outputs
from infra.parts import parts
from infra.watching.watch import Watch, WatchArgs


def deploy() -> None:
    """
    Read the stack's configuration, make everything, export the outputs.

    Raises `pulumi.RunError` before anything is made if the configuration is wrong, or asks for an image that cannot be
    built here: of that error alone Pulumi shows the text, and of any other a traceback.
    """
    try:
        stack = read()
        for warning in warnings(stack):
            pulumi.log.warn(warning)
        made = build(stack)
    except (config.ConfigError, CannotBuild) as error:
        raise pulumi.RunError(str(error)) from None
    for name, value in made.items():
        pulumi.export(name, value)


def read() -> Config:
    """The configuration that the engine hands over."""
    texts: dict[str, str] = {**given.get_config_env(), **given.CONFIG.get()}
    secrets = {*given.get_config_secret_keys_env(), *filter(given.is_config_secret, texts)}
    return config.read(texts, stack=pulumi.get_stack(), region=texts.get("aws:region", ""), secrets=secrets)


def build(stack: Config) -> Mapping[str, object]:
    """Make everything that this configuration asks for; returns the outputs."""
    shared = parts(stack)
    service, worker = api(stack, shared), loop(stack, shared)
    # The page at the service's own address talks to S3 directly, as those of the configured sites do.
    Cors(f"{stack.prefix}-cors", shared.storage.bucket, [*stack.cors_origins, service.url])
    watch = Watch(
        stack.prefix,
        WatchArgs(
            region=stack.region,
            stack=stack.stack,
            table=shared.jobs.table,
            api=service.dimensions,
            runner=not stack.express,
            worker=None if worker is None else worker.dimensions,
            webhooks=bool(stack.webhooks),
            topic_arn=stack.alarm_topic_arn,
            budget_usd=stack.budget_usd,
            budget_email=stack.budget_email,
        ),
    )
    if worker is not None:
        QueueScaling(f"{stack.prefix}-scaling", QueueScalingArgs(target=worker.target, namespace=watch.namespace))
    return outputs(stack, shared, service, worker, watch.link)
