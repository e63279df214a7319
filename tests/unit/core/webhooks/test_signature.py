import base64

import pytest

from service.core.webhooks.signature import parse_secret, signed_headers

# The example of the specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_signature_is_that_of_the_specification() -> None:
    """The example of the specification comes out to the letter."""
    assert signed_headers([parse_secret(SECRET)], ID, TIMESTAMP, BODY) == {
        "webhook-id": ID,
        "webhook-timestamp": str(TIMESTAMP),
        "webhook-signature": SIGNATURE,
    }


def test_signature_covers_id_time_and_body() -> None:
    """Another id, another time or another byte makes another signature: no message can be replayed as a newer one."""
    secret = [parse_secret(SECRET)]
    others = [(ID + "x", TIMESTAMP, BODY), (ID, TIMESTAMP + 1, BODY), (ID, TIMESTAMP, BODY + b" ")]

    found = [signed_headers(secret, *it)["webhook-signature"] for it in [(ID, TIMESTAMP, BODY), *others]]

    assert len(set(found)) == len(found)


def test_each_secret_signs() -> None:
    """While a secret is rotated there is a signature of each, separated by blanks."""
    other = "whsec_" + base64.b64encode(b"o" * 32).decode()
    found = signed_headers([parse_secret(SECRET), parse_secret(other)], ID, TIMESTAMP, BODY)["webhook-signature"]

    assert found.split(" ")[0] == SIGNATURE
    assert len(found.split(" ")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_short",
        "whsec_!!!!",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
    ],
)
def test_what_is_no_secret_is_refused_and_not_quoted(text: str) -> None:
    """A secret has its prefix and 24 to 64 bytes; what is refused may be one, and is not repeated."""
    with pytest.raises(ValueError, match="a secret must be") as refused:
        parse_secret(text)
    assert len(text) < 8 or text.removeprefix("whsec_") not in str(refused.value)
