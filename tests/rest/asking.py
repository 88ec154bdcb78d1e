"""The types of the fixtures `ask` and `store`."""

from collections.abc import Awaitable, Callable

import httpx2

Ask = Callable[..., Awaitable[httpx2.Response]]
Store = Callable[..., Awaitable[None]]
