import re
from pathlib import Path

import pytest

from tests.support.docker import ROOT, images

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
DOCKERFILE = "\n".join(line for line in TEXT.splitlines() if not line.startswith("# "))
COMPOSE = [ROOT / "compose.yaml", *sorted((ROOT / "deploy").glob("*.yaml"))]
INSTRUCTIONS = [line.split(maxsplit=1)[0] for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)]


@pytest.mark.requirement("5.2")
def test_base_image_is_the_pinned_one() -> None:
    """Without arguments the image is built from the Python that images.env names."""
    found = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE, flags=re.MULTILINE)

    assert found
    assert found[1] == images()["PYTHON_IMAGE"]
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE) == ["${PYTHON_IMAGE}"] * 2


def test_every_image_has_a_version() -> None:
    """Of no image we take what happens to be the latest."""
    assert all(re.fullmatch(r"[a-z0-9./-]+:[a-z0-9.-]*\d[a-z0-9.-]*", image) for image in images().values()), images()


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_compose_files_name_no_version(path: Path) -> None:
    """The compose files take every image from images.env, or build it."""
    named = re.findall(r"^\s+image: (\S+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    ours = {f"${{{name}}}" for name in images()} | {"${REPRISE_COMPOSE_IMAGE:-reprise:local}"}

    assert named
    assert set(named) <= ours


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_ports_are_for_this_machine_only(path: Path) -> None:
    """Whatever the compose stack publishes, it publishes on 127.0.0.1."""
    for ports in re.findall(r"^\s+ports: \[(.*)\]", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        assert all(port.strip().startswith('"127.0.0.1:') for port in ports.split(","))


def test_both_builders_understand_the_dockerfile() -> None:
    """The Dockerfile has nothing that only BuildKit knows."""
    assert "--mount" not in DOCKERFILE
    assert "<<" not in DOCKERFILE
    assert "# syntax" not in TEXT
    assert set(INSTRUCTIONS) <= {
        *("ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN", "USER", "WORKDIR")
    }
    assert not re.search(r"COPY .*--(chmod|link|exclude|parents)", DOCKERFILE)


def test_code_comes_last() -> None:
    """A change of code changes nothing that takes long to make: what is installed comes before it."""
    last_stage = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    after = last_stage.split("COPY service service", 1)[1]

    assert "install" not in after
    assert "COPY" not in after
