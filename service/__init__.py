"""
Reprise: an audio-conversion service that can be killed at any moment, and picks the work up again.

The rooms, and who may know whom (held by import-linter, see `pyproject.toml`):

    core  ◀─  ports  ◀─  { adapters, worker, web }  ◀─  wiring  ◀─  cli  ◀─  __main__
                             │
    core  ◀─  telemetry  ◀───┘            settings  ◀─  { wiring, cli }

    core/       what is true of jobs, leases, progress and media: pure, standard library only
    ports/      what we need from the outside: jobs, objects, progress, a transcoder, a clock, ids
    telemetry/  every event that is logged, with its fields; metrics are counted from it
    adapters/   the outside, one folder per system: aws, dynamodb, s3, redis, ffmpeg, embedded, system
    worker/     the order in which a conversion is done: claim, steps, heartbeat, record; and the janitor
    web/        HTTP words: uploads, jobs, events, downloads, problems
    settings    environment in, frozen values out, all complaints at once
    wiring      settings in, running objects out; the only importer of adapters
    cli/        what `python -m service …` can do, one command per file
    testing/    fakes of the ports, under the same contract suites as the adapters; no product code imports them

Where does a line go? A rule about jobs: `core`. A call to something outside: `adapters`. The order in which things
are done: `worker`. HTTP words: `web`. What joins them: `wiring`.
"""

__version__ = "0.1.0"
