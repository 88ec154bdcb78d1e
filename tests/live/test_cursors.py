import base64

import pytest
from bson import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import InvalidCursor
from execution_monitor.live.cursors import LiveCursors, ResumeMode, ResumePosition
from execution_monitor.live.resume_tokens import StreamPosition, position_after
from execution_monitor.live.topics import Visibility
from tests.live.factories import ADA, ALL_OF_ACME, ALL_OF_GLOBEX, BEN, caller

SECRET = b"a secret that all replicas share"
EVENT = (
    "826B03EC02000000022B042C0100296E5A10041F46CAC41429463582E53CF384D57098463C6F7065726174696F6E54797065003C75706461"
    "74650046646F63756D656E744B657900461E5F6964002B0380000000000000000004"
)
_PLACES = st.builds(
    ResumePosition,
    st.binary(min_size=9, max_size=300).map(lambda raw: StreamPosition(raw.hex().upper())),
    st.sampled_from(ResumeMode),
)


@given(_PLACES, st.binary(max_size=32))
def test_a_cursor_points_where_it_was_made_for_on_every_replica(place: ResumePosition, belonging: bytes):
    cursor = LiveCursors(SECRET).encode(place, belonging)

    assert LiveCursors(SECRET).decode(cursor, belonging) == place


def test_callers_with_the_same_rights_have_the_same_cursors():
    cursors, place = LiveCursors(SECRET), ResumePosition(StreamPosition(EVENT))
    other_operator = caller("oscar", all_of_tenant=True)

    cursor = cursors.encode(place, Visibility.of(ALL_OF_ACME).digest)

    assert cursor == cursors.encode(place, Visibility.of(other_operator).digest)


@pytest.mark.parametrize("other", [BEN, ALL_OF_ACME, ALL_OF_GLOBEX, caller("ada", "globex")])
def test_a_cursor_is_of_no_use_with_other_rights(other: Caller):
    cursors = LiveCursors(SECRET)
    cursor = cursors.encode(ResumePosition(StreamPosition(EVENT)), Visibility.of(ADA).digest)

    with pytest.raises(InvalidCursor, match="another caller"):
        cursors.decode(cursor, Visibility.of(other).digest)


def test_a_cursor_of_another_secret_is_refused():
    cursor = LiveCursors(b"another secret").encode(ResumePosition(StreamPosition(EVENT)), b"")

    with pytest.raises(InvalidCursor):
        LiveCursors(SECRET).decode(cursor, b"")


def test_a_cursor_shows_nothing_of_the_token():
    raw = bytes.fromhex(EVENT)

    cursor = LiveCursors(SECRET).encode(ResumePosition(StreamPosition(EVENT)), b"")

    sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert not any(raw[start : start + 3] in sealed for start in range(len(raw) - 3))


def test_every_flipped_bit_is_refused():
    cursors = LiveCursors(SECRET)
    cursor = cursors.encode(ResumePosition(StreamPosition(EVENT)), b"")
    sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))

    for bit in range(len(sealed) * 8):
        flipped = (int.from_bytes(sealed, "big") ^ (1 << bit)).to_bytes(len(sealed), "big")
        with pytest.raises(InvalidCursor):
            cursors.decode(base64.urlsafe_b64encode(flipped).rstrip(b"=").decode(), b"")


@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str):
    with pytest.raises(InvalidCursor):
        LiveCursors(SECRET).decode(text, b"")


@given(st.binary(max_size=60))
def test_any_other_bytes_are_refused(sealed: bytes):
    with pytest.raises(InvalidCursor):
        LiveCursors(SECRET).decode(base64.urlsafe_b64encode(b"\1" + sealed).rstrip(b"=").decode(), b"")


def test_a_cursor_of_another_version_says_so():
    with pytest.raises(InvalidCursor, match="another version"):
        LiveCursors(SECRET).decode(base64.urlsafe_b64encode(bytes([9]) + bytes(40)).rstrip(b"=").decode(), b"")


def test_a_cursor_has_one_spelling():
    cursors = LiveCursors(SECRET)
    cursor = cursors.encode(ResumePosition(position_after(Timestamp(7, 7))), b"")

    for other in (cursor + "=", cursor + "\n", " " + cursor):
        with pytest.raises(InvalidCursor):
            cursors.decode(other, b"")
