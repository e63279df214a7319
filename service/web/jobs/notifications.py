"""The addresses of notifications: list those that wait or were given up, and send one again."""

from typing import Annotated, Literal

from litestar import Controller, Response, get, post
from litestar.params import QueryParameter

from service.application.jobs import resend_notification
from service.application.listing import list_notifications
from service.application.progress import view_of
from service.core.errors import IllegalTransition, InvalidRequest, StoreError
from service.core.listing import USUAL_ON_A_PAGE
from service.core.webhooks.notification import Progress
from service.web.http.lists import Cursor, Limit
from service.web.http.notices import NotificationsDocument, notifications_document
from service.web.http.parameters import CallerDep, JobId
from service.web.http.responses import READ, documented
from service.web.http.schemas import JobDocument, job_document

Which = Annotated[
    Literal["dead", "pending"],
    QueryParameter(name="state", description="`dead`: given up; `pending`: still to be delivered."),
]


class NotificationController(Controller):
    """`/v1/notifications`, and `/notification` of a job."""

    tags = ("notifications",)

    @get(
        "/notifications",
        operation_id="listNotifications",
        summary="Your notifications that were given up, or that wait",
        responses=documented(InvalidRequest, StoreError),
    )
    async def index(
        self, caller: CallerDep, which: Which = "dead", limit: Limit = USUAL_ON_A_PAGE, cursor: Cursor = None
    ) -> NotificationsDocument:
        """A page of them, the latest first. What changed in this second may not show yet."""
        return notifications_document(await list_notifications(caller, Progress(which), limit, cursor))

    @post(
        "/jobs/{job_id:str}/notification",
        status_code=202,
        operation_id="resendNotification",
        summary="Send the notification of a job again",
        responses=documented(*READ, IllegalTransition, StoreError),
    )
    async def resend(self, caller: CallerDep, job_id: JobId) -> Response[JobDocument]:
        """Send it now, and with all of its tries if it fails: one that was given up, waits, or was delivered."""
        job = await resend_notification(caller, job_id)
        return Response(job_document(await view_of(caller.context, job)))
