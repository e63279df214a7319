"""
What import-linter and ruff cannot check about the code, and what documents say about it.

The arrows between rooms and the banned calls are held by `make check` (contracts and `banned-api` in pyproject.toml).
"""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest

import service
from service.core import outcome
from service.core.media.formats import OUTPUT_FORMATS

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CORE = sorted((ROOT / "service" / "core").rglob("*.py"))
LOCKS = {
    "runtime.txt": PROJECT["project"]["dependencies"],
    "embedded.txt": PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["embedded"],
    "dev.txt": PROJECT["dependency-groups"]["dev"] + PROJECT["dependency-groups"]["lock"],
}


def relative(path: Path) -> str:
    """Name a file as a reader would."""
    return str(path.relative_to(ROOT))


def imported_packages(source: str) -> set[str]:
    """Return the top-level names that a module imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_core_needs_no_package(path: Path) -> None:
    """The core imports the standard library and itself, and nothing that has to be installed."""
    foreign = imported_packages(path.read_text(encoding="utf-8")) - sys.stdlib_module_names - {"service"}

    assert foreign == set()


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_core_knows_paths_as_text_only(path: Path) -> None:
    """Of pathlib, the core uses what takes a path apart (PurePath), never what opens it."""
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = {
        a.name for node in tree if isinstance(node, ast.ImportFrom) and node.module == "pathlib" for a in node.names
    }

    assert all(name.startswith("Pure") for name in names)
    assert "import pathlib" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_core_awaits_nothing(path: Path) -> None:
    """Nothing in the core is asynchronous, because a rule waits for nothing."""
    asynchronous = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)

    found = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, asynchronous)]

    assert found == []


def test_product_code_asserts_nothing() -> None:
    """No product module asserts, because `python -O` drops assertions; service/testing, which holds tests, may."""
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in sorted((ROOT / "service").rglob("*.py"))
        if "testing" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert)
    ]

    assert found == []


def test_no_product_line_lifts_the_ban_on_clocks_and_randomness() -> None:
    """The ban on clocks, sleep, randomness and the environment is lifted for no single line of the product."""
    waiver = re.compile(r"#\s*(ruff:\s*)?noqa(?!:)|#\s*(ruff:\s*)?noqa:.*\b(TID251|TID)\b")

    found = [
        f"{relative(path)}:{number}"
        for path in sorted((ROOT / "service").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if waiver.search(line)
    ]

    assert found == []


def test_map_in_service_init_is_the_tree_of_packages() -> None:
    """The map in service/__init__.py has every package of the tree, in its place, and no other."""
    packages = {str(path.parent.relative_to(ROOT / "service")) for path in (ROOT / "service").rglob("*/__init__.py")}
    drawn, inside = set[str](), list[str]()
    for indent, name in re.findall(r"^( {4,})([a-z0-9]+)/  ", service.__doc__ or "", flags=re.MULTILINE):
        inside[len(indent) // 4 - 1 :] = [name]
        drawn.add("/".join(inside))

    assert drawn == packages


def test_architecture_document_lists_every_package() -> None:
    """docs/architecture.md has a line for each package of the product, and for each folder of the adapters."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (ROOT / "service").glob("*/__init__.py")}
    systems = {path.parent.name for path in (ROOT / "service" / "adapters").glob("*/__init__.py")}
    folders = text.partition("The folders of `service/adapters`:")[2].strip().partition("\n\n")[0]

    assert rooms <= set(re.findall(r"^\| `service/([a-z]+)` \|", text, flags=re.MULTILINE))
    assert systems == set(re.findall(r"^\| `([a-z0-9]+)` \|", folders, flags=re.MULTILINE))


def test_architecture_document_names_every_outcome() -> None:
    """docs/architecture.md names exactly the outcomes that an attempt can have."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found = re.search(r"in one of (\w+) outcomes \([^)]*\): ([a-z, ]+)\.", text)

    assert found
    assert found[2].split(", ") == [each.__name__.lower() for each in get_args(outcome.Outcome)]
    assert ["one", "two", "three", "four", "five", "six", "seven"].index(found[1]) + 1 == len(get_args(outcome.Outcome))


def test_the_readme_lists_the_formats() -> None:
    """The README names exactly the output formats that there are."""
    found = re.search(r"^Out: ([^;]+);", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert found
    assert set(found[1].split(", ")) == OUTPUT_FORMATS.keys()


PROSE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", PROSE, ids=relative)
def test_documents_name_targets_that_exist(path: Path) -> None:
    """Every `make` command in a document is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))

    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)) <= targets


@pytest.mark.parametrize("path", PROSE, ids=relative)
def test_documents_have_one_sentence_a_line(path: Path) -> None:
    """No line of prose holds the end of one sentence and the beginning of the next: changes are then easy to read."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = (re.sub(r"^ *(\*|\d+\.) ", "", line) for line in text.splitlines())
    prose = [line for line in lines if not line.startswith(("|", "#", "<"))]

    assert [line for line in prose if re.search(r"[a-z0-9)`*\"][.?!][)*`\"]* +[A-Z*`(]", line)] == []


def pins(lock: str) -> dict[str, str]:
    """Return name and version of everything that a lock file installs with at least one hash."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)[^\n]*\\\n +--hash=", text, flags=re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_is_pinned(lock: str) -> None:
    """What pyproject.toml asks for stands in the lock file, with version and hash; `make lock` writes it."""
    wanted = {re.split(r"[\[<>=!~; ]", dependency)[0] for dependency in LOCKS[lock]}

    assert wanted - pins(lock).keys() == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_no_registry(lock: str) -> None:
    """A lock says what is installed and leaves it to the machine where from."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")

    assert not re.search(r"://|--(extra-)?index-url|--find-links|^-[if] ", text, flags=re.MULTILINE)


def test_lock_files_pin_the_same_versions() -> None:
    """A package has the same version in every lock, so that what is tested is what is shipped."""
    runtime, embedded, dev = (pins(lock) for lock in ("runtime.txt", "embedded.txt", "dev.txt"))

    assert runtime.items() <= embedded.items() <= dev.items()
