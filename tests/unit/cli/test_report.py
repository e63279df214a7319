import io

from service.cli.report import draw
from tests.unit.wiring.test_start_up import CORS, GONE, PLACES, a_report


def test_a_person_sees_what_is_used_and_why() -> None:
    """The table has every place with its address, what chose it and how it is; a concern is one line to be copied."""
    stream = io.StringIO()
    draw(a_report(s3=[CORS], dynamodb=[GONE]), stream)
    lines = stream.getvalue().splitlines()

    for place in PLACES:
        (line,) = (line for line in lines if line.strip().startswith(place.name + " "))
        assert place.address in line
        assert place.chosen_by in line
    assert any("S3" in line and "cors_missing" in line for line in lines)
    assert any("DynamoDB" in line and "credentials_missing" in line for line in lines)
    assert any("Redis" in line and line.rstrip().endswith("ok") for line in lines)
    assert "! No rule. Add one. [cors_missing]" in lines
    assert any("container-role" in line for line in lines)
    assert not any("Set them." in line for line in lines), "whoever ends the service says what it ended for"
