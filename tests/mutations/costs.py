"""What a request or a file may cost."""

from tests.mutations.tree import Edit, Mutation

CONTAINERS = "service/core/media/containers"
SNIFFING = "service/adapters/system/sniffing.py"
BUDGET = "tests/unit/core/media/test_budget.py"
MULTIPLIES = f"{BUDGET}::test_what_a_file_costs_does_not_multiply"
ANSWERS = f"{BUDGET}::test_a_spent_budget_is_an_answer"
LARGEST = "tests/unit/test_largest_inputs.py::test_the_largest_input_is_no_burden"

COSTS = (
    Mutation(
        "sniff-clip-boxes",
        "a box is looked into within its parent alone",
        (
            Edit(
                f"{CONTAINERS}/boxes.py",
                "min(at + length, end), whole=at + length <= end)",
                "at + length, whole=True)",
            ),
        ),
        (
            f"{MULTIPLIES}[boxes beyond their parents]",
            "tests/unit/core/media/test_arbitrary_lengths.py::test_steps_are_bounded_by_bytes",
        ),
    ),
    Mutation(
        "sniff-clip-elements",
        "an element is looked into within its parent alone",
        (Edit(f"{CONTAINERS}/ebml.py", "min(at + size, end), whole=at + size <= end)", "at + size, whole=True)"),),
        (
            f"{MULTIPLIES}[tracks of elements beyond their parents]",
            f"{MULTIPLIES}[pointers beyond their parents]",
            f"{MULTIPLIES}[tags of Matroska beyond their parents]",
            "tests/unit/core/media/test_arbitrary_lengths.py::test_steps_are_bounded_by_bytes",
        ),
    ),
    Mutation(
        "sniff-overrun-boxes",
        "what does not fit together is not converted from a pipe",
        (Edit(f"{CONTAINERS}/boxes.py", "        if not box.whole:\n", "        if False:\n"),),
        (f"{ANSWERS}[boxes beyond their parents-m4a-its parts do not fit into each other]",),
    ),
    Mutation(
        "sniff-budget",
        "no look takes more steps than its budget",
        (Edit(f"{CONTAINERS}/budget.py", "if self.steps >= self._max_steps:", "if False:"),),
        (
            f"{BUDGET}::test_no_file_costs_more_than_the_budget[many boxes]",
            f"{BUDGET}::test_no_file_costs_more_than_the_budget[tags in front]",
            f"{BUDGET}::test_no_file_costs_more_than_the_budget[small chunks, GUIDs]",
            f"{BUDGET}::test_a_budget_ends",
        ),
        r"(?m)^E +(assert|AssertionError|Failed: DID NOT RAISE)",
    ),
    Mutation(
        "sniff-copies",
        "of a box that is looked at no more is copied than its fixed fields",
        (Edit(f"{CONTAINERS}/boxes.py", "head[box.at : min(box.end, box.at + _FIXED)]", "head[box.at :]"),),
        (f"{BUDGET}::test_what_a_file_costs_does_not_multiply[a row of headers]",),
    ),
    Mutation(
        "sniff-window",
        "of what lies behind the sound no more is copied than a header",
        (Edit(f"{CONTAINERS}/boxes.py", "ends.window(at, 16)", "ends.window(at, ends.size)"),),
        (f"{MULTIPLIES}[filling behind the sound]",),
    ),
    Mutation(
        "labels-once",
        "tags to which many pointers lead are read once",
        (
            Edit(
                "service/core/media/labels/matroska.py",
                "behind.setdefault(number, segment.at + offset)",
                "_look_behind(ends, segment.at + offset, found)",
            ),
        ),
        ("tests/unit/core/media/test_labels.py::test_pointers_to_the_same_tags_are_followed_once",),
    ),
    Mutation(
        "sniff-off-the-loop",
        "requests and heartbeats go on while bytes are looked at",
        (
            Edit(
                SNIFFING,
                "look = asyncio.get_running_loop().run_in_executor(self._threads, call)",
                "look: asyncio.Future[Source] = asyncio.get_running_loop().create_future()\n"
                "        look.set_result(call())",
            ),
        ),
        ("tests/unit/adapters/system/test_sniffing.py::test_event_loop_goes_on_while_bytes_are_looked_at",),
    ),
    Mutation(
        "sniff-one-at-a-time",
        "a tenant has one look at a time",
        (Edit(SNIFFING, "while tenant in self._looks:", "while False:"),),
        ("tests/unit/adapters/system/test_sniffing.py::test_another_tenant_does_not_wait",),
        r"(?m)^E +(assert|AssertionError|TimeoutError|KeyError)",
    ),
    Mutation(
        "parts-linear",
        "a list of parts costs what its length is, not the square of it",
        (
            Edit(
                "service/core/upload.py",
                "missing = (named | set(range(1, len(wanted) + 1))) - (named & by_number.keys())",
                "missing = [number for number in wanted if number not in by_number or number not in set(wanted)]",
            ),
        ),
        (f"{LARGEST}[parts, all there]",),
    ),
    Mutation(
        "name-cut",
        "a file name is cut before it is normalised",
        (Edit("service/core/filenames.py", "if len(base) > _MAX_GIVEN:", "if False:"),),
        (f"{LARGEST}[file name of combining marks in disorder]",),
    ),
    Mutation(
        "media-type-linear",
        "the expression for media types does not go back to each slash",
        (Edit("service/core/upload.py", 'r"|[^/]*/.*(mpegurl', 'r"|.*/.*(mpegurl'),),
        (f"{LARGEST}[media type of slashes]",),
    ),
)
