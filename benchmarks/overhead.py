"""Measure how much longer a job takes than plain ffmpeg on the same file: WAV to MP3, ten minutes of music."""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.rig import BAD, GOOD, job_seconds, rig
from service.cli.sample import write_sample
from service.core.media.arguments import output_arguments
from service.core.media.options import parse_target

TARGET = 1.10
MINUTES = 10


def run(console: Console, given: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Alternate between the two, after one uncounted pair, and print the ratio of each pair."""
    table = Table(title=f"overhead: {MINUTES} minutes of WAV to MP3, seconds", title_justify="left")
    for name in ("run", "job", "plain ffmpeg", "ratio"):
        table.add_column(name, justify="right")
    with tempfile.TemporaryDirectory(prefix="reprise-") as name, rig(Path(name), environment) as service:
        source = service.folder / "piece.wav"
        write_sample(source, MINUTES * 60)
        upload_id = service.upload(source)
        arguments = output_arguments(parse_target("mp3", {}))
        ratios = []
        for number in range(given.runs + 1):
            job = job_seconds(service.convert(upload_id, "mp3"))
            plain = service.run_ffmpeg("-i", source, *arguments, service.folder / "plain.mp3")
            if number:
                ratios.append(job / plain)
                table.add_row(str(number), f"{job:.2f}", f"{plain:.2f}", f"{ratios[-1]:.3f}")
    console.print(table)
    middle = median(ratios)
    verdict = GOOD if middle <= TARGET else BAD
    console.print(f"overhead: median ratio {middle:.3f}, promised at most {TARGET:.2f}: {verdict}\n")
