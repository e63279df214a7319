"""What one tenant may take of the service."""

import pytest

from service.core.jobs.queue import tag_of_tenant
from service.core.limits.shares import MAX_STORED, NO_LIMITS, RunningLimits, Shares, TenantLimits, parse_shares


def limits_of(shares: Shares, tenant: str, *, queued: int = 1000, uploads: int = 32) -> TenantLimits:
    """The limits of a tenant in a service with these totals."""
    return shares.limits_of(tenant, queued=queued, uploads=uploads, open_uploads=1000)


def test_a_tenant_has_a_share_of_each_total() -> None:
    """Without a setting: a tenth of the queue, at least 20; a quarter of the upload places; slots without a limit."""
    assert limits_of(Shares(), "amber") == TenantLimits(
        queued=100, running=None, uploads=8, open_uploads=1000, stored=MAX_STORED
    )
    assert limits_of(Shares(), "amber", queued=40).queued == 20
    assert limits_of(Shares(), "amber", queued=5).queued == 5
    assert limits_of(Shares(), "amber", uploads=1).uploads == 1


def test_the_limits_of_the_only_tenant_are_the_totals() -> None:
    """An open service has one tenant, with which no other has to share."""
    limits = limits_of(Shares(), "")
    assert (limits.queued, limits.uploads) == (1000, 32)


def test_a_setting_of_a_tenant_goes_before_that_of_all() -> None:
    """What is set for a tenant holds for it, what is set for * for all others, name by name."""
    shares = parse_shares("amber: queued=7, stored=2TiB; *: queued=9,running=3,open=4 ;birch:running=5,uploads=6")

    assert limits_of(shares, "amber") == TenantLimits(
        queued=7, running=3, uploads=8, open_uploads=4, stored=2 * 1024**4
    )
    assert limits_of(shares, "birch") == TenantLimits(queued=9, running=5, uploads=6, open_uploads=4, stored=MAX_STORED)
    assert shares.tenants == ("amber", "birch")
    assert shares.running == RunningLimits(3, {tag_of_tenant("amber"): 3, tag_of_tenant("birch"): 5})
    assert (shares.running.of(tag_of_tenant("birch")), shares.running.of("other")) == (5, 3)
    assert Shares().running == NO_LIMITS


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("queued=7", "entry 1 does not begin with a tenant"),
        ("amber:queued=7;Birch:queued=7", "entry 2 does not begin with a tenant"),
        ("amber:queued=7;amber:open=1", "entry 2 is the second one of amber"),
        ("amber:", "entry 1 needs each of"),
        ("amber:slots=7", "not 'slots'"),
        ("amber:queued=7,queued=8", "not 'queued'"),
        ("amber:queued=0", "queued of entry 1 must be a number from 1"),
        ("amber:queued=7GiB", "queued of entry 1"),
        ("amber:stored=7TB", "stored of entry 1"),
        ("amber:stored=-1", "stored of entry 1"),
    ],
)
def test_limits_that_make_no_sense_are_refused(text: str, complaint: str) -> None:
    """Each mistake is named with its place, because a limit that is not understood would not hold."""
    with pytest.raises(ValueError, match=complaint):
        parse_shares(text)
