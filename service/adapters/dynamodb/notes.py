"""What is noted in the record of a job by others than its holder: it changes no state, and passes no fence."""

from service.adapters.dynamodb import conditions as changes
from service.adapters.dynamodb.items import job_pk
from service.adapters.dynamodb.table import Refusal, Table


class DynamoNotes:
    """A part of the store of jobs, which makes the table."""

    _table: Table

    async def note_shown(self, job_id: str, percent: float) -> None:
        await self._table.update(job_pk(job_id), changes.note_shown(percent))

    async def note_alive(self, key: str, attempt: int) -> None:
        for counted in (True, False):
            noted = await self._table.update(job_pk(key), changes.note_alive(attempt, counted=counted))
            if not isinstance(noted, Refusal):
                return
