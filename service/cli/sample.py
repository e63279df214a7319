"""Music to try things with: a piece of any length, made here, so that no file has to be shipped."""

import array
import math
import wave
from collections.abc import Callable
from pathlib import Path

RATE = 44_100
CHORDS = ((220.00, 261.63, 329.63), (174.61, 220.00, 261.63), (261.63, 329.63, 392.00), (196.00, 246.94, 293.66))
BEAT = 0.5  # seconds


def write_sample(path: Path, seconds: float = 16, wrote: Callable[[float], None] | None = None) -> None:
    """
    Write a stereo WAV (16 bit, 44.1 kHz) of `seconds`: four chords, arpeggiated, over and over, a little different in
    each round.

    `wrote` is told how many seconds are done.
    """
    bars = [_bar(chord) for chord in CHORDS]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        left, number = int(seconds * RATE), 0
        while left > 0:
            samples = bars[number % len(bars)]
            frames = min(left, len(samples) // 2)
            file.writeframesraw(samples[: frames * 2].tobytes())
            left -= frames
            number += 1
            if wrote is not None:
                wrote(seconds - left / RATE)


def _bar(chord: tuple[float, ...]) -> "array.array[int]":
    """Eight plucked notes of a chord, wandering from left to right, over its root."""
    frames = int(8 * BEAT * RATE)
    samples = array.array("h", bytes(4 * frames))
    seed = 1
    for n in range(frames):
        beat, t = divmod(n / RATE, BEAT)
        note = chord[int(beat) % 3] * (2 if int(beat) % 4 == 3 else 1)  # an octave up on every fourth
        pluck = math.exp(-5 * t) * (math.sin(2 * math.pi * note * t) + 0.4 * math.sin(4 * math.pi * note * t))
        hiss = (seed >> 16) / 32768 - 1  # else it would compress as no recorded music does
        seed = (seed * 1103515245 + 12345) & 0xFFFFFFFF
        root = 0.5 * math.sin(math.pi * chord[0] * n / RATE) + 0.03 * hiss
        side = 0.5 + 0.4 * math.sin(2 * math.pi * n / frames)
        samples[2 * n] = int(9000 * (pluck * (1 - side) + root * 0.5))
        samples[2 * n + 1] = int(9000 * (pluck * side + root * 0.5))
    return samples
