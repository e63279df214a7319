from pathlib import Path

import pytest

from service.adapters.system.cgroups import CgroupReadings

pytestmark = pytest.mark.requirement("6.15")
MEMINFO = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 750 kB\n"


class Machine:
    """A /proc and a /sys that say what a test wants."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("proc/meminfo", MEMINFO)

    def write(self, path: str, text: object) -> None:
        """Put a file there."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")

    def group(self, path: str, *, limit: object, used: int, cache: int = 0) -> None:
        """A control group of version 2."""
        folder = f"sys/fs/cgroup/{path}"
        self.write(f"{folder}/memory.max", limit)
        self.write(f"{folder}/memory.current", used)
        self.write(f"{folder}/memory.stat", f"anon {used - cache}\ninactive_file {cache}")

    @property
    def container(self) -> CgroupReadings:
        """What reads it."""
        return CgroupReadings(str(self.root / "not" / "there" / "yet"), str(self.root))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without control groups."""
    return Machine(tmp_path)


def test_cgroup_v2_memory_is_read_without_file_cache(machine: Machine) -> None:
    """The limit of the container's own group counts, without the pages that only cache files."""
    machine.write("proc/self/cgroup", "0::/")
    machine.group("", limit=1000, used=900, cache=500)
    assert machine.container.load().memory == 0.4


def test_fullest_cgroup_of_the_hierarchy_counts(machine: Machine) -> None:
    """A group above may be the one that is full."""
    machine.write("proc/self/cgroup", "0::/pod/app")
    machine.group("pod", limit=1000, used=950)
    machine.group("pod/app", limit="max", used=100)
    assert machine.container.load().memory == 0.95


def test_cgroup_v1_memory_is_read_without_file_cache(machine: Machine) -> None:
    """The older control groups are understood as well, among others."""
    machine.write("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/")
    for name, value in (("limit_in_bytes", 2000), ("usage_in_bytes", 1500), ("stat", "total_inactive_file 500")):
        machine.write(f"sys/fs/cgroup/memory/memory.{name}", value)
    assert machine.container.load().memory == 0.5


def test_memory_limit_is_the_least_of_all_groups_and_the_machine(machine: Machine) -> None:
    """What a conversion may have is a share of the tightest limit, and of the machine's memory where there is none."""
    machine.write("proc/self/cgroup", "4:memory:/docker/abc\n0::/pod/app")
    assert machine.container.memory_limit() == 1000 * 1024
    machine.group("pod", limit=900_000, used=0)
    machine.group("pod/app", limit="max", used=0)
    assert machine.container.memory_limit() == 900_000
    machine.write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", 800_000)
    assert machine.container.memory_limit() == 800_000


def test_memory_kills_are_counted_in_both_versions_and_on_the_machine(machine: Machine) -> None:
    """A process that the kernel ended for want of memory is noticed wherever the kernel counts it."""
    machine.write("proc/self/cgroup", "4:memory:/docker/abc\n0::/app")
    assert machine.container.memory_kills() == 0
    for path, text in (
        ("sys/fs/cgroup/app/memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 1"),
        ("sys/fs/cgroup/memory/docker/abc/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1"),
        ("proc/vmstat", "nr_free_pages 17\noom_kill 1"),
    ):
        before = machine.container.memory_kills()
        machine.write(path, text)
        assert machine.container.memory_kills() == before + 1


def test_memory_of_the_machine_counts_without_a_cgroup_limit(machine: Machine) -> None:
    """Where no group is limited, it is the memory of the machine that can run out."""
    machine.write("proc/self/cgroup", "4:memory:/\n0::/")
    machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", 9223372036854771712)
    machine.write("sys/fs/cgroup/memory/memory.usage_in_bytes", 999)
    machine.group("", limit="max", used=999)
    assert machine.container.load().memory == 0.25


def test_cpu_pressure_is_that_of_the_own_cgroup(machine: Machine) -> None:
    """CPU pressure is that of the container's own group."""
    machine.write("proc/self/cgroup", "0::/app")
    machine.write("sys/fs/cgroup/app/cpu.pressure", "some avg10=37.50 avg60=1.00 avg300=0.00 total=1\nfull avg10=0.00")
    assert machine.container.load().cpu == 0.375


@pytest.mark.parametrize("text", ["", "some", "some avg10=", "some avg10=much", "\x00"])
def test_unreadable_cgroup_files_give_no_reading(machine: Machine, text: str) -> None:
    """What cannot be read is None; nothing is ever raised."""
    for path in ("proc/meminfo", "proc/self/cgroup", "sys/fs/cgroup/cpu.pressure", "sys/fs/cgroup/memory.max"):
        machine.write(path, text)
    load = machine.container.load()
    assert (load.memory, load.cpu) == (None, None)


def test_free_disk_is_known_before_the_scratch_folder_exists(machine: Machine) -> None:
    """The free space is that of the file system on which the scratch folder will be."""
    assert (machine.container.load().disk_free or 0) > 0


def test_cgroup_readings_of_this_machine_are_plausible() -> None:
    """On the machine that runs this, readings are shares."""
    load = CgroupReadings("/tmp").load()
    assert load.memory is None or 0 <= load.memory <= 1
    assert load.cpu is None or 0 <= load.cpu <= 1
