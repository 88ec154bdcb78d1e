"""The types of the fixtures that ask and store."""

from collections.abc import Awaitable, Callable

import httpx

Ask = Callable[..., Awaitable[httpx.Response]]
Store = Callable[..., Awaitable[None]]
