import re

import pytest

from execution_monitor.auth.access_key_text import AccessKeyText, id_in, shown_part, signing_secret_of

ID = "65f0000000000000000000a1"
OTHER = "65f0000000000000000000a2"


def test_a_key_has_an_id_that_may_be_shown_and_a_secret_of_256_bits():
    made = AccessKeyText.make(ID)

    assert re.fullmatch(rf"em_{ID}_[0-9A-Za-z]{{43}}", made.text)
    assert made.text.startswith(f"{shown_part(ID)}_")
    assert AccessKeyText.parse(made.text) == made
    assert 62**43 > 2**256


def test_no_two_keys_have_the_same_secret():
    assert len({AccessKeyText.make(ID).secret for _ in range(100)}) == 100


def test_a_key_matches_the_hash_of_its_own_secret_alone():
    made, other = AccessKeyText.make(ID), AccessKeyText.make(ID)

    assert made.matches(made.hash)
    assert not made.matches(other.hash)
    assert not made.matches("")
    assert not made.matches("ü")
    assert made.secret not in made.hash


def test_what_is_printed_of_a_key_has_no_secret():
    made = AccessKeyText.make(ID)

    assert made.secret not in f"{made} {made!r}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "em_",
        f"em_{ID}",
        f"em_{ID}_",
        f"em_{ID}_{'a' * 42}",
        f"em_{ID}_{'a' * 44}",
        f"em_{ID}_{'a' * 42}-",
        f"em_{ID}_{'a' * 43}\n",
        f"em_{ID}_{'٣' * 43}",
        f"em_{ID[:-1]}_{'a' * 43}",
        f"em_{ID.upper()}_{'a' * 43}",
        f"EM_{ID}_{'a' * 43}",
    ],
)
def test_other_text_is_no_key(text: str):
    assert AccessKeyText.parse(text) is None


@pytest.mark.parametrize("text", [ID, f"em_{ID}", f"em_{ID}_{'a' * 43}"])
def test_a_key_is_named_by_its_id_by_the_part_that_is_shown_or_by_all_of_it(text: str):
    assert id_in(text) == ID


@pytest.mark.parametrize("text", ["", "em_", "nightly", ID[:-1], f"{ID}0", f"em-{ID}", f"{ID}\n"])
def test_other_text_names_no_key(text: str):
    assert id_in(text) is None


def test_the_signing_secret_depends_on_the_key_and_on_the_server():
    secrets = {signing_secret_of(ID, b"a"), signing_secret_of(ID, b"b"), signing_secret_of(OTHER, b"a")}

    assert len(secrets) == 3
    assert signing_secret_of(ID, b"a") in secrets
