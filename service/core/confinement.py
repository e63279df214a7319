"""What confines the processes that run ffmpeg, as it was found when one was started."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.core.findings import Finding

EVERYTHING = ("namespace", "landlock", "seccomp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confined:
    """What is in force. `memory` is the bytes that one ffmpeg may write to."""

    namespace: bool  # a network of its own, with nothing in it
    landlock: int  # its ABI; 0: there is none
    seccomp: bool
    memory: int

    @property
    def by(self) -> Mapping[str, bool]:
        """Each of `EVERYTHING`, and whether it is in force."""
        return {"namespace": self.namespace, "landlock": self.landlock > 0, "seccomp": self.seccomp}

    def __str__(self) -> str:
        """Return the line of `/health/ready`: `ok`, or `degraded` without seccomp, which alone is required."""
        names = ", ".join(
            f"Landlock {self.landlock}" if name == "landlock" else name for name, on in self.by.items() if on
        )
        return f"{'ok' if self.seccomp else 'degraded'} ({names or 'nothing'})"

    def findings(self) -> list[Finding]:
        """
        Return a finding for each that is missed; none stops, since what is required was enforced by the start.

        With seccomp, which refuses every socket, a namespace without a network is not missed.
        """
        needed = EVERYTHING if not self.seccomp else ("landlock", "seccomp")
        return [_MISSING[name] for name in needed if not self.by[name]]


_MISSING: Mapping[str, Finding] = {
    "namespace": Finding(
        "sandbox_without_namespace",
        "Neither seccomp nor a network namespace of its own keeps ffmpeg from the network of the service.",
        "Use a platform with seccomp, or one that lets unprivileged processes make user namespaces.",
        stops=False,
    ),
    "landlock": Finding(
        "sandbox_without_landlock",
        "The kernel has no Landlock: code that took ffmpeg over could read the files that this user can read.",
        "Use a kernel from 5.13 on that has Landlock enabled, and a container profile that allows it.",
        stops=False,
    ),
    "seccomp": Finding(
        "sandbox_without_seccomp",
        "No filter of system calls holds ffmpeg: code that took it over could use the network, and other processes.",
        "Use a platform with seccomp, and REPRISE_SANDBOX=required.",
        stops=False,
    ),
}
