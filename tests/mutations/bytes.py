"""The bytes: what is delivered is what ffmpeg wrote, all of it, from one input."""

from tests.mutations.tree import REFUSED, Edit, Mutation

FFMPEG = "tests/integration/ffmpeg/test_transcoder.py"
NOT_KNOWN = r"UnsupportedMedia: These bytes are no audio"
TAGGED = "tests/unit/core/media/test_tags_in_front.py"
FOREIGN = "tests/integration/ffmpeg/test_foreign_files.py"
DECLARE = f"{FOREIGN}::test_files_that_declare_what_they_do_not_hold_give_the_bytes_of_plain_ffmpeg"
MATRIX = "tests/integration/ffmpeg/test_media_matrix.py"

BYTES = (
    Mutation(
        "head-patch",
        "the head is delivered as the muxer has patched it at the end, not as it was written at first",
        (
            Edit(
                "service/adapters/ffmpeg/output/window.py",
                "        return read_into(self.fd, 0, into)\n",
                "        head = read_into(self.fd, 0, into)\n"
                '        head[4:8] = b"\\xff" * 4  # the length of a WAV file, as long as ffmpeg does not know it\n'
                "        return head\n",
            ),
        ),
        (f"{FFMPEG}::test_every_format_is_what_plain_ffmpeg_writes[wav]",),
        r"assert got == plain\(",
    ),
    Mutation(
        "head-kept",
        "the head stays in the window until ffmpeg has exited",
        (Edit("service/adapters/ffmpeg/output/window.py", "self._next = 1  #", "self._next = 0  #"),),
        ("tests/integration/ffmpeg/test_window.py::test_window_names_each_part_once",),
    ),
    Mutation(
        "window-violated",
        "a muxer that goes back behind the window is caught",
        (
            Edit(
                "service/adapters/ffmpeg/output/window.py",
                "return os.lseek(fd, start, os.SEEK_DATA) < start + length",
                "return False",
            ),
        ),
        ("tests/integration/ffmpeg/test_window.py::test_one_byte_written_behind_the_window_is_found",),
    ),
    Mutation(
        "end-of-input-media",
        "ffmpeg's exit code 0 counts only if the input ended where its headers say",
        (Edit("service/adapters/ffmpeg/supervision.py", "doubt=doubt(self._order, self._log)", "doubt=None"),),
        (f"{FFMPEG}::test_truncated_input_file_fails_the_conversion",),
        REFUSED,
    ),
    Mutation(
        "end-of-input-feed",
        "ffmpeg sees the end of the file only after the last byte of the object",
        (
            Edit(
                "service/adapters/ffmpeg/input.py",
                "            self.error = error\n        except Exception",
                "            self._close_pipe()\n            self.error = error\n        except Exception",
            ),
        ),
        ("tests/unit/adapters/s3/test_reading.py::test_ffmpeg_sees_no_end_of_input_when_reading_fails",),
        "BlockingIOError",
    ),
    Mutation(
        "end-of-input-stream",
        "a stream that broke is never taken for one that has ended",
        (
            Edit(
                "service/adapters/s3/reading.py",
                "return self.offset == self.size",
                "return self.offset > 0",
            ),
        ),
        ("tests/unit/adapters/s3/test_reading.py::test_object_stream_goes_on_at_the_offset_after_a_break",),
    ),
    Mutation(
        "if-match-input",
        "an input that is read on is the very object that was begun",
        (Edit("service/adapters/s3/reading.py", "IfMatch=quoted(wanted.etag)", 'IfMatch="*"'),),
        ("tests/unit/adapters/s3/test_reading.py::test_object_stream_goes_on_at_the_offset_after_a_break",),
    ),
    Mutation(
        "offset-input",
        "an input that broke is read on from the first byte that is missing",
        (
            Edit(
                "service/adapters/s3/reading.py",
                'Range=f"bytes={self.at}-',
                'Range=f"bytes={self.at + 1}-',
            ),
        ),
        ("tests/unit/adapters/s3/test_reading.py::test_object_stream_goes_on_at_the_offset_after_a_break",),
        "ObjectChanged",
    ),
    Mutation(
        "if-match-download",
        "a download that is continued never mixes two objects",
        (Edit("service/adapters/s3/reading.py", "                IfMatch=quoted(wanted.etag),\n", ""),),
        ("tests/integration/s3/test_reading.py::test_download_never_mixes_two_objects",),
        REFUSED,
    ),
    Mutation(
        "continuation-download",
        "a download that breaks goes on at the offset",
        (
            Edit(
                "service/adapters/s3/reading.py",
                "        self._breaks += 1\n",
                "        self._breaks += 1\n        self.at = self._wanted.start\n",
            ),
        ),
        ("tests/integration/s3/test_reading.py::test_download_from_a_broken_line_delivers_all_bytes[How.TRUNCATE]",),
    ),
    Mutation(
        "length-download",
        "a download that ends early is no download: the promised length is met, or there is an error",
        (Edit("service/adapters/s3/reading.py", 'raise Indefinite("GetObject: ended early")', "self.stop = self.at"),),
        ("tests/integration/s3/test_reading.py::test_download_gives_up_after_breaks_without_a_byte[early-end]",),
        "StopAsyncIteration",
    ),
    Mutation(
        "seconds-prove-nothing",
        "a length in seconds alone never fails a job",
        (
            Edit(
                "service/core/media/ending.py",
                "source.cut_off or (source.suspect if short else None)",
                'source.cut_off or source.suspect or ("seconds" if short else None)',
            ),
        ),
        ("tests/unit/core/media/test_ending.py::test_exit_code_0_is_not_believed_where_bytes_are_missing[late times]",),
    ),
    Mutation(
        "missing-bytes",
        "a file whose headers count more bytes than there are is cut off",
        (
            Edit(
                "service/core/media/containers/layout.py",
                "        if lacking <= max(_MIN_MISSING, end // _MIN_SHARE):\n",
                "        if lacking:\n",
            ),
        ),
        ("tests/integration/ffmpeg/test_truncation.py::test_a_file_without_its_end_fails[wav.wav]",),
    ),
    Mutation(
        "page-without-end",
        "an Ogg file whose last page has no end is cut off",
        (
            Edit(
                "service/core/media/containers/pages.py",
                "cut_off = None if page.whole else",
                "cut_off = None if page else",
            ),
        ),
        ("tests/integration/ffmpeg/test_truncation.py::test_a_file_without_its_end_fails[vorbis.ogg]",),
    ),
    Mutation(
        "frame-without-end",
        "a FLAC file whose last frame is not whole, and that is too short, is cut off",
        (Edit("service/core/media/containers/flac.py", "return _crc16(ends, data, at) != 0", "return False"),),
        ("tests/integration/ffmpeg/test_truncation.py::test_a_file_without_its_end_fails[flac.flac]",),
    ),
    Mutation(
        "stream-retried",
        "a stream that ends as bad media is tried once more from a file before the job fails",
        (
            Edit(
                "service/adapters/ffmpeg/conversion.py",
                "            if self._order.local:\n                raise\n",
                "            raise\n",
            ),
        ),
        ("tests/integration/ffmpeg/test_outcomes.py::test_a_stream_that_fails_is_tried_once_more_as_a_file",),
        "BadMedia",
    ),
    Mutation(
        "samples-and-fragments",
        "a file with samples in its index and fragments behind is never read from a pipe",
        (
            Edit(
                "service/core/media/containers/boxes.py",
                '("it has samples in its index and fragments behind" if samples else None)',
                "None",
            ),
        ),
        (f"{MATRIX}::test_every_format_pair_gives_the_bytes_of_plain_ffmpeg[m4a-half-fragments.m4a]",),
    ),
    Mutation(
        "track-of-ffmpeg",
        "of several tracks the one is converted that plain ffmpeg chooses",
        (Edit("service/core/media/tracks.py", "_rank(track) > _rank(best)", "False"),),
        ("tests/unit/core/media/test_tracks.py::test_the_usual_track_is_that_of_plain_ffmpeg[tracks0-2]",),
    ),
    Mutation(
        "codec-refused",
        "sound of a codec that is left out is refused by its name",
        (Edit("service/core/media/codecs.py", "    if not known or any(", "    if known or any("),),
        ("tests/unit/core/media/test_codecs.py::test_sound_that_is_left_out_is_refused_at_upload[wav]",),
        "DID NOT RAISE",
    ),
    Mutation(
        "tag-to-the-end-of-the-head",
        "a tag that leaves little room in the head hides nothing of the sound",
        (Edit("service/core/media/containers/tags.py", "_ROOM = 64 * 1024", "_ROOM = 1"),),
        (
            f"{TAGGED}::test_sound_behind_a_tag_that_ends_near_the_end_of_the_head_is_known[400]",
            f"{TAGGED}::test_what_follows_a_tag_that_ends_with_the_head_is_seen_as_it_passes[40-4096]",
        ),
        NOT_KNOWN,
    ),
    Mutation(
        "short-frames",
        "frames of MPEG audio are looked for from the first one on, not behind a look for those of AAC",
        (
            Edit(
                "service/core/media/containers/frames.py",
                "    found = _find(ends, begin)\n",
                "    for _ in range(ends.head.count(255) // 2):\n        ends.budget.step()\n"
                "    found = _find(ends, begin)\n",
            ),
        ),
        (f"{TAGGED}::test_long_files_of_short_frames_are_known[none]",),
        NOT_KNOWN,
    ),
    Mutation(
        "behind-a-tag",
        "a container behind a tag is found there",
        (Edit("service/core/media/sniff.py", "layout.name not in _MAY_BE_TAGGED", "layout.name"),),
        (f"{TAGGED}::test_containers_that_ffmpeg_finds_behind_a_tag_are_known_there[200-ac3]",),
        NOT_KNOWN,
    ),
    Mutation(
        "broken-sample",
        "a part of a sample at the end of plain samples fails no conversion, however short it is",
        (Edit("service/core/media/arguments.py", "source.junk or plain", "source.junk"),),
        (f"{DECLARE}[wav, short, with a part of a sample]",),
    ),
    Mutation(
        "film-without-sound",
        "a film without sound is told apart from a damaged file",
        (Edit("service/adapters/ffmpeg/exit_status.py", "any(_NO_TRACK in line", "any(_NO_TRACK == line"),),
        ("tests/integration/ffmpeg/test_outcomes.py::test_film_without_sound_is_not_called_damaged",),
        r"ffmpeg could not convert the file",
    ),
)
