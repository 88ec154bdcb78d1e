import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from jwt.utils import base64url_encode
from typing_extensions import override

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.auth.claims import ClaimReader
from execution_monitor.auth.keys import SharedSecret, SigningKey, unknown_key
from execution_monitor.auth.revocations import Revocations
from execution_monitor.auth.tokens import TokenRules, TokenVerifier, issue_token
from execution_monitor.errors import Unauthenticated
from execution_monitor.limits.streams import OpenStreams

SECRET = "a secret of more than sixty-four bytes, so that HS512 accepts it, too"  # noqa: S105 - of these tests alone
VERIFIER = TokenVerifier(SharedSecret(SECRET))


async def verified(text: str) -> Caller:
    return await VERIFIER.verify(text)


def claims(**changes: Any) -> dict[str, Any]:
    claimed = {"sub": "ada", "tenant_id": "acme", "exp": datetime.now(UTC) + timedelta(minutes=5), **changes}
    return {name: value for name, value in claimed.items() if value is not None}


def token(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, algorithm=algorithm)  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's


def handwritten(head: str, body: str | bytes) -> str:
    """A token with any header and claims, signed with our secret."""
    parts = [base64url_encode(each.encode() if isinstance(each, str) else each) for each in (head, body)]
    signature = hmac.digest(SECRET.encode(), b".".join(parts), "sha256")
    return b".".join([*parts, base64url_encode(signature)]).decode()


def valid_claims() -> str:
    return f'{{"sub": "ada", "tenant_id": "acme", "exp": {int(time.time()) + 300}}}'


async def test_a_token_written_by_hand_is_accepted():
    assert (await verified(handwritten('{"alg":"HS256"}', valid_claims()))).subject == "ada"


async def test_the_tenant_may_have_the_shorter_name():
    assert (await verified(token(tenant_id=None, tenant="globex"))).tenant == "globex"


async def test_the_longer_name_of_the_tenant_counts():
    assert (await verified(token(tenant_id="acme", tenant="globex"))).tenant == "acme"


async def test_a_token_names_a_subject_a_tenant_scopes_and_an_end():
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=23)

    caller = await verified(token(scope="executions:read executions:payload", roles=["operator", 7], exp=end))

    assert (caller.subject, caller.tenant, caller.expires_at) == ("ada", "acme", end)
    assert caller.scopes == {Scope.EXECUTIONS_READ, Scope.EXECUTIONS_PAYLOAD}
    assert caller.roles == ("operator",)


async def test_an_issued_token_is_accepted_until_it_expires():
    issued = issue_token(SECRET, user="ada", tenant="acme", scopes=["executions:payload"], lifetime=timedelta(hours=1))

    caller = await verified(issued)

    assert caller.scopes == {"executions:read", "executions:payload"}
    assert caller.expires_at
    assert timedelta(minutes=59) < caller.expires_at - datetime.now(UTC) <= timedelta(hours=1)


async def test_a_token_issued_with_roles_alone_grants_their_scopes():
    lifetime = timedelta(hours=1)

    alone = await verified(issue_token(SECRET, user="ada", tenant="a", scopes=[], roles=["auditor"], lifetime=lifetime))
    narrowed = await verified(
        issue_token(SECRET, user="ada", tenant="a", scopes=["audit:read"], roles=["admin"], lifetime=lifetime)
    )

    assert (alone.roles, alone.scopes) == (("auditor",), {"audit:read"})
    assert (narrowed.roles, narrowed.scopes) == (("admin",), {"executions:read", "audit:read"})


async def test_no_two_issued_tokens_have_one_id():
    lifetime = timedelta(hours=1)

    callers = [await verified(issue_token(SECRET, user="ada", tenant="a", scopes=[], lifetime=lifetime)) for _ in "ab"]

    assert all(caller.token_id and caller.issued_at for caller in callers)
    assert callers[0].token_id != callers[1].token_id


async def test_clocks_may_differ_by_half_a_minute():
    assert (await verified(token(exp=datetime.now(UTC) - timedelta(seconds=20)))).subject == "ada"
    assert (await verified(token(nbf=datetime.now(UTC) + timedelta(seconds=20)))).subject == "ada"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"exp": -29}, None, id="over for 29 seconds"),
        pytest.param({"exp": -30}, "has expired", id="over for 30 seconds"),
        pytest.param({"nbf": 30}, None, id="to begin in 30 seconds"),
        pytest.param({"nbf": 31}, "is not valid", id="to begin in 31 seconds"),
    ],
)
async def test_the_leeway_is_half_a_minute_and_not_a_second_more(changes: dict[str, int], sentence: str | None):
    with time_machine.travel(1_800_000_000, tick=False):
        moments: dict[str, Any] = {name: int(time.time()) + seconds for name, seconds in changes.items()}
        text = token(**moments)

        if sentence is None:
            assert (await verified(text)).subject == "ada"
        else:
            with pytest.raises(Unauthenticated, match=sentence):
                await verified(text)


@pytest.mark.parametrize("seconds", [-30.001, -30, -29.999, -1, 0, 1])
async def test_a_stream_is_open_for_exactly_as_long_as_a_request_is_accepted(seconds: float):
    with time_machine.travel(1_800_000_000, tick=False):
        caller = await verified(token(exp=int(time.time()) + 1))

    with time_machine.travel(1_800_000_001 - seconds, tick=False):
        with OpenStreams(Revocations()).hold(caller) as ended:
            stream_is_open = not ended.done()
        try:
            # By another verifier: one that knows the token does not look at it again.
            await TokenVerifier(SharedSecret(SECRET)).verify(token(exp=1_800_000_001))
            is_accepted = True
        except Unauthenticated:
            is_accepted = False

    assert stream_is_open == is_accepted == (seconds > -30)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(lambda: token(exp=datetime.now(UTC) - timedelta(minutes=1)), "has expired", id="expired"),
        pytest.param(lambda: token(nbf=datetime.now(UTC) + timedelta(minutes=1)), "is not valid", id="not yet valid"),
        pytest.param(lambda: token(secret=SECRET[::-1]), "is not valid", id="signed with another secret"),
        pytest.param(lambda: token(secret="", algorithm="none"), "is not valid", id="not signed"),
        pytest.param(lambda: token(algorithm="HS512"), "is not valid", id="signed in another way"),
        pytest.param(lambda: token(exp=None), "is not valid", id="without an end"),
        pytest.param(lambda: token(exp="soon"), "is not valid", id="an end that is no number"),
        pytest.param(lambda: token(exp=[1]), "is not valid", id="an end that is a list"),
        pytest.param(lambda: token(exp=1e20), "lives longer than", id="an end beyond the calendar"),
        pytest.param(lambda: token(exp=float("inf")), "is not valid", id="an infinite end"),
        pytest.param(lambda: token(exp=float("nan")), "is not valid", id="an end that is NaN"),
        pytest.param(
            lambda: handwritten('{"alg":"HS256"}', '{"exp":' + "9" * 5_000 + "}"), "is not valid", id="5,000 digits"
        ),
        pytest.param(lambda: handwritten('{"alg":"HS256"}', "[" * 5_000), "is not valid", id="claims nested deeply"),
        pytest.param(lambda: handwritten('{"alg":"HS256"}', '"text"'), "is not valid", id="claims that are text"),
        pytest.param(lambda: handwritten('{"alg":"HS256"}', b"\xff"), "is not valid", id="claims that are no UTF-8"),
        pytest.param(
            lambda: handwritten('{"alg":"RS256"}', valid_claims()), "is not valid", id="our secret for a public key"
        ),
        pytest.param(
            lambda: handwritten('{"alg":"hs256"}', valid_claims()), "is not valid", id="an algorithm in another case"
        ),
        pytest.param(
            lambda: handwritten('{"alg":["HS256"]}', valid_claims()), "is not valid", id="a list of algorithms"
        ),
        pytest.param(
            lambda: handwritten('{"alg":"HS256","crit":["x"]}', valid_claims()),
            "is not valid",
            id="a critical extension",
        ),
        pytest.param(
            lambda: handwritten('{"alg":"HS256","crit":["b64"],"b64":true}', valid_claims()),
            "is not valid",
            id="what libraries know",
        ),
        pytest.param(lambda: handwritten("{}", valid_claims()), "is not valid", id="no algorithm"),
        pytest.param(
            lambda: handwritten('{"alg":"HS256","b64":false}', valid_claims()), "is not valid", id="not encoded"
        ),
        pytest.param(
            lambda: handwritten('{"alg":"HS256","kid":7}', valid_claims()), "is not valid", id="a key that is a number"
        ),
        pytest.param(
            lambda: handwritten('{"alg":"HS256","x":"' + "x" * 2_000 + '"}', valid_claims()),
            "is not valid",
            id="a long header",
        ),
        pytest.param(lambda: token(exp=datetime.now(UTC) + timedelta(days=2)), "lives longer", id="for 2 days"),
        pytest.param(
            lambda: token(iat=datetime.now(UTC) - timedelta(hours=20), exp=datetime.now(UTC) + timedelta(hours=5)),
            "lives longer than 24 hours",
            id="for 25 hours, 20 of which are over",
        ),
        pytest.param(lambda: token(iat=datetime.now(UTC) + timedelta(minutes=1)), "is not valid", id="from the future"),
        pytest.param(lambda: token(dev=True), "of a development server", id="of a development server"),
        pytest.param(lambda: token(dev="no"), "of a development server", id="of something like one"),
        pytest.param(lambda: token(jti=7), "is not valid", id="with an id that is a number"),
        pytest.param(lambda: token()[:-1], "is not valid", id="cut off"),
        pytest.param(lambda: token(sub=7), "is not valid", id="for a number"),
        pytest.param(lambda: token(sub={"$ne": ""}), "is not valid", id="for an operator of MongoDB"),
        pytest.param(lambda: token(sub="\ud800"), "lacks the claim sub", id="for half a character"),
        pytest.param(lambda: token(tenant_id=""), "lacks the claim tenant_id", id="of an empty tenant"),
        pytest.param(
            lambda: token(tenant_id=["acme", "globex"], tenant="acme"), "several tenants", id="of two tenants"
        ),
        pytest.param(lambda: token(tenant_id=False, tenant="globex"), "lacks the claim tenant_id", id="of no and one"),
        pytest.param(lambda: token(sub=None), "is not valid", id="without a subject"),
        pytest.param(lambda: token(sub=""), "lacks the claim sub", id="for an empty name"),
        pytest.param(lambda: token(sub="a\nb"), "lacks the claim sub", id="for a name with a line break"),
        pytest.param(lambda: token(tenant_id=None), "lacks the claim tenant_id or tenant", id="of no tenant"),
        pytest.param(lambda: token(tenant_id=7), "lacks the claim tenant_id", id="of a tenant that is no text"),
        pytest.param(lambda: token(tenant_id="\ud800"), "lacks the claim tenant_id", id="of half a character"),
        pytest.param(lambda: token(scope="x" * 10_000), "is longer than", id="too long"),
        pytest.param(lambda: "garbage", "is not valid", id="garbage"),
        pytest.param(lambda: "a.b.c", "is not valid", id="garbage in three parts"),
        pytest.param(lambda: "", "is not valid", id="empty"),
        pytest.param(lambda: "ä" * 9, "is not valid", id="no ASCII"),
    ],
)
async def test_a_token_that_is_not_valid_now_is_refused(make: Callable[[], str], sentence: str):
    with pytest.raises(Unauthenticated, match=sentence):
        await verified(make())


class CountingReader(ClaimReader):
    """Counts how often claims are read."""

    read_count = 0

    @override
    def read(self, claims: Mapping[str, Any]) -> Caller:
        CountingReader.read_count += 1
        return super().read(claims)


async def test_a_token_that_comes_again_is_not_verified_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(CountingReader, "read_count", 0)
    verifier = TokenVerifier(SharedSecret(SECRET), reader=CountingReader())
    one, other = token(), token(jti="another")

    callers = [await verifier.verify(each) for each in (one, other, one, one, other)]

    assert CountingReader.read_count == 2
    assert [caller.token_id for caller in callers] == [None, "another", None, None, "another"]


async def test_a_cached_token_is_refused_when_it_expires():
    verifier = TokenVerifier(SharedSecret(SECRET))
    known = token(exp=int(time.time()) + 60)
    await verifier.verify(known)

    with time_machine.travel(time.time() + 91, tick=False), pytest.raises(Unauthenticated, match="has expired"):
        await verifier.verify(known)


@dataclass
class ChangingKeys:
    """An issuer's keys, of which the one in use can be withdrawn or replaced."""

    key: SigningKey | None

    async def find(self, key_id: str | None, algorithm: str) -> SigningKey:  # noqa: ARG002 - the protocol's
        if self.key is None:
            raise unknown_key()
        return self.key


@pytest.mark.parametrize(
    "afterwards",
    [
        pytest.param(None, id="withdrawn"),
        pytest.param(SigningKey(None, frozenset({"HS256"}), "another secret of thirty-two bytes"), id="replaced"),
    ],
)
async def test_a_cached_token_is_refused_when_its_key_is_withdrawn(afterwards: SigningKey | None):
    keys = ChangingKeys(await SharedSecret(SECRET).find(None, "HS256"))
    verifier = TokenVerifier(keys)
    known = token()
    await verifier.verify(known)

    keys.key = afterwards

    with pytest.raises(Unauthenticated, match="not valid"):
        await verifier.verify(known)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
async def test_the_scheme_is_read_in_any_case(scheme: str):
    assert (await VERIFIER.authenticate({"authorization": scheme + token()})).subject == "ada"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token abc"])
async def test_a_request_without_a_bearer_token_is_refused(header: str | None):
    with pytest.raises(Unauthenticated, match="Send a token in the header"):
        await VERIFIER.authenticate({} if header is None else {"authorization": header})


async def test_a_token_lives_as_long_as_the_rules_allow():
    verifier = TokenVerifier(SharedSecret(SECRET), TokenRules(max_lifetime=timedelta(days=3)))

    caller = await verifier.verify(token(exp=datetime.now(UTC) + timedelta(days=2)))

    assert caller.subject == "ada"


async def test_only_a_development_server_accepts_the_tokens_it_issues():
    rules = TokenRules(accepts_development=True)
    issued = issue_token(SECRET, user="ada", tenant="acme", scopes=[], lifetime=timedelta(hours=1), rules=rules)

    caller = await TokenVerifier(SharedSecret(SECRET), rules).verify(issued)

    assert caller.subject == "ada"
    with pytest.raises(Unauthenticated, match="of a development server"):
        await verified(issued)


RULES = TokenRules(issuer="https://issuer.example/", audience="execution-monitor")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="both as they should be"),
        pytest.param({"aud": ["other", "execution-monitor"]}, id="several audiences"),
    ],
)
async def test_issuer_and_audience_are_what_was_configured(changes: dict[str, Any]):
    text = token(**{"iss": "https://issuer.example/", "aud": "execution-monitor", **changes})

    assert (await TokenVerifier(SharedSecret(SECRET), RULES).verify(text)).subject == "ada"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"iss": None}, "is not valid", id="no issuer"),
        pytest.param({"iss": "https://issuer.example"}, "is not valid", id="an issuer without its slash"),
        pytest.param({"aud": None}, "is not valid", id="no audience"),
        pytest.param({"aud": "other"}, "whose aud names this one", id="another audience"),
        pytest.param({"aud": []}, "is not valid", id="no audience in a list"),
    ],
)
async def test_another_issuer_or_audience_is_refused(changes: dict[str, Any], sentence: str):
    text = token(**{"iss": "https://issuer.example/", "aud": "execution-monitor", **changes})

    with pytest.raises(Unauthenticated, match=sentence):
        await TokenVerifier(SharedSecret(SECRET), RULES).verify(text)


async def test_an_issued_token_claims_what_the_rules_require():
    issued = issue_token(SECRET, user="ada", tenant="acme", scopes=[], lifetime=timedelta(hours=1), rules=RULES)

    assert (await TokenVerifier(SharedSecret(SECRET), RULES).verify(issued)).subject == "ada"
