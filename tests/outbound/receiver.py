"""A receiver with a certificate of its own authority: a real server over TLS that does what a test says."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "receiver.example.com"

Respond = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What came in."""

    line: str
    headers: dict[str, str]
    body: bytes
    server_name: str | None


@dataclass
class Receiver:
    """Where it listens, what it got, and how many connections it took."""

    port: int
    respond: Respond
    is_encrypted: bool = True
    requests: list[Request] = field(default_factory=list[Request])
    connections: int = 0

    @property
    def url(self) -> str:
        """Its URL, with a path."""
        origin = f"https://{NAME}" if self.is_encrypted else "http://127.0.0.1"
        return f"{origin}:{self.port}/hook?key=1"


def answering(*parts: bytes, pause: float = 0.0) -> Respond:
    """Write each of `parts`, with a pause behind it."""

    async def respond(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return respond


class Authority:
    """A certificate authority that nobody else trusts, with its files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self._certificate = self._sign(self._name, self._key.public_key(), is_authority=True)
        self._file = folder / "authority.pem"
        self._file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def trusted(self) -> ssl.SSLContext:
        """A client's context that trusts it."""
        return ssl.create_default_context(cafile=str(self._file))

    def server(self, name: str = NAME) -> ssl.SSLContext:
        """The context of a server with a certificate for `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, key.public_key(), names=[name])
        pem = self._folder / f"{name}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *,
        names: Sequence[str] = (),
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(map(x509.DNSName, names)), critical=False)
        return builder.sign(self._key, hashes.SHA256())


@contextlib.asynccontextmanager
async def receiving(respond: Respond, context: ssl.SSLContext | None) -> AsyncGenerator[Receiver]:
    """A receiver that answers each request by `respond`, and keeps connections open until it is closed.

    Without a context it is not encrypted, and in its URL is its address.
    """
    names: list[str | None] = []

    def remember(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        names.append(name)

    if context is not None:
        context.sni_callback = remember
    receiver = Receiver(0, respond, is_encrypted=context is not None)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        server_name = names[-1] if names else None
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                receiver.requests.append(Request(head[0], headers, body, server_name))
                await receiver.respond(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
