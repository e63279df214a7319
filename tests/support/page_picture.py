"""
The picture of the built-in page that the README shows: `make page-picture` takes it anew.

It shows what a visitor sees while a converter is killed: one file is done, one was taken over, one is refused.
"""

import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import imageio_ffmpeg

from service.cli.sample import write_sample
from service.cli.serve import embed
from service.wiring import environment
from tests.support.browser import chromium, visit
from tests.support.built_in_page import Visitor
from tests.support.cluster import a_cluster, wait_for

PICTURE = Path("docs/images/page.png")
WIDTH = 820
SPEED = 2  # times as fast as music plays


def write_flac_with_cover(path: Path, sound: tuple[str, ...] = ("-f", "lavfi", "-i", "sine=d=8")) -> None:
    """Write a FLAC of eight seconds, or of another sound, with a title, an artist and a picture."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-nostdin", "-y", *sound]
    command += ["-f", "lavfi", "-i", "gradients=s=160x160:c0=0x3b5bdb:c1=0xf2b705:d=0.04:seed=7"]
    command += ["-map", "0:a", "-map", "1:v", "-c:v", "png", "-disposition:v", "attached_pic"]
    command += ["-metadata", "title=Lied ohne Worte", "-metadata", "artist=Fanny Hensel", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def take(visitor: Visitor, picture: Path) -> None:
    """Take a picture of the page as it is."""
    visitor.page.set_viewport_size({"width": WIDTH, "height": 700})
    visitor.page.screenshot(path=picture, full_page=True)


def main() -> None:
    """Take the picture of the README."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        song, long, text = folder / "Lied ohne Worte.flac", folder / "Interview, part 2.wav", folder / "notes.wav"
        text.write_text("This is no music.\n" * 100)
        write_sample(long, 60)
        write_flac_with_cover(song, ("-i", str(long)))
        cluster = stack.enter_context(a_cluster(embed(stack, environment())))
        browser = stack.enter_context(chromium())
        for _ in range(2):
            cluster.start(REPRISE_ROLE="worker", **cluster.slow_ffmpeg(SPEED))
        page = stack.enter_context(visit(browser, cluster.start(REPRISE_ROLE="api").address))
        visitor = Visitor(page)
        visitor.add(song)
        visitor.wait_for_phase(song.name, "succeeded")
        page.wait_for_selector("#jobs .cover:not([hidden])")
        visitor.add(text)
        visitor.wait_for_phase(text.name, "refused")
        visitor.add(long)
        wait_for(lambda: "Converting: " in visitor.says(long.name), "it is converted")
        wait_for(cluster.holder, "a worker holds it").kill()
        taken = ("Another one has taken over", "left")
        wait_for(lambda: all(word in visitor.says(long.name) for word in taken), "it goes on")
        take(visitor, PICTURE)


if __name__ == "__main__":
    main()
