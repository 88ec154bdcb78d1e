"""Encryption at rest: secrets and secret addresses that users give, which the server must be able to read again."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from execution_monitor.errors import SetupError


class NotDecrypted(Exception):
    """None of the keys fits what is stored."""


class Encryption:
    """Encrypts with the first of several keys, and decrypts with any of them; without keys it refuses to encrypt.

    A key is what `cryptography.fernet.Fernet.generate_key` makes: 32 random bytes as base64url.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None

    def encrypt(self, text: str) -> bytes:
        """`text`, so that only these keys can read it.

        Raises:
            SetupError: There is no key.
        """
        if self._fernet is None:
            raise SetupError("Set EXECUTION_MONITOR_SECRETS_KEYS, with which secrets are encrypted.")
        return self._fernet.encrypt(text.encode())

    def decrypt(self, stored: bytes) -> str:
        """The text that was encrypted.

        Raises:
            NotDecrypted: It was encrypted with a key that is gone, or is damaged.
        """
        try:
            if self._fernet is not None:
                return self._fernet.decrypt(stored).decode()
        except (InvalidToken, UnicodeDecodeError, TypeError) as error:
            raise NotDecrypted from error
        raise NotDecrypted
