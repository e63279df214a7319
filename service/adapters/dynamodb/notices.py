"""The notification in the item of a job. An older release wrote none."""

from service.adapters.dynamodb.values import Item, text_in, time_in
from service.core.webhooks.notification import Notification, Progress


def notification_in(item: Item) -> Notification | None:
    """Read it; raises `KeyError` or `ValueError` if it is damaged."""
    if (state := text_in(item, "notice")) is None:
        return None
    return Notification(
        state=Progress(state),
        attempt=int(item["notice_attempt"]["N"]),
        tries=int(item["notice_tries"]["N"]),
        owner=text_in(item, "notice_owner"),
        error=text_in(item, "notice_error"),
        ended_at=time_in(item, "notice_at"),
    )
