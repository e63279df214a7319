"""What holds a process that runs ffmpeg, and what hides the service from it."""

from tests.mutations.tree import Edit, Mutation

SANDBOX = "service/adapters/ffmpeg/sandbox"
PROBED = "tests/integration/ffmpeg/test_sandbox.py"
HOSTILE = "tests/integration/ffmpeg/test_hostile_ffmpeg.py"
HIDDEN = "tests/integration/processes/test_hidden.py"
MEMORY = "tests/unit/adapters/ffmpeg/sandbox/test_memory.py"
CALLS = "tests/unit/adapters/ffmpeg/sandbox/test_calls.py"

CONFINEMENT = (
    Mutation(
        "sandbox-dumpable",
        "no process of the same user looks into the service",
        (Edit("service/cli/serve.py", "    wiring.hide_from_others()\n", ""),),
        (f"{HIDDEN}::test_service_is_hidden_from_its_own_user_and_tells_what_confines_ffmpeg",),
    ),
    Mutation(
        "sandbox-landlock",
        "ffmpeg opens no file that it was not given",
        (Edit(f"{SANDBOX}/enter.py", '    call(libc.syscall, "Landlock", RESTRICT_SELF, rules, 0)\n', ""),),
        (f"{PROBED}::test_nothing_that_a_taken_over_ffmpeg_tries_succeeds[no-namespaces]",),
    ),
    Mutation(
        "sandbox-allow-list",
        "a system call that is not listed is refused",
        (Edit(f"{SANDBOX}/calls.py", "UNKNOWN), (RETURN, 0, 0, REFUSE)]", "UNKNOWN), (RETURN, 0, 0, ALLOW)]"),),
        (f"{CALLS}::test_seccomp_filter_allows_exactly_the_calls_of_its_lists[x86_64]",),
    ),
    Mutation(
        "sandbox-one-execve",
        "ffmpeg executes no other program",
        (Edit(f"{SANDBOX}/calls.py", "_token(5)),", "_one_of(3, 0)),"),),
        (f"{CALLS}::test_seccomp_filter_looks_at_arguments_where_they_matter[x86_64-execve]",),
    ),
    Mutation(
        "sandbox-fails-closed",
        "without seccomp ffmpeg is not started",
        (
            Edit(
                f"{SANDBOX}/enter.py",
                '    call(libc.prctl, "seccomp", PR_SET_SECCOMP,',
                "    libc.prctl(PR_SET_SECCOMP,",
            ),
        ),
        (f"{PROBED}::test_ffmpeg_does_not_start_without_seccomp_unless_told_to[False]",),
    ),
    Mutation(
        "sandbox-memory",
        "one conversion gets no more memory than its share",
        (Edit("service/adapters/ffmpeg/config.py", '"data": self.memory_bytes', '"data": self.address_space'),),
        (f"{HOSTILE}::test_index_bomb_gets_no_more_memory_than_allowed[many]",),
    ),
    Mutation(
        "sandbox-memory-share",
        "the conversions of a container share what it has",
        (Edit(f"{SANDBOX}/memory.py", "(limit - SERVICE) // slots - window", "limit - SERVICE - window"),),
        (f"{MEMORY}::test_ffmpegs_share_what_the_service_leaves_of_the_container[1073741824-2-369098752]",),
    ),
    Mutation(
        "sandbox-memory-order",
        "ffmpeg dies before the service when memory runs out",
        (Edit(f"{SANDBOX}/enter.py", 'file.write("1000")', 'file.write("0")'),),
        (f"{HOSTILE}::test_sandboxed_ffmpeg_has_an_empty_environment_and_its_limits",),
    ),
    Mutation(
        "sandbox-memory-once",
        "a file that took too much memory is not tried again",
        (
            Edit(
                "service/core/errors/conversion.py",
                '    code = "memory_exceeded"\n',
                '    code = "memory_exceeded"\n    retryable = True\n',
            ),
        ),
        ("tests/unit/core/jobs/test_outcome.py::test_bad_media_fails_the_job_at_once[MemoryExceeded]",),
    ),
)
