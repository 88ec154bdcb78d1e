"""How people sign in to the dashboard: what `/config.json` tells of it, and in a demo one click on somebody."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from execution_monitor.errors import Forbidden
from execution_monitor.web.problems import NO_STORE


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom anyone at this machine may be, and the token that makes them so."""

    name: str
    may: str
    token: str


# Made anew each time: tokens expire.
People = Callable[[], Sequence[Person]]


def sign_in_routes(people: People | None) -> list[Route]:
    """`/config.json`, and `/development/people` where there are `people`: for browsers on this machine alone."""

    def configure(request: Request) -> JSONResponse:
        offers_people = people is not None and _is_at_this_machine(request)
        return JSONResponse({"people": "/development/people" if offers_people else None}, headers=NO_STORE)

    routes = [Route("/config.json", configure)]
    if people is not None:

        def list_people(request: Request) -> JSONResponse:
            if not _is_at_this_machine(request):
                raise Forbidden("The people of the demo are for browsers on its own machine; paste a token instead.")
            return JSONResponse([asdict(person) for person in people()], headers=NO_STORE)

        routes.append(Route("/development/people", list_people))
    return routes


def _is_at_this_machine(request: Request) -> bool:
    # A page elsewhere may have its own name lead here (DNS rebinding), but it cannot change the name in Host.
    return _is_loopback(request.url.hostname) and _is_loopback(request.client.host if request.client else None)


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
