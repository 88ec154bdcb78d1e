"""Signatures, verified by the stock library."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from execution_monitor.webhooks.signatures import new_secret, signed_headers


def test_a_secret_is_of_256_bits_and_never_the_same():
    assert new_secret().startswith("whsec_")
    assert len({new_secret() for _ in range(100)}) == 100


def test_the_stock_library_accepts_a_signed_body():
    secret, body = new_secret(), '{"type": "execution.entered", "name": "Grüße"}'

    headers = signed_headers("msg_1", body, [secret], datetime.now(UTC))

    assert Webhook(secret).verify(body, dict(headers)) == {"type": "execution.entered", "name": "Grüße"}
    assert headers["webhook-id"] == "msg_1"


def test_while_a_secret_is_rotated_both_are_accepted():
    old, new = new_secret(), new_secret()

    headers = signed_headers("msg_1", "{}", [new, old], datetime.now(UTC))

    for secret in (old, new):
        Webhook(secret).verify("{}", dict(headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify("{}", dict(headers))


@pytest.mark.parametrize("changed", [{"webhook-id": "msg_2"}, {"webhook-timestamp": "1"}])
def test_no_other_id_time_or_body_is_accepted(changed: dict[str, str]):
    secret = new_secret()
    headers = dict(signed_headers("msg_1", "{}", [secret], datetime.now(UTC)))

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify("{}", headers | changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify('{"a": 1}', headers)


def test_the_time_is_that_of_utc_whatever_the_zone():
    secret, elsewhere = new_secret(), datetime.now(timezone(timedelta(hours=7)))

    Webhook(secret).verify("{}", dict(signed_headers("msg_1", "{}", [secret], elsewhere)))
