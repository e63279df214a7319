"""API keys: how they are configured, and whose one is."""

import hashlib

import pytest

from service.core.access import ApiKey, parse_keys, tenant_with


def hashed(key: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


KEYS = parse_keys(f"acme:{hashed('first')}, acme:{hashed('second').upper()} ,other-1:{hashed('third')}")


def test_list_of_keys_is_parsed() -> None:
    """Several tenants, several keys of one, spaces and capital digits are all understood."""
    expected = (
        ApiKey("acme", hashed("first")),
        ApiKey("acme", hashed("second")),
        ApiKey("other-1", hashed("third")),
    )
    assert expected == KEYS


def test_service_is_open_only_with_the_word_none() -> None:
    """The word for an open service is `none`."""
    assert parse_keys(" None ") == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("hunter2", "entry 1 has no colon"),
        (f"acme:{hashed('a')},hunter2", "entry 2 has no colon"),
        ("acme:hunter2", "entry 1 has no SHA-256"),
        (f"hunter2!:{hashed('a')}", "the tenant of entry 1"),
        (f":{hashed('a')}", "the tenant of entry 1"),
        (f"a:{hashed('hunter2')},b:{hashed('hunter2')}", "entry 2 repeats"),
        (f"a:{hashed('hunter2')},", "entry 2 has no colon"),
    ],
)
def test_mistake_in_the_keys_is_named_without_quoting_it(text: str, complaint: str) -> None:
    """What is wrong is said by its place; what stands there may be a key, and is not repeated."""
    with pytest.raises(ValueError, match=complaint) as caught:
        parse_keys(text)

    assert "hunter2" not in str(caught.value)
    assert hashed("hunter2") not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "tenant"), [("first", "acme"), ("second", "acme"), ("third", "other-1"), ("First", None), ("", None)]
)
def test_api_key_belongs_to_its_tenant(key: str, tenant: str | None) -> None:
    """Any key of a tenant is the tenant's; nothing else is anybody's, least of all the hash itself."""
    assert tenant_with(KEYS, key) == tenant
    assert tenant_with(KEYS, hashed(key)) is None
