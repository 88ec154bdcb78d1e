from typing import Any

import pytest

from execution_monitor.auth.keys import KeysUnusable, SharedSecret, choose, read_key_set
from execution_monitor.errors import Unauthenticated
from tests.support.identity_provider import ALGORITHMS, jwk, private_key


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_is_used_for_the_algorithm_it_names(algorithm: str):
    (key,) = read_key_set({"keys": [jwk(algorithm)]})

    assert (key.key_id, key.algorithms) == (f"first {algorithm}", {algorithm})


@pytest.mark.parametrize(
    ("algorithm", "algorithms"),
    [
        ("RS256", {"RS256", "RS384", "RS512", "PS256"}),
        ("ES256", {"ES256"}),
        ("ES384", {"ES384"}),
        ("EdDSA", {"EdDSA"}),
    ],
)
def test_a_key_without_an_algorithm_is_used_for_those_of_its_type_and_curve(algorithm: str, algorithms: set[str]):
    (key,) = read_key_set({"keys": [jwk(algorithm, alg=None, use=None)]})

    assert key.algorithms == algorithms


@pytest.mark.parametrize(
    "unusable",
    [
        pytest.param(jwk("RS256", use="enc"), id="for encryption"),
        pytest.param(jwk("RS256", key_ops=["encrypt"]), id="for the operation of encryption"),
        pytest.param(jwk("RS256", key_ops="verify"), id="for operations that are no list"),
        pytest.param(jwk("RS256", bits=1_024), id="an RSA key of 1,024 bits"),
        pytest.param(jwk("RS256", alg="HS256"), id="a public key for a shared secret's algorithm"),
        pytest.param(jwk("RS256", alg="none"), id="for no algorithm"),
        pytest.param(jwk("RS256", alg="ES256"), id="an RSA key for an elliptic curve's algorithm"),
        pytest.param(jwk("ES256", alg="ES384"), id="for another curve's algorithm"),
        pytest.param(jwk("RS256", alg="RSA-OAEP"), id="for an algorithm of encryption"),
        pytest.param(jwk("RS256", alg=["RS256"]), id="for a list of algorithms"),
        pytest.param(jwk("ES256", crv="P-384"), id="a point of another curve"),
        pytest.param(jwk("ES256", crv="secp256k1", alg=None), id="a curve that is not supported"),
        pytest.param(jwk("ES256", y=jwk("ES256")["x"]), id="a point that is not on its curve"),
        pytest.param(jwk("RS256", n=None), id="without its number"),
        pytest.param(jwk("RS256", e="AQ"), id="with an exponent of one"),
        pytest.param(jwk("RS256", kid=7), id="called by a number"),
        pytest.param({"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"}, id="a shared secret"),
        pytest.param({"kty": ["RSA"]}, id="of a list of types"),
        pytest.param({}, id="an empty object"),
        pytest.param("RS256", id="text"),
    ],
)
def test_a_key_that_must_not_verify_tokens_is_skipped(unusable: Any):
    (key,) = read_key_set({"keys": [unusable, jwk("EdDSA")]})

    assert key.algorithms == {"EdDSA"}
    with pytest.raises(KeysUnusable, match="no key that could verify"):
        read_key_set({"keys": [unusable]})


@pytest.mark.parametrize("document", [None, [], "keys", {}, {"keys": {}}, {"keys": "all"}])
def test_a_document_that_is_no_key_set_is_refused(document: Any):
    with pytest.raises(KeysUnusable, match="is no key set"):
        read_key_set(document)


def test_only_the_public_half_of_a_published_key_pair_is_kept():
    numbers = private_key("EdDSA").private_bytes_raw()

    (key,) = read_key_set({"keys": [jwk("EdDSA", d=numbers.hex())]})

    assert not hasattr(key.key, "sign")


def test_a_token_without_a_key_id_uses_the_only_key():
    keys = read_key_set({"keys": [jwk("RS256"), jwk("ES256")]})
    more = read_key_set({"keys": [jwk("RS256"), jwk("RS256", "second")]})

    assert choose(keys, None, "ES256") is keys[1]
    assert choose(more, None, "RS256") is None
    assert choose(more, "second RS256", "RS256") is more[1]
    assert choose(keys, "first ES256", "RS256") is None


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "HS384", "HS512", "none", "hs256"])
async def test_a_shared_secret_is_for_one_algorithm(algorithm: str):
    secret = SharedSecret("a secret")

    assert (await secret.find("whatever", "HS256")).key == "a secret"
    with pytest.raises(Unauthenticated):
        await secret.find(None, algorithm)
