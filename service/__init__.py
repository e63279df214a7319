"""
Reprise: an audio-conversion service that can be killed at any moment, and picks the work up again.

The rooms, and which may import which (held by import-linter, see `pyproject.toml`):

    core  ◀─  ports  ◀─  { application  ◀─  web, adapters, worker }  ◀─  wiring  ◀─  cli  ◀─  __main__
                             │
    core  ◀─  telemetry  ◀───┘            settings  ◀─  { wiring, cli }

    core/         what is true of jobs, leases, progress and media: pure, standard library only
    ports/        what we need from the outside: jobs, objects, progress, a transcoder, a clock, ids
    telemetry/    every event that is logged, with its fields; metrics are counted from it
    application/  the use cases of the API without HTTP: receive, submit, follow, cancel, download, admission
    adapters/     the outside, one folder per system: aws, dynamodb, s3, redis, ffmpeg, embedded, system
    worker/       the order in which a conversion is done: claim, steps, heartbeat, record; and the janitor
    web/          HTTP words, one folder per group of addresses: uploads, jobs, operations, page; and http for all
    settings/     environment in, frozen values out, all complaints at once
    wiring/       settings in, running objects out; the only importer of adapters
    cli/          what `python -m service …` can do, one command per file
    testing/      fakes of the ports, under the same contract suites as the adapters; no product code imports them

Where does a line go? A rule about jobs: `core`. What a caller may do, and in which order: `application`. A call to
something outside: `adapters`. The order in which a conversion is done: `worker`. HTTP words: `web`. What joins them:
`wiring`.
"""

__version__ = "0.1.0"
