"""
Reprise: an audio-conversion service that can be killed at any moment, and picks the work up again.

The rooms, and which may import which (held by import-linter, see `pyproject.toml`):

    core  ◀─  ports  ◀─  { application  ◀─  web, adapters, worker }  ◀─  wiring  ◀─  cli  ◀─  __main__
                             │
    core  ◀─  telemetry  ◀───┘            settings  ◀─  { wiring, cli }      telemetry  ◀─  story  ◀─  cli

    core/                what is true of jobs, leases, progress and media: pure, standard library only
        errors/          every error there is, as one tree
        limits/          how much of anything one tenant, one process or one client may take
        jobs/            a job's states, its lease, its place in the queue, its progress
        media/           formats, options, ffmpeg's arguments and log
            containers/  just enough of each container format to recognise a file
            labels/      what tags say to people: title, artist, cover
        webhooks/        notifications that a job has ended: states, retries, addresses, signatures
    ports/               what we need from the outside: records, objects, hints, a transcoder, a clock, ids
    telemetry/           every event that is logged, with its fields; metrics are counted from it; hooks for traces
    adapters/            the outside, one folder per system
        aws/             clients, errors and circuits that S3 and DynamoDB share
        dynamodb/        jobs and uploads as items of one table
        s3/              objects of one bucket
        redis/           hints: fresh progress, wake-ups
        ffmpeg/          one conversion
            output/      the window over ffmpeg's output, sent to S3 part by part
            sandbox/     what ffmpeg may call, read and use up, and the script that enters it
        embedded/        S3, DynamoDB and Redis as child processes
        otel/            spans of requests, attempts and calls to AWS, sent by OTLP where that is on
        webhooks/        posts notifications, to addresses that were checked
        system/          this process and this machine: time, chance, environment, child processes
    application/         the use cases of the API without HTTP: receive, submit, follow, cancel, download, admission
    worker/              the order in which a conversion is done: claim, steps, heartbeat, record; and the janitor
        fleet/           what it knows of the others: who is there, which of their jobs it watches, who has died
    web/                 HTTP words
        http/            what holds for every route: middleware, authentication, parameters, problem documents
        uploads/         taking bytes in
        jobs/            submit, view, events, download
        operations/      health, status, metrics
        page/            the built-in page
    settings/            environment in, frozen values out, all complaints at once
    story/               log lines in, the life of a job out: pure
    wiring/              settings in, running objects out; the only importer of adapters
    cli/                 what `python -m service …` can do, one command per file; they talk to a service by `reprise`
    testing/             fakes of the ports; no product code imports them
        contracts/       what each port promises, as tests for fakes and adapters
            jobs/        … of records, leases and the queue
            objects/     … of uploads, outputs and housekeeping

Where does a line go? A rule about jobs: `core`. What a caller may do, and in which order: `application`. A call to
something outside: `adapters`. The order in which a conversion is done: `worker`. HTTP words: `web`. What joins them:
`wiring`.
"""

__version__ = "0.1.0"
