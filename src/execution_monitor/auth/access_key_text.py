"""Access keys as text, `em_<id>_<secret>`: make and read them, and compare their secrets with stored hashes."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass, field

PREFIX = "em_"

_ALPHABET = string.ascii_letters + string.digits
# 43 of 62 characters hold 256 bits: a plain hash cannot be searched, so that no slow one is needed.
_SECRET_LENGTH = 43
_KEY = re.compile(r"em_([0-9a-f]{24})_([0-9A-Za-z]{43})", re.ASCII)
_SHOWN = re.compile(r"(?:em_)?([0-9a-f]{24})(?:_[0-9A-Za-z]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class AccessKeyText:
    """A key in its two parts: the id, which may be shown, and the secret."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def make(cls, key_id: str) -> "AccessKeyText":
        """A new key with the id `key_id` and a random secret."""
        return cls(key_id, "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH)))

    @classmethod
    def parse(cls, text: str) -> "AccessKeyText | None":
        """The key that `text` is; None when it has not the form of one."""
        found = _KEY.fullmatch(text)
        return None if found is None else cls(found[1], found[2])

    @property
    def text(self) -> str:
        """The whole key, as a client sends it."""
        return f"{shown_part(self.id)}_{self.secret}"

    @property
    def hash(self) -> str:
        """What is stored of the secret."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def matches(self, stored: str) -> bool:
        """Whether `stored` is the hash of the secret; takes the same time whatever differs."""
        return hmac.compare_digest(self.hash.encode(), stored.encode())


def shown_part(key_id: str) -> str:
    """The part of a key that may be shown: `em_<id>`."""
    return f"{PREFIX}{key_id}"


def id_in(text: str) -> str | None:
    """The id in `text`, which is a whole key, its shown part or the id alone; None in other text."""
    found = _SHOWN.fullmatch(text)
    return None if found is None else found[1]


def signing_secret_of(key_id: str, server_key: bytes) -> str:
    """The secret for senders that sign their requests with HMAC and cannot send the key itself.

    It is derived from a secret of the server, so that nothing stored can verify or forge signatures: neither a copy of
    the database nor the access key itself, which a sender need not know. It changes with that secret of the server.
    """
    return hmac.new(server_key, b"access key, signing secret:" + key_id.encode(), hashlib.sha256).hexdigest()
