"""
How many notifications may be under way at once, so that no endpoint holds up another tenant's.

An endpoint whose last attempt was in vain is *troubled*: it gets one attempt at a time, and all troubled ones together
at most half of the places. So endpoints that hang share their half, and the others have theirs.
"""

from collections.abc import Collection, Mapping
from typing import Final

OF_ONE: Final = 4  # under way at once for one endpoint, in one process
IN_ALL: Final = 64  # for all of them


def room_for(tenant: str, under_way: Mapping[str, int], troubled: Collection[str]) -> int:
    """Return how many more attempts may begin for this tenant; `under_way` counts those of each."""
    own, everything = under_way.get(tenant, 0), sum(under_way.values())
    if tenant in troubled:
        of_troubled = sum(count for one, count in under_way.items() if one in troubled)
        return max(0, min(1 - own, IN_ALL // 2 - of_troubled, IN_ALL - everything))
    return max(0, min(OF_ONE - own, IN_ALL - everything))
