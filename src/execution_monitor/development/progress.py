"""Progress of long work on stderr: a bar on a terminal, plain lines elsewhere."""

import contextlib
from collections.abc import Callable, Generator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn


@contextlib.contextmanager
def working(description: str) -> Generator[None]:
    """Show that the work `description` is running, for work whose length is unknown."""
    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(f"{description} ...", markup=False, highlight=False)
        yield
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(description, total=None)
        yield


@contextlib.contextmanager
def counting(description: str, total: int) -> Generator[Callable[[int], None]]:
    """Show how much of `total` is done; call the function that it yields with the number so far."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(description, total=total)

        def show(done: int) -> None:
            # `total` may be an estimate; a bar must not pass its end.
            progress.update(task, completed=done, total=max(total, done))

        yield show
