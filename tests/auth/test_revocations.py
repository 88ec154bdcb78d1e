from datetime import UTC, datetime, timedelta

import pytest

from execution_monitor.auth.caller import Caller
from execution_monitor.auth.revocations import Revocations, RevokedTokens
from execution_monitor.errors import Unauthenticated

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
BEFORE, AFTER = NOON - timedelta(seconds=1), NOON + timedelta(seconds=1)


def ada(tenant: str = "acme", at: datetime | None = BEFORE, token_id: str | None = "t-1") -> Caller:  # noqa: S107 - its name
    return Caller("ada", tenant, issued_at=at, token_id=token_id)


def knowing(*revoked: RevokedTokens) -> Revocations:
    revocations = Revocations()
    revocations.add(revoked)
    return revocations


IN_ACME = RevokedTokens(NOON, subject="ada", tenant="acme")
ANYWHERE = RevokedTokens(NOON, subject="ada")
ONE_TOKEN = RevokedTokens(NOON, token_id="t-1")  # noqa: S106 - its name


@pytest.mark.parametrize(
    ("revoked", "caller"),
    [
        pytest.param(IN_ACME, ada(), id="of the subject, from before"),
        pytest.param(IN_ACME, ada(at=None), id="of the subject, at an unknown time"),
        pytest.param(ANYWHERE, ada("globex"), id="of the subject in any tenant"),
        pytest.param(ONE_TOKEN, ada(at=AFTER), id="the token itself, whenever it was issued"),
        pytest.param(ONE_TOKEN, Caller("ben", "globex", token_id="t-1"), id="the token itself, of any subject"),  # noqa: S106 - likewise
    ],
)
def test_a_revoked_token_is_refused(revoked: RevokedTokens, caller: Caller):
    with pytest.raises(Unauthenticated, match="has been revoked; sign in again"):
        knowing(revoked).refuse(caller)


@pytest.mark.parametrize(
    ("revoked", "caller"),
    [
        pytest.param(IN_ACME, ada(at=AFTER), id="of a new sign-in"),
        pytest.param(IN_ACME, ada(at=NOON), id="of the very moment"),
        pytest.param(IN_ACME, ada("globex"), id="of a namesake in another tenant"),
        pytest.param(IN_ACME, Caller("ben", "acme", issued_at=BEFORE), id="of another subject"),
        pytest.param(ONE_TOKEN, ada(token_id="t-2"), id="another of the same subject"),  # noqa: S106 - likewise
        pytest.param(ONE_TOKEN, ada(token_id=None), id="one without a name"),
    ],
)
def test_a_token_that_is_not_revoked_is_accepted(revoked: RevokedTokens, caller: Caller):
    revocations = knowing(revoked)

    revocations.refuse(caller)

    assert not revocations.include(caller)


def test_the_latest_revocation_of_a_subject_counts_in_any_order():
    earlier = RevokedTokens(NOON - timedelta(hours=1), subject="ada", tenant="acme")

    assert knowing(IN_ACME, earlier).include(ada())
    assert knowing(earlier, IN_ACME).include(ada())
    assert not knowing(earlier).include(ada())


def test_replacing_drops_the_other_revocations():
    revocations = knowing(IN_ACME)

    revocations.add([ONE_TOKEN], replace=True)

    assert not revocations.include(ada(token_id=None))
    assert revocations.include(ada(at=AFTER))


def test_listeners_are_called_for_changes_alone_and_until_they_are_removed():
    revocations = Revocations()
    calls: list[str] = []

    def listener() -> None:
        calls.append("more")

    revocations.add_listener(listener)

    revocations.add([IN_ACME])
    revocations.add([IN_ACME])
    revocations.add([IN_ACME], replace=True)
    revocations.remove_listener(listener)
    revocations.add([ONE_TOKEN])

    assert calls == ["more"]
