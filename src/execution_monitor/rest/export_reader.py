"""The reader of an export: executions in order, a page at a time, so that a file of any size takes little memory."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from execution_monitor.asgi.operations import Outcome
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import Forbidden, ResponseTooLarge
from execution_monitor.executions.executions import Executions
from execution_monitor.limits.streams import Ended
from execution_monitor.rest.export_request import ExportRequest
from execution_monitor.rest.export_rows import EXPORTED_FIELDS, FILES, show_exported
from execution_monitor.rest.models import show_time
from execution_monitor.storage.pagination import NEITHER, Page, PageRequest, PageSelection
from execution_monitor.storage.records import ExecutionRecord

# To show so many takes some 10 ms, in which nothing else is served.
_PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class ExportReader:
    """Reads what `caller` may see of an `export`, at most `most_rows`, and fills in the `outcome`.

    `ended` is done when the caller's token ends.
    """

    executions: Executions
    caller: Caller
    export: ExportRequest
    most_rows: int
    ended: Ended
    outcome: Outcome

    async def read(self) -> AsyncGenerator[bytes]:
        """Yield the parts of the file; where it does not have all that match, the last one says so.

        Raises:
            ExecutionMonitorError: The rest cannot be read, or the token has ended.
        """
        file, count, after = FILES[self.export.format], 0, None
        part = file.begin()
        while True:
            if self.ended.done():
                raise Forbidden(self.ended.result())
            # One more than the limit shows whether there are more.
            page = await self._read_page(min(_PAGE_SIZE, self.most_rows + 1 - count), after)
            shown = [show_exported(ExecutionRecord(row)) for row in page.rows[: self.most_rows - count]]
            self.outcome.answer_with(*[each.execution_id for each in shown])
            count += len(shown)
            part += file.render(shown)
            if len(shown) < len(page.rows):
                yield part + file.end_incomplete(self._describe_limit(page))
                return
            yield part
            if not page.has_next:
                return
            part, after = b"", page.end_cursor

    async def _read_page(self, size: int, after: str | None) -> Page:
        selection = PageSelection(EXPORTED_FIELDS | frozenset(self.export.order.fields), neighbours=NEITHER)
        where, order = self.export.where, self.export.order
        while True:
            try:
                page = await self.executions.list(self.caller, where, order, PageRequest(size, after=after), selection)
            except ResponseTooLarge:
                # Errors come with their stack traces.
                if size == 1:
                    raise
                size //= 2
            else:
                self.outcome.examined += page.search.examined
                return page

    def _describe_limit(self, page: Page) -> str:
        first, next_row = self.export.order.keys[0], ExecutionRecord(page.rows[-1])
        advice = "select fewer with start_date, end_date or filter."
        if first.field == "created":
            name = "end_date" if first.descending else "start_date"
            advice = f"the rest begins at {name}={show_time(next_row.created)}."
        return f"these are the first {self.most_rows:,} of more executions, the most in one export; {advice}"
