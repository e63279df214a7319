"""Faults of members: killed, frozen, stopped, replaced, and what happens to ffmpeg inside of them."""

from chaos.nemesis import Injection
from chaos.nemesis.faults import Fault

LEASES = (7.5, 14.0)  # seconds: longer than a lease of the stack, so that others take over meanwhile


def kill(hit: Injection) -> None:
    """SIGKILL of one container, converting more often than not."""
    if (member := hit.victim()) is not None:
        hit.aim(member)
        hit.stack.kill(member)


def kill_all(hit: Injection) -> None:
    """SIGKILL of all containers at once."""
    if any(one.takeovers >= 3 for one in hit.stack.holdings()):
        return
    hit.aim(*hit.stack.running())
    hit.stack.kill(*hit.targets)


def kill_owner(hit: Injection) -> None:
    """SIGKILL of the container that holds the job which was taken over most often: the new owner, again and again."""
    if held := sorted(hit.stack.holdings(), key=lambda one: (-one.takeovers, one.job_id)):
        hit.aim(held[0].member)
        hit.detail = f"{held[0].job_id}, taken over {held[0].takeovers} times"
        hit.stack.kill(held[0].member)


def start(hit: Injection) -> None:
    """Start again what was killed."""
    for member in hit.targets:
        if member in hit.stack.members and member not in hit.stack.running():
            hit.stack.start(member, wait=False)


def freeze(hit: Injection) -> None:
    """Freeze a container; after its lease its jobs are taken over, and what it does when it thaws is too late."""
    if (member := hit.victim(busy=1.0)) is not None:
        hit.aim(member)
        hit.stack.pause(member)


def thaw(hit: Injection) -> None:
    """Let it go on."""
    for member in hit.targets:
        hit.stack.thaw(member)


def stop(hit: Injection) -> None:
    """SIGTERM, as at a deploy or when the platform scales in."""
    if (member := hit.victim()) is not None:
        hit.aim(member)
        hit.stack.stop(member)


def roll(version: str | None) -> "Fault[Injection]":
    """Return a rolling deploy of all members, one after the other, to an image (None: the same again)."""

    def deploy(hit: Injection) -> None:
        for member in list(hit.stack.members):
            hit.aim(member)
            hit.stack.deploy(member, version or "new")

    return Fault(f"deploy {version or 'again'}", 1, deploy)


def scale_out(hit: Injection) -> None:
    """One container more."""
    hit.aim(hit.stack.add())


def scale_in(hit: Injection) -> None:
    """Take away the container that was added."""
    for member in hit.targets:
        if member in hit.stack.members:
            hit.stack.retire(member)


def kill_ffmpeg(hit: Injection) -> None:
    """SIGKILL of ffmpeg only."""
    if (member := hit.victim(busy=1.0)) is not None and hit.stack.signal(member, "ffmpeg", "KILL"):
        hit.aim(member)


def stop_ffmpeg(hit: Injection) -> None:
    """SIGSTOP of ffmpeg only: it is silent, and has not ended."""
    if (member := hit.victim(busy=1.0)) is not None and hit.stack.signal(member, "ffmpeg", "STOP"):
        hit.aim(member)


def continue_ffmpeg(hit: Injection) -> None:
    """SIGCONT."""
    for member in hit.targets:
        if member in hit.stack.members:
            hit.stack.signal(member, "ffmpeg", "CONT")


KILL = Fault("kill", 4, kill, start, (0.5, 3.0))
KILL_ALL = Fault("kill all", 1, kill_all, start, (0.5, 3.0))
KILL_OWNER = Fault("kill owner", 1, kill_owner, start, (0.3, 1.0))
FREEZE = Fault("freeze", 3, freeze, thaw, LEASES)
STOP = Fault("stop", 3, stop, start, (0.5, 3.0))
SCALE_OUT = Fault("scale out", 1, scale_out, scale_in, (8.0, 15.0))
KILL_FFMPEG = Fault("kill ffmpeg", 2, kill_ffmpeg)
STOP_FFMPEG = Fault("stop ffmpeg", 1, stop_ffmpeg, continue_ffmpeg, (3.0, 8.0))
DEPLOY_AGAIN, DEPLOY_OLD, DEPLOY_NEW = roll(None), roll("old"), roll("new")
