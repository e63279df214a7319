"""Whether Redis is there when the service starts. It is never more than a concern: everything works without it."""

from collections.abc import Mapping

from redis.exceptions import AuthenticationError, NoPermissionError

from service.adapters.redis.calls import ERRORS
from service.adapters.redis.connection import RedisLink
from service.core.findings import Finding

WITHOUT = "progress comes from DynamoDB every two seconds, and jobs start up to two seconds later"

# code → what to do
FIXES: Mapping[str, str] = {
    "redis_refused": "Check user and password in REDIS_URL.",
    "redis_tls": "Check the certificate, and the scheme of REDIS_URL: rediss:// is TLS, redis:// is not.",
    "redis_away": (
        "Check REDIS_URL, the network, and that it is running; where it demands TLS, as ElastiCache does, the scheme "
        "is rediss://. It is used as soon as it answers."
    ),
}


async def check_redis(link: RedisLink | None) -> list[Finding]:
    """What is not as it should be; empty if Redis answers. The link remembers what was found."""
    if link is None:
        return [Finding("redis_none", f"There is no Redis: {WITHOUT}.", "Set REDIS_URL.", stops=False)]
    try:
        await link.client.ping()
    except ERRORS as error:
        link.note_failure(error)
        code = _code(error)
        problem = f"Redis does not answer ({type(error).__name__}): {WITHOUT}."
        return [Finding(code, problem, FIXES[code], stops=False)]
    link.note_answer()
    return []


def _code(error: Exception) -> str:
    if isinstance(error, AuthenticationError | NoPermissionError):
        return "redis_refused"
    # redis-py hands an ssl.SSLError on as a connection error, with its words.
    return "redis_tls" if "SSL" in str(error) or "certificate" in str(error) else "redis_away"
