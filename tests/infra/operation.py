"""
``python -m tests.infra.operation preview|up|refresh|destroy``: one operation on a stack, with the program of the tree.

The stack is named on standard input; the last line of standard output says what was done to each resource. The program
runs inline, as the Automation API has it, so that no language host is needed. Warnings are errors here as in all tests.
"""

import dataclasses
import json
import runpy
import sys
import warnings
from pathlib import Path

from pulumi import automation

from service.wiring import environment
from tests.infra.engine import PROJECT, Place, Step


def program() -> None:
    """Run infra/, as `pulumi up` does."""
    runpy.run_module("infra", run_name="__main__")


def main(verb: str, request: dict[str, object]) -> int:
    """Do it; returns the exit code."""
    place = Place(str(request["name"]), Path(str(request["folder"])), environment())
    stack = automation.select_stack(stack_name=place.name, project_name=PROJECT, program=program, opts=place.options())
    events: list[automation.EngineEvent] = []
    operation = getattr(stack, verb)
    try:
        result = operation(on_event=events.append, color="never", **dict(request["options"]))  # type: ignore[call-overload]
    except automation.CommandError as error:
        sys.stderr.write(str(error))
        return 1
    outputs = {name: output.value for name, output in getattr(result, "outputs", {}).items()}
    answer = {"steps": [dataclasses.asdict(step) for step in steps(events)], "outputs": outputs}
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
    return 0


def steps(events: list[automation.EngineEvent]) -> list[Step]:
    """What was done to each resource."""
    found: dict[tuple[str, str], Step] = {}
    for event in events:
        about = event.resource_pre_event or event.res_outputs_event
        if about is not None:
            seen, did = about.metadata, str(about.metadata.op.value)
            because = tuple(sorted(seen.diffs or seen.keys or ()))
            found[(seen.urn, did)] = Step(seen.type, seen.urn.rsplit("::", 1)[1], did, because)
    return list(found.values())


if __name__ == "__main__":
    warnings.simplefilter("error")
    # Names that pulumi-aws keeps for old programs, said when it is imported.
    warnings.filterwarnings("ignore", r"\S+ has been deprecated in favor of \S+$", DeprecationWarning)
    sys.exit(main(sys.argv[1], json.load(sys.stdin)))
