"""An identity provider on a real socket: its keys, the tokens it signs, and how it fails."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.servers import served

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")


class Clock:
    """A clock that stands still until a test sets `now`, and an `asyncio.sleep` by it."""

    def __init__(self) -> None:
        self._now = 1_000.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self.has_sleeper = asyncio.Event()

    def __call__(self) -> float:
        return self._now

    @property
    def now(self) -> float:
        return self._now

    @now.setter
    def now(self, time: float) -> None:
        self._now = time
        for until, wake in self._sleepers:
            if until <= time:
                wake.set()

    async def sleep(self, seconds: float) -> None:
        sleeper = (self._now + seconds, asyncio.Event())
        self._sleepers.append(sleeper)
        if seconds > 0:
            self.has_sleeper.set()
            await sleeper[1].wait()
        self._sleepers.remove(sleeper)


def private_key(algorithm: str, name: str = "first", bits: int = 2_048) -> Any:
    """A private key for `algorithm`; the same for the same `name`."""
    # Making one takes a tenth of a second: all RSA algorithms share one.
    kind = algorithm if algorithm in ("EdDSA", "ES256", "ES384") else "RSA"
    return _generate(kind, name, bits)


@cache
def _generate(kind: str, _: str, bits: int) -> Any:
    if kind == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "RSA":
        return rsa.generate_private_key(65_537, bits)
    return ec.generate_private_key(ec.SECP256R1() if kind == "ES256" else ec.SECP384R1())


def jwk(algorithm: str, name: str = "first", bits: int = 2_048, **changes: Any) -> dict[str, Any]:
    """The public key of `private_key` as a JWK of the key set; a change to None removes a member."""
    public = private_key(algorithm, name, bits).public_key()
    if algorithm == "EdDSA":
        shown = OKPAlgorithm.to_jwk(public, as_dict=True)
    elif algorithm.startswith("ES"):
        shown = ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        shown = RSAAlgorithm.to_jwk(public, as_dict=True)
    shown.pop("key_ops", None)
    members = {**shown, "kid": f"{name} {algorithm}", "use": "sig", "alg": algorithm, **changes}
    return {member: value for member, value in members.items() if value is not None}


def sign(algorithm: str = "RS256", name: str = "first", headers: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token of ada, valid for five minutes and signed with `private_key`; a change to None removes a claim."""
    claims = {"sub": "ada", "tenant_id": "acme", "exp": int(time.time()) + 300, **changes}
    return jwt.encode(  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's
        {claim: value for claim, value in claims.items() if value is not None},
        private_key(algorithm, name),
        algorithm=algorithm,
        headers={"kid": f"{name} {algorithm}", **(headers or {})},
    )


@dataclass
class Provider:
    """What the identity provider publishes, and how often its key set was fetched."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    fetches: int = 0
    discovery: dict[str, Any] = field(default_factory=dict[str, Any])
    response: Callable[[], Response] | None = None  # instead of the keys
    requested: asyncio.Event = field(default_factory=asyncio.Event)
    may_respond: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key_set_url(self) -> str:
        return f"{self.url}/keys"

    async def show_keys(self, _: Request) -> Response:
        self.fetches += 1
        self.requested.set()
        await self.may_respond.wait()
        return self.response() if self.response else JSONResponse({"keys": self.keys})

    async def show_discovery(self, _: Request) -> Response:
        return JSONResponse({"issuer": self.url, "jwks_uri": self.key_set_url, **self.discovery})


@contextlib.asynccontextmanager
async def running_provider(*algorithms: str) -> AsyncGenerator[Provider]:
    """An identity provider with a key for each of `algorithms`."""
    provider = Provider(keys=[jwk(each) for each in algorithms])
    provider.may_respond.set()
    routes = [
        Route("/keys", provider.show_keys),
        Route("/.well-known/openid-configuration", provider.show_discovery),
    ]
    async with served(Starlette(routes=routes)) as provider.url:
        yield provider
