"""Extensions of ASGI between our server and the application.

The server offers its own in `scope["extensions"]`, the application in the state of its lifespan.
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Protocol

from execution_monitor.asgi.websocket_frames import SharedTexts

# Sends a text, as UTF-8, over the scope's WebSocket at once, and returns whether it did: it sends nothing while the
# buffers on the way to the client are full.
SendNow = Callable[[bytes], bool]
# The same for several texts in a row, each with the given beginning: all of them or none.
SendAll = Callable[[bytes, SharedTexts], bool]

# The key of the lifespan's state under which an application passes its `Delay` to the server.
BEHIND_KEY = "live_behind"

_SEND_NOW = "execution_monitor.send_now"
_SEND_ALL = "execution_monitor.send_all"


class Delay(Protocol):
    """How late the events are that are sent over WebSockets."""

    @property
    def seconds_to_report(self) -> int:
        """In whole seconds; 0 for a delay too short to report."""
        ...


def offer_to_send_now(scope: MutableMapping[str, Any], send_now: SendNow, send_all: SendAll) -> None:
    """Offer `send_now` and `send_all` to the application, in `scope`."""
    scope["extensions"] = {**(scope.get("extensions") or {}), _SEND_NOW: send_now, _SEND_ALL: send_all}


def send_now_of(scope: MutableMapping[str, Any]) -> SendNow | None:
    """The function that sends a text at once; None under other servers than ours."""
    return _extensions_of(scope).get(_SEND_NOW)


def send_all_of(scope: MutableMapping[str, Any]) -> SendAll | None:
    """The function that sends several texts at once; None under other servers than ours."""
    return _extensions_of(scope).get(_SEND_ALL)


def _extensions_of(scope: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return scope.get("extensions") or {}
