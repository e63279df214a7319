"""
Making the bucket as `resources` has it, where no infrastructure program does: embedded, compose, tests.

The bucket belongs to the service, so rules that are not as they should be are replaced.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from service.adapters.aws.clients import code_of, status_of
from service.adapters.aws.provisioning import AS_IT_SHOULD_BE, CannotBeMended, Tell, silently
from service.adapters.aws.resources import CORS, LIFECYCLE, OWNERSHIP, PUBLIC_ACCESS_BLOCK

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

ABSENT = frozenset({
    "NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration", "NoSuchPublicAccessBlockConfiguration",
    "OwnershipControlsNotFoundError",
})  # fmt: skip
UNKNOWN_HERE = frozenset({405, 501})  # a stand-in that does not know something: it has no public and no ACLs either


def create_bucket(client: "S3Client", name: str, *, region: str, origins: Sequence[str], tell: Tell = silently) -> None:
    """
    Make the bucket, or bring ours into shape; safe to repeat and to race.

    `origins` are the web pages that may talk to S3 directly, such as `https://audio.example`. Raises `CannotBeMended`
    if the name belongs to another account, and what botocore raises.
    """
    tell(f"bucket {name}", "created" if _create(client, name, region) else "is there")
    for part in _parts(client, name, origins):
        tell(f"bucket {name}, {part.name}", part.bring_about())


def _create(client: "S3Client", name: str, region: str) -> bool:
    """Whether it had to be made. Asked first, because S3 in us-east-1 does not refuse to make what is there."""
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if status_of(error) != 404:
            raise
    else:
        return False
    try:
        if region == "us-east-1":  # the one region that must not be named
            client.create_bucket(Bucket=name)
        else:
            client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]  # the stubs list regions by name
    except ClientError as error:
        if code_of(error) == "BucketAlreadyExists":
            raise CannotBeMended(f"bucket {name}: somebody else has a bucket of that name; choose another") from error
        if code_of(error) != "BucketAlreadyOwnedByYou":  # another process was quicker
            raise
    return True


@dataclass(frozen=True, slots=True)
class _Part:
    """Something that is set at a bucket: how to read it, whether that is right, how to set it."""

    name: str
    read: Callable[[], Mapping[str, Any]]
    right: Callable[[Mapping[str, Any]], bool]
    write: Callable[[], object]

    def bring_about(self) -> str:
        """Set it if it is missing or wrong; says what was done."""
        try:
            if self._is_right():
                return AS_IT_SHOULD_BE
            self.write()
        except ClientError as error:
            if status_of(error) not in UNKNOWN_HERE:
                raise
            return "not known here, left out"
        return "set"

    def _is_right(self) -> bool:
        try:
            return self.right(self.read())
        except ClientError as error:
            if code_of(error) in ABSENT:
                return False
            raise


def _parts(client: "S3Client", name: str, origins: Sequence[str]) -> Sequence[_Part]:
    cors: Any = {**CORS, "AllowedOrigins": list(origins)}
    lifecycle: Any = {"Rules": list(LIFECYCLE)}
    block: Any = dict(PUBLIC_ACCESS_BLOCK)
    ownership: Any = {"Rules": [{"ObjectOwnership": OWNERSHIP}]}
    parts = [
        _Part(
            "lifecycle",
            lambda: dict(client.get_bucket_lifecycle_configuration(Bucket=name)),
            lambda found: all(any(wanted.items() <= rule.items() for rule in found["Rules"]) for wanted in LIFECYCLE),
            lambda: client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=lifecycle),
        ),
        _Part(
            "public access block",
            lambda: dict(client.get_public_access_block(Bucket=name)),
            lambda found: found["PublicAccessBlockConfiguration"] == block,
            lambda: client.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block),
        ),
        _Part(
            "object ownership",
            lambda: dict(client.get_bucket_ownership_controls(Bucket=name)),
            lambda found: found["OwnershipControls"]["Rules"] == ownership["Rules"],
            lambda: client.put_bucket_ownership_controls(Bucket=name, OwnershipControls=ownership),
        ),
    ]
    if not origins:
        return parts
    return [
        _Part(
            f"CORS for {', '.join(origins)}",
            lambda: dict(client.get_bucket_cors(Bucket=name)),
            lambda found: len(found["CORSRules"]) == 1 and _same(found["CORSRules"][0], cors),
            lambda: client.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [cors]}),
        ),
        *parts,
    ]


def _same(rule: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a rule says the same, in whatever order."""
    return all(
        sorted(rule.get(key, [])) == sorted(value) if isinstance(value, list) else rule.get(key) == value
        for key, value in wanted.items()
    )
