"""The one description of bucket and table, and the code that relies on it without reading it."""

import pytest

from service.adapters.aws.resources import (
    CORS,
    DUE_AT,
    EXPIRY,
    FILE,
    INDEX,
    KEY,
    LIFECYCLE,
    OWNERSHIP,
    PUBLIC_ACCESS_BLOCK,
    QUEUE,
    TABLE,
)
from service.adapters.dynamodb.items import job_to_item, pending_to_item, upload_to_item
from service.core.naming import RESULTS, UPLOADS
from service.settings import read
from service.testing.factories import a_job, a_pending_upload, an_upload


def test_items_have_the_keys_of_the_table() -> None:
    """What is written has the key, the keys of the index and the time to live, each of the type that is declared."""
    types = {one["AttributeName"]: one["AttributeType"] for one in TABLE["AttributeDefinitions"]}
    item = job_to_item(a_job(), 4)

    assert set(types) == {KEY, QUEUE, DUE_AT}
    for name, kind in types.items():
        assert list(item[name]) == [kind]
    for kept in (item, upload_to_item(an_upload()), pending_to_item(a_pending_upload())):
        assert list(kept[KEY]) == ["S"]
        assert list(kept[EXPIRY]) == ["N"]


def test_the_life_cycle_knows_where_things_are() -> None:
    """Uploads and results expire where the code puts them, and unfinished uploads wherever they are."""
    assert {rule["Filter"]["Prefix"] for rule in LIFECYCLE if "Expiration" in rule} == {UPLOADS, RESULTS}
    (unfinished,) = (rule for rule in LIFECYCLE if "AbortIncompleteMultipartUpload" in rule)
    assert unfinished["Filter"]["Prefix"] == ""
    assert all(rule["Status"] == "Enabled" for rule in LIFECYCLE)


def test_the_life_cycle_is_wider_than_the_default_time_to_live() -> None:
    """With the default settings nothing is deleted before an upload, and then its job, have expired."""
    days = [rule["Expiration"]["Days"] for rule in LIFECYCLE if "Expiration" in rule]

    assert min(days) * 86400 >= 2 * read({}).time_to_live


@pytest.mark.requirement("3.3")
def test_the_bucket_is_private() -> None:
    """No ACLs, and all four ways to the public are blocked."""
    assert OWNERSHIP == "BucketOwnerEnforced"
    assert set(PUBLIC_ACCESS_BLOCK.values()) == {True}
    assert len(PUBLIC_ACCESS_BLOCK) == 4


def test_a_heartbeat_costs_one_write() -> None:
    """The index holds keys only, so that what is not a key of it is not written twice."""
    (index,) = TABLE["GlobalSecondaryIndexes"]

    assert index["IndexName"] == INDEX
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert TABLE["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.requirement("3.2")
def test_browsers_may_do_what_the_page_does() -> None:
    """CORS lets a page send a part and read its ETag, and read a download in ranges with all that resuming takes."""
    assert {"GET", "HEAD", "PUT"} <= set(CORS["AllowedMethods"])
    assert {"ETag", "Content-Length", "Content-Range", "Accept-Ranges"} <= set(CORS["ExposeHeaders"])


def test_the_file_is_where_the_package_is() -> None:
    """The infrastructure program finds it by its path in the tree, and an installed service in its package."""
    assert FILE.parts[-2:] == ("service", "resources.json")
