"""Cursors: they come back as they went, and nothing else passes for one."""

import base64
import hashlib
import math
import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import bson
import pytest
from bson import DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Timestamp
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.errors import InvalidCursor
from execution_monitor.storage.bson_ordering import SCALAR_RANKS, rank_of
from execution_monitor.storage.cursors import (
    MAX_TOKEN_LENGTH,
    VERSION,
    decode_position,
    decode_token,
    encode_position,
    encode_token,
)
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.raw_values import UNSORTABLE, Shortened, to_raw
from execution_monitor.storage.sorting import Order, SortKey, SortPosition
from tests.storage.odd_values import OWN_IDS
from tests.storage.reference import sort_key_of
from tests.storage.strategies import bounded, scalars

DAMAGED = "This cursor is damaged; pass one exactly as the server gave it."
ANOTHER_QUERY = (
    "This cursor belongs to another query; use it with the filter, the sort and the caller it came from, "
    "or start again from the first page."
)
ANOTHER_VERSION = "This cursor is of another version of the server; start again from the first page."

DIGEST = digest_of("a list")
ORDER = Order((SortKey("created", descending=True),))
ROW = (datetime(2026, 1, 1, 12, tzinfo=UTC), ObjectId("0" * 24))
CURSOR = encode_position(SortPosition(ROW), DIGEST)

_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)


@pytest.mark.parametrize("field", ["status", "workflow_name"])
def test_a_cursor_from_when_the_id_alone_broke_ties_belongs_to_another_list(field: str) -> None:
    order, former = Order((SortKey(field),)), Order((SortKey(field),))
    object.__setattr__(former, "keys", former.keys[:1])

    for position in (SortPosition(("failed", 7)), SortPosition((7,), is_sortable=False)):
        with pytest.raises(InvalidCursor) as refusal:
            decode_position(encode_position(position, digest_of(former)), order, digest_of(order))
        assert refusal.value.message == ANOTHER_QUERY


def seal(body: bytes, *, version: int = VERSION, digest: bytes = DIGEST) -> str:
    """A token with a right checksum over whatever body: what a forger who read the source could make."""
    content = bytes([version]) + digest + body
    checksum = hashlib.blake2b(content, digest_size=4).digest()
    return base64.urlsafe_b64encode(content + checksum).rstrip(b"=").decode()


def forge(document: dict[str, Any]) -> str:
    return seal(bson.encode(document, codec_options=_CODEC))


def nested(depth: int) -> bytes:
    """A document in a document, deeper than a recursive encoder goes."""
    document = bson.encode({})
    for _ in range(depth):
        element = b"\x030\0" + document
        document = struct.pack("<i", len(element) + 5) + element + b"\0"
    return document


def nested_object(depth: int) -> Any:
    return {"a": nested_object(depth - 1)} if depth else 1


def test_a_forger_who_knows_everything_can_name_a_position() -> None:
    assert forge(dict(zip("01", ROW, strict=True))) == CURSOR


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="null"),
        pytest.param(datetime(2026, 1, 1, 12, 30, 15, 250_000, tzinfo=UTC), id="a date, to the millisecond"),
        pytest.param(DatetimeMS(253_402_300_800_000), id="a date beyond Python's calendar"),
        pytest.param(True, id="a boolean"),
        pytest.param(42, id="an integer"),
        pytest.param(Int64(42), id="a long integer that would fit a short one"),
        pytest.param(Int64(2**63 - 1), id="the largest integer"),
        pytest.param(-0.0, id="negative zero"),
        pytest.param(math.inf, id="infinity"),
        pytest.param(Decimal128("1.50"), id="a decimal with its digits"),
        pytest.param(Decimal128("9.99E+6144"), id="a huge decimal"),
        pytest.param("a\0\u0130\U0001f600", id="text"),
        pytest.param("", id="no text"),
        pytest.param(b"\0\xff", id="bytes"),
        pytest.param(ObjectId("0123456789abcdef01234567"), id="an object id"),
        pytest.param(UUID(int=7), id="a UUID"),
        pytest.param(Timestamp(5, 6), id="a timestamp"),
    ],
)
def test_a_scalar_comes_back_with_its_type(value: Any) -> None:
    digest, (back,) = decode_token(encode_token(DIGEST, (value,)))

    assert digest == DIGEST
    assert (type(back), back, str(back)) == (type(value), value, str(value))


def test_nan_comes_back() -> None:
    _, (number, decimal) = decode_token(encode_token(DIGEST, (math.nan, Decimal128("NaN"))))

    assert math.isnan(number)
    assert decimal.to_decimal().is_nan()


def test_a_date_with_an_offset_comes_back_as_the_same_moment_in_utc() -> None:
    at_noon_in_tokyo = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=9)))

    _, (back,) = decode_token(encode_token(DIGEST, (at_noon_in_tokyo,)))

    assert back == at_noon_in_tokyo
    assert back.utcoffset() == timedelta(0)


@pytest.mark.parametrize("value", OWN_IDS)
def test_a_value_of_any_type_comes_back_as_it_is_stored(value: Any) -> None:
    cursor = encode_position(SortPosition((value, value)), DIGEST)

    back = (
        decode_position(cursor, ORDER, DIGEST) if to_raw(value).type not in UNSORTABLE else SortPosition((value, value))
    )

    assert len(cursor) <= MAX_TOKEN_LENGTH
    for each in back.values:
        if isinstance(each, Shortened):
            assert (each.digest, each.length) == (to_raw(value).digest, len(to_raw(value).content))
        else:
            assert to_raw(each) == to_raw(value)


@bounded(max_examples=300)
@given(st.lists(scalars, max_size=4).map(tuple))
def test_every_position_comes_back(values: tuple[Any, ...]) -> None:
    digest, back = decode_token(encode_token(DIGEST, values))

    assert digest == DIGEST
    assert list(map(sort_key_of, back)) == list(map(sort_key_of, values))


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        pytest.param("", DAMAGED, id="nothing"),
        pytest.param("A", DAMAGED, id="one letter"),
        pytest.param("AQ", DAMAGED, id="a version alone"),
        pytest.param(CURSOR[:-1], DAMAGED, id="without the last letter"),
        pytest.param(CURSOR[: len(CURSOR) // 2], DAMAGED, id="half of it"),
        pytest.param(CURSOR + "A", DAMAGED, id="a letter more"),
        pytest.param(CURSOR + "=", DAMAGED, id="padded"),
        pytest.param(f" {CURSOR}", DAMAGED, id="after a space"),
        pytest.param(CURSOR.swapcase(), DAMAGED, id="in another case"),
        pytest.param("Ü" + CURSOR[1:], DAMAGED, id="a letter beyond ASCII"),
        pytest.param("\ud800", DAMAGED, id="half a letter"),
        pytest.param("+/" + CURSOR[2:], DAMAGED, id="the alphabet of plain base64"),
        pytest.param("A" * (MAX_TOKEN_LENGTH + 1), DAMAGED, id="absurdly long"),
        pytest.param("A" * 10_000_000, DAMAGED, id="ten million letters"),
        pytest.param(seal(bson.encode({}), version=2), ANOTHER_VERSION, id="of another version"),
        pytest.param(seal(b""), DAMAGED, id="no document"),
        pytest.param(seal(b"\x05\0\0\0\0\0"), DAMAGED, id="something after the document"),
        pytest.param(seal(b"\xff\xff\xff\x7f\0"), DAMAGED, id="a document that says it is huge"),
        pytest.param(forge({"$where": "1", "1": ROW[1]}), DAMAGED, id="an operator as key"),
        pytest.param(forge({"0": ["a"], "1": ROW[1]}), DAMAGED, id="an array"),
        pytest.param(forge({"0": MinKey(), "1": MaxKey()}), DAMAGED, id="the ends of the order"),
        pytest.param(seal(b"\x0f\0\0\0\x060\0\x101\0\1\0\0\0\0"), DAMAGED, id="an undefined value"),
        pytest.param(forge({"0": nested_object(190), "1": 1}), DAMAGED, id="nested deeper than MongoDB stores"),
        pytest.param(forge({"_id": 1, "0": 1}), DAMAGED, id="a row that can be sorted and cannot"),
        pytest.param(forge({"0": "a", "0d": b"", "1": 1}), DAMAGED, id="a fingerprint that is none"),
        pytest.param(forge({"0d": bytes(20), "1": 1}), DAMAGED, id="a fingerprint of nothing"),
        pytest.param(seal(nested(1_500)), DAMAGED, id="nested deeply"),
        pytest.param(forge({"0": "a" * 13_000}), DAMAGED, id="a huge text"),
        pytest.param(forge({"1": ROW[0], "0": ROW[1]}), DAMAGED, id="keys in another order"),
        pytest.param(forge({"a": ROW[0], "b": ROW[1]}), DAMAGED, id="other keys"),
        pytest.param(forge({"0": ROW[0]}), ANOTHER_QUERY, id="a value too few"),
        pytest.param(forge({"0": ROW[0], "1": ROW[1], "2": 1}), ANOTHER_QUERY, id="a value too many"),
        pytest.param(encode_position(SortPosition(ROW), digest_of("another")), ANOTHER_QUERY, id="of another list"),
        pytest.param(encode_token(digest_of("live"), (Timestamp(1, 1),)), ANOTHER_QUERY, id="a token of another kind"),
    ],
)
def test_what_is_no_cursor_of_this_list_is_refused_with_a_sentence(token: str, sentence: str) -> None:
    with pytest.raises(InvalidCursor) as refusal:
        decode_position(token, ORDER, DIGEST)

    assert refusal.value.message == sentence


@pytest.mark.parametrize(
    "value",
    [{"$gt": ""}, {"a": 1, "$ne": 1}, {"a": {"$ne": 1}}, {"a": [1, {"$where": "1"}]}, {"a": [[{"$expr": 1}]]}],
    ids=["alone", "beside another", "within", "in a list", "in a list of lists"],
)
def test_no_value_of_a_forged_token_becomes_an_operator(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidCursor):
        decode_token(encode_token(DIGEST, (value,)))


def test_an_object_may_be_the_id_of_a_step() -> None:
    value = {"part": 1, "of": ["$a", {"b": "$ne"}]}

    assert decode_token(encode_token(DIGEST, (value,))) == (DIGEST, (value,))


@pytest.mark.parametrize("place", range(len(base64.urlsafe_b64decode(CURSOR + "=" * (-len(CURSOR) % 4)))))
def test_one_flipped_bit_anywhere_is_noticed(place: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(CURSOR + "=" * (-len(CURSOR) % 4)))
    raw[place] ^= 1 << place % 8

    with pytest.raises(InvalidCursor):
        decode_position(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), ORDER, DIGEST)


def _outcome(token: str) -> tuple[bytes, tuple[Any, ...]] | None:
    try:
        return decode_token(token)
    except InvalidCursor:
        return None


@bounded(max_examples=400)
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_text_brings_decoding_down(token: str) -> None:
    assert _outcome(token) is None


@bounded(max_examples=1_500)
@given(st.data())
def test_no_bytes_with_a_right_checksum_bring_decoding_down(data: st.DataObject) -> None:
    body = bytearray(bson.encode(dict(enumerate_keys(data.draw(st.lists(scalars, max_size=3)))), codec_options=_CODEC))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    outcome = _outcome(seal(bytes(body)))

    # Whatever is taken for a position can be placed in an order.
    assert outcome is None or SCALAR_RANKS.issuperset(map(rank_of, outcome[1]))


def enumerate_keys(values: list[Any]) -> list[tuple[str, Any]]:
    return [(str(place), value) for place, value in enumerate(values)]


def test_digests_tell_values_of_different_types_apart() -> None:
    assert len({digest_of(1), digest_of("1"), digest_of(1.0), digest_of("1", "1"), digest_of(("1", "1"))}) == 5
