import json

import pytest

from service.core.webhooks.endpoints import parse_endpoints
from service.core.webhooks.room import IN_ALL, OF_ONE, room_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def entry(url: object = "https://studio.example/hook?token=abc", secrets: object = (SECRET,)) -> dict[str, object]:
    """An endpoint as operators write it."""
    return {"url": url, "secrets": secrets}


def test_endpoints_are_read_by_tenant() -> None:
    """Each tenant has one address and its secrets, neither of which shows in what is printed of them."""
    found = parse_endpoints(json.dumps({"studio": entry(), "": entry("http://[::1]:8080/", [SECRET, SECRET])}))

    assert [(one.tenant, one.scheme, one.host, len(one.secrets)) for one in found] == [
        ("studio", "https", "studio.example", 1),
        ("", "http", "::1", 2),
    ]
    assert "token" not in repr(found)
    assert str(found[0].secrets[0]) not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        json.dumps({"studio": "https://studio.example"}),
        json.dumps({"studio": {"url": "https://studio.example"}}),
        json.dumps({"studio": entry() | {"more": 1}}),
        f'{{"studio": {json.dumps(entry())}, "studio": {json.dumps(entry())}}}',
        *(
            json.dumps({"studio": entry(url)})
            for url in (
                1, "", "studio.example", "ftp://studio.example", "https://", "https://user:pass-word@studio.example/",
                "https://studio.example/#part", "https://studio.example:0/", "https://studio.example:99999/",
                "https://studio.example/a b", "https://studio.example/\r\nx: y", "https://stüdio.example/",
            )
        ),
        *(json.dumps({"studio": entry(secrets=secrets)}) for secrets in ([], SECRET, ["whsec_c2hvcnQ="], [SECRET] * 5)),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_not_quoted(text: str) -> None:
    """Every mistake is refused, and what is refused may hold a secret, so that nothing but the tenant is repeated."""
    with pytest.raises(ValueError) as refused:
        parse_endpoints(text)
    said = str(refused.value)
    assert not any(word in said for word in ("pass-word", "c2hvcnQ", SECRET[6:], "studio.example"))


def test_troubled_endpoints_leave_room_for_the_others() -> None:
    """However many endpoints hang, others have room; a troubled one has one attempt at a time, a good one several."""
    hanging = {f"hangs{n}": 1 for n in range(1000)}

    assert room_for("one", {}, ()) == OF_ONE
    assert room_for("one", {"one": OF_ONE}, ()) == 0
    assert room_for("one", {}, {"one"}) == 1
    assert room_for("one", {"one": 1}, {"one"}) == 0
    under_way: dict[str, int] = {}
    for tenant in hanging:
        if room_for(tenant, under_way, hanging) > 0:
            under_way[tenant] = 1
    assert sum(under_way.values()) == IN_ALL // 2
    assert room_for("good", under_way, hanging) == OF_ONE
    assert room_for("good", {f"good{n}": OF_ONE for n in range(IN_ALL // OF_ONE)}, ()) == 0
