"""Encryption at rest."""

import pytest
from cryptography.fernet import Fernet

from execution_monitor.encryption import Encryption, NotDecrypted
from execution_monitor.errors import SetupError


def new_key() -> str:
    return Fernet.generate_key().decode()


def test_what_was_encrypted_is_decrypted_and_not_seen_in_between():
    encryption = Encryption([new_key()])

    stored = encryption.encrypt("whsec_grüße")

    assert b"whsec" not in stored
    assert encryption.decrypt(stored) == "whsec_grüße"


def test_after_a_rotation_older_secrets_can_be_read_and_new_ones_need_the_new_key():
    old, new = new_key(), new_key()
    before = Encryption([old]).encrypt("before")
    rotated = Encryption([new, old])

    assert rotated.decrypt(before) == "before"
    assert Encryption([new]).decrypt(rotated.encrypt("after")) == "after"
    with pytest.raises(NotDecrypted):
        Encryption([old]).decrypt(rotated.encrypt("after"))


@pytest.mark.parametrize("stored", [b"", b"plain", b"gAAAA"])
def test_what_is_damaged_is_not_decrypted(stored: bytes):
    with pytest.raises(NotDecrypted):
        Encryption([new_key()]).decrypt(stored)


def test_without_a_key_nothing_is_stored_in_the_clear():
    with pytest.raises(SetupError, match="EXECUTION_MONITOR_SECRETS_KEYS"):
        Encryption([]).encrypt("secret")
    with pytest.raises(NotDecrypted):
        Encryption([]).decrypt(Encryption([new_key()]).encrypt("secret"))
