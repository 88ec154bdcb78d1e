"""The types of the fixtures `fetch` and `store`."""

from collections.abc import Awaitable, Callable

import httpx2

Fetch = Callable[..., Awaitable[httpx2.Response]]
Store = Callable[..., Awaitable[None]]
