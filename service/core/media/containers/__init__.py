"""
How to read just enough of each container format: one module per family, each a pure `examine(ends) → Layout`.

A container here is always one of media (WAV, MP4, Ogg …), never a container that runs the service.

`head` is the beginning of the object, `tail` its end, `size` its length in bytes; the middle is never seen. The
question is always the same: *would ffmpeg, reading these bytes from a pipe, write what it writes from a file?* A
file lets it jump: to a tag behind the sound, to an index at the end, to a title that a table of contents points to.
Whenever something of the kind is there, or cannot be ruled out from the two ends, the answer is a reason to convert
from a local file, which is always right, only dearer.

No bytes make an `examine` raise: what makes no sense is a reason, too. Every loop moves forward through `head` or
`tail`, takes its steps out of the one `Budget` of the look, and stays inside of the element that it looks into, however
long the elements in there say that they are. (`frames`, which is asked before the kind is known, raises `Spent`.)
"""
