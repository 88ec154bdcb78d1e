import pytest

from execution_monitor.auth.credentials import credential_in, has_credential, is_access_key
from execution_monitor.errors import Unauthenticated


@pytest.mark.parametrize(
    ("headers", "credential"),
    [
        pytest.param({"authorization": "Bearer t"}, "t", id="a token"),
        pytest.param({"authorization": "bearer  em_1 "}, "em_1", id="a key as a token"),
        pytest.param({"x-api-key": " em_1 "}, "em_1", id="a key in its own header"),
        pytest.param({"authorization": "Bearer t", "x-api-key": "em_1"}, "t", id="both"),
        pytest.param({"authorization": "Basic dTpw", "x-api-key": "em_1"}, "em_1", id="a key behind a proxy's login"),
        pytest.param({"authorization": "Bearer ", "x-api-key": "em_1"}, "em_1", id="a key beside an empty token"),
    ],
)
def test_a_request_has_one_credential(headers: dict[str, str], credential: str):
    assert has_credential(headers)
    assert credential_in(headers) == credential


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Send a token in the header Authorization: Bearer <token>, or an access key."),
        ({"authorization": "Basic dTpw"}, "Send a token"),
        ({"authorization": "Bearer"}, "Send a token"),
        ({"x-api-key": " "}, "Send a token"),
        ({"x-api-key": "eyJhbGciOiJIUzI1NiJ9.e30.x"}, "x-api-key takes an access key"),
    ],
)
def test_without_one_the_message_says_what_to_send(headers: dict[str, str], message: str):
    with pytest.raises(Unauthenticated, match=message):
        credential_in(headers)


def test_a_token_is_no_access_key():
    assert not is_access_key("eyJhbGciOiJIUzI1NiJ9.e30.x")
    assert is_access_key("em_")
