"""The routes by which people sign in to the dashboard: its configuration, an issuer, and in a demo one click."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_address

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from execution_monitor.asgi.headers import NO_STORE, NO_STORE_NO_TRANSFORM
from execution_monitor.auth.authorization_code import AuthorizationCodeFlow
from execution_monitor.errors import BadUserInput, Forbidden

_MAX_REDEMPTION_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Person:
    """A person of a demo, as whom anyone at this machine may sign in, with a token."""

    name: str
    may: str
    token: str


# Called for each request, since tokens expire.
People = Callable[[], Sequence[Person]]


def sign_in_routes(people: People | None, flow: AuthorizationCodeFlow | None, *, explorer: bool) -> list[Route]:
    """The route `/config.json`, with a `flow` `/sign-in/...`, and with `people` `/development/people`."""

    def get_configuration(request: Request) -> JSONResponse:
        offers_people = people is not None and _is_at_this_machine(request)
        configuration = {
            "people": "/development/people" if offers_people else None,
            "issuer": flow.issuer if flow else None,
            "graphiql": explorer,
        }
        return JSONResponse(configuration, headers=NO_STORE)

    routes = [Route("/config.json", get_configuration)]
    if people is not None:

        def list_people(request: Request) -> JSONResponse:
            if not _is_at_this_machine(request):
                raise Forbidden("The people of the demo are for browsers on its own machine; paste a token instead.")
            return JSONResponse([asdict(person) for person in people()], headers=NO_STORE_NO_TRANSFORM)

        routes.append(Route("/development/people", list_people))
    return routes if flow is None else [*routes, *_flow_routes(flow)]


def _flow_routes(flow: AuthorizationCodeFlow) -> list[Route]:
    async def get_issuer(_: Request) -> JSONResponse:
        server = await flow.find_authorization_server()
        issuer = {
            "endpoint": server.endpoint,
            "clientId": flow.client_id,
            "issuer": flow.issuer,
            "namesIssuer": server.sends_iss,
        }
        return JSONResponse(issuer, headers=NO_STORE)

    async def redeem(request: Request) -> JSONResponse:
        redemption = await _read_redemption(request)
        token = await flow.redeem(redemption.code, redemption.verifier, redemption.redirect_uri, iss=redemption.issuer)
        return JSONResponse({"token": token}, headers=NO_STORE_NO_TRANSFORM)

    return [Route("/sign-in/issuer", get_issuer), Route("/sign-in/token", redeem, methods=["POST"])]


class _Redemption(BaseModel):
    """The body with which a page redeems its code."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", alias_generator=to_camel)

    # RFC 7636, section 4.1; codes and addresses are as long as an issuer and a server make them.
    code: str = Field(min_length=1, max_length=4_096)
    verifier: str = Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")
    redirect_uri: str = Field(min_length=1, max_length=2_048)
    # The parameter `iss` of the response (RFC 9207).
    issuer: str | None = Field(default=None, max_length=2_048)


async def _read_redemption(request: Request) -> _Redemption:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_REDEMPTION_BYTES:
            raise BadUserInput("The body is too long.")
    try:
        return _Redemption.model_validate_json(bytes(body))
    except ValidationError as error:
        raise BadUserInput("Send JSON with code, verifier and redirectUri.") from error


def _is_at_this_machine(request: Request) -> bool:
    # A page elsewhere may have its own host name resolve to this machine (DNS rebinding), but it cannot change the
    # headers Host and Sec-Fetch-Site.
    is_our_page = request.headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    return (
        is_our_page
        and _is_loopback(request.url.hostname)
        and _is_loopback(request.client.host if request.client else None)
    )


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
