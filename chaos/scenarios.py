"""
The table of scenarios: what is done to what, for how long, and what has to have happened.

Every scenario expects the same: all promises hold. What differs is `failures` of its workload (with which codes jobs
of an input may fail because of these faults) and `sometimes` (what must have happened at least once, or the run has
proved nothing).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chaos.nemesis import Injection, links, members, resources
from chaos.nemesis.faults import Fault
from chaos.stack.kit import Shape
from chaos.workload.plans import Mix, Workload

# What clients do in most scenarios.
USUAL = Mix(
    inputs=("song.wav", "song.wav", "song.mp3", "song.flac", "short.wav", "moov-at-end.m4a"),
    conversions=("mp3", "mp3-vbr", "flac", "wav", "wav-mono", "m4a", "aiff"),
    routes=("whole", "whole", "form", "parts", "relayed"),
    follow=("document", "progress", "progress", "wait", "events", "events"),
    downloads=("redirect", "proxy", "ranges"),
)
LONG = replace(USUAL, inputs=("long.wav", "song.wav", "song.mp3"))
# Half of the outputs are so large that a kill leaves parts behind, for the janitor and the next attempt to remove.
LARGE = replace(
    USUAL,
    inputs=("song.wav", "song.wav", "song.mp3", "song.mp3", "short.wav", "moov-at-end.m4a"),
    conversions=("wav-192k", "wav-192k", "wav-192k", "mp3", "flac", "m4a"),
    downloads=("redirect", "proxy"),
)
UPLOADS = replace(USUAL, inputs=("long.wav", "song.wav", "text.txt", "broken.flac"), routes=("parts", "relayed"))
HIT, TAKEN, MOVED = "fault_fell_into_a_conversion", "takeover_happened", "went_on_elsewhere"
SURVIVED, STALE, RETRIED = "interrupted_job_succeeded", "stale_write_was_refused", "retry_gave_the_same_job"


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    One way to treat the system badly.

    For `seconds` a fault comes `every` so many on average, first those of `first`. A slow machine, on which faults wait
    for conversions, may take `stretch` times as long; then the rest is left out. `short` says whether it is in the set
    of `make chaos`. `recovery` is the bound in seconds for an interrupted job to be in work again. `idle_freeze`
    freezes containers that have no request, as App Runner does.
    """

    name: str
    meaning: str
    faults: tuple[Fault[Injection], ...]
    seconds: float
    every: float
    workload: Workload
    first: tuple[Fault[Injection], ...] = ()
    shape: Shape = field(default_factory=Shape)
    sometimes: tuple[str, ...] = ()
    short: bool = False
    recovery: float = 60.0
    stretch: float = 2.0
    idle_freeze: bool = False
    versions: bool = False  # needs the older image too


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "kills",
        "100 kills at random over at least 50 jobs",
        faults=(members.KILL,),
        seconds=365,
        every=3.3,
        workload=Workload(USUAL, clients=6, jobs=50),
        shape=Shape(members=4),
        stretch=6.0,  # what counts is that there are a hundred
        sometimes=(HIT, TAKEN, MOVED, SURVIVED, RETRIED),
    ),
    Scenario(
        "some-kills",
        "kills at random, of one container and of all at once",
        faults=(members.KILL,),
        first=(members.KILL, members.KILL_ALL),
        seconds=35,
        every=3.0,
        workload=Workload(LARGE, clients=5, jobs=10),
        sometimes=(HIT, TAKEN, SURVIVED),
        short=True,
    ),
    Scenario(
        "zombies",
        "containers are frozen past their lease, and thaw",
        faults=(members.FREEZE, members.KILL),
        first=(members.FREEZE, members.FREEZE, members.FREEZE),
        seconds=32,
        every=5.0,
        workload=Workload(LONG, clients=5, jobs=6),
        sometimes=(HIT, TAKEN, STALE),
        short=True,
    ),
    Scenario(
        "owner",
        "the container that takes a job over is killed too, again and again, until the job is given up",
        faults=(members.KILL_OWNER,),
        seconds=70,
        every=5.0,
        workload=Workload(LONG, clients=2, jobs=2, failures=dict.fromkeys(LONG.inputs, ("attempts_exhausted",))),
        shape=Shape(speed=4),
        sometimes=(HIT, TAKEN),
    ),
    Scenario(
        "deploys",
        "rolling deploys, scaling in and out, graceful stops",
        faults=(members.STOP, members.SCALE_OUT, members.DEPLOY_AGAIN),
        first=(members.DEPLOY_AGAIN, members.SCALE_OUT, members.STOP),
        seconds=40,
        every=8.0,
        workload=Workload(USUAL, clients=5, jobs=10),
        sometimes=(HIT,),
    ),
    Scenario(
        "versions",
        "a deploy from the older image to the newer one and back again while jobs run, and one container more",
        faults=(members.STOP,),
        first=(members.DEPLOY_NEW, members.SCALE_OUT, members.DEPLOY_OLD),
        seconds=30,
        every=8.0,
        workload=Workload(USUAL, clients=5, jobs=10),
        shape=Shape(members=2, version="old"),
        sometimes=(HIT,),
        short=True,
        versions=True,
    ),
    Scenario(
        "hints",
        "Redis is killed, flushed, frozen, slow and cut off",
        faults=(
            *(links.HINTS_KILLED, links.HINTS_PAUSED, links.HINTS_FLUSHED, links.HINTS_SLOW, links.HINTS_CUT),
            members.KILL,
        ),
        first=(links.HINTS_FLUSHED, links.HINTS_KILLED, members.KILL, links.HINTS_PAUSED),
        seconds=26,
        every=4.0,
        workload=Workload(USUAL, clients=5, jobs=6),
        sometimes=(HIT, TAKEN),
        short=True,
    ),
    Scenario(
        "stores",
        "S3 and DynamoDB are slow, answer 503, break in the middle of a part, freeze",
        faults=(*links.OF_STORES,),
        first=(links.OBJECTS_RESET, links.RECORDS_REFUSED, links.STORES_PAUSED, links.OBJECTS_REFUSED),
        seconds=34,
        every=5.5,
        workload=Workload(LONG, clients=5, jobs=6),
        sometimes=(HIT,),
        short=True,
    ),
    Scenario(
        "partitions",
        "one container cannot reach one dependency, one way or both",
        faults=links.PARTITIONS,
        first=(links.RECORDS_LOST, links.PARTITIONS[3], links.RECORDS_LOST),
        seconds=30,
        every=5.0,
        workload=Workload(LONG, clients=5, jobs=6),
        sometimes=(HIT, TAKEN),
        short=True,
    ),
    Scenario(
        "ffmpeg",
        "ffmpeg alone is killed or stopped, and files are broken",
        faults=(members.KILL_FFMPEG, members.STOP_FFMPEG),
        seconds=25,
        every=3.5,
        workload=Workload(
            replace(USUAL, inputs=(*USUAL.inputs, "broken.flac", "text.txt")),
            clients=5,
            jobs=10,
            failures=dict.fromkeys((*USUAL.inputs, "broken.flac"), ("transcode_crashed", "transcode_stalled")),
        ),
        sometimes=(HIT,),
        short=True,
    ),
    Scenario(
        "resources",
        "a full disk, little memory, little processor",
        faults=(resources.DISK_FULL, resources.LITTLE_MEMORY, resources.LITTLE_CPU),
        first=(resources.DISK_FULL, resources.LITTLE_CPU, resources.LITTLE_MEMORY),
        seconds=45,
        every=5.0,
        workload=Workload(replace(USUAL, inputs=(*USUAL.inputs, *["moov-at-end.m4a"] * 3)), clients=5, jobs=8),
        sometimes=(HIT,),
    ),
    Scenario(
        "clocks",
        "the clock of one container is wrong by many leases",
        faults=(resources.CLOCK, members.KILL),
        first=(resources.CLOCK, resources.CLOCK),
        seconds=45,
        every=5.0,
        workload=Workload(USUAL, clients=5, jobs=8),
        shape=Shape(clock=True),
        sometimes=(HIT,),
        recovery=150.0,
    ),
    Scenario(
        "apprunner",
        "a container is frozen whenever it has no request, and killed now and then",
        faults=(members.KILL,),
        seconds=45,
        every=9.0,
        workload=Workload(replace(LONG, follow=("wait", "events", "events")), clients=4, jobs=6),
        sometimes=(HIT,),
        recovery=120.0,
        idle_freeze=True,
    ),
    Scenario(
        "uploads",
        "uploads in parts, while containers are killed and stores break",
        faults=(members.KILL, links.OBJECTS_RESET, links.OBJECTS_REFUSED),
        seconds=45,
        every=4.0,
        workload=Workload(UPLOADS, clients=6, jobs=12),
        sometimes=(HIT,),
    ),
    Scenario(
        "everything",
        "all of it; the one for a soak",
        faults=(
            *(members.KILL, members.KILL_ALL, members.FREEZE, members.STOP, members.DEPLOY_AGAIN),
            *(links.HINTS_KILLED, links.HINTS_FLUSHED, links.HINTS_CUT),
            *links.OF_STORES,
            *links.PARTITIONS,
            *(resources.LITTLE_CPU, resources.DISK_FULL),
        ),
        seconds=120,
        every=6.0,
        workload=Workload(
            # Whatever is kept on purpose (a day, usually) would look like growth in a soak.
            replace(USUAL, inputs=(*USUAL.inputs, "broken.flac", "text.txt"), delete=1.0, keyless=1.0),
            clients=5,
            jobs=12,
        ),
        shape=Shape(settings=(("REPRISE_TTL_SECONDS", "900"),)),
        sometimes=(HIT, TAKEN),
        recovery=150.0,
    ),
    # Small enough to test the harness itself with.
    Scenario(
        "smoke",
        "two kills",
        faults=(members.KILL,),
        first=(members.KILL, members.KILL),
        seconds=10,
        every=4.0,
        workload=Workload(USUAL, clients=3, jobs=4),
        shape=Shape(members=2, speed=8),
        sometimes=(HIT, TAKEN),
    ),
)
BY_NAME: Mapping[str, Scenario] = {one.name: one for one in SCENARIOS}
SHORT = tuple(one for one in SCENARIOS if one.short)


def for_minutes(scenario: Scenario, minutes: float) -> Scenario:
    """Return a scenario that goes on for so long."""
    return replace(scenario, seconds=minutes * 60)
