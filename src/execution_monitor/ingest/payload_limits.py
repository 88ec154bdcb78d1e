"""How much of a reported value is stored, and how a reader sees what was left out."""

# Of a payload, and of a message: what a page can show. The whole belongs into the storage of the engine.
MAX_PAYLOAD_BYTES = 64 * 1024
MAX_STACK_TRACE_BYTES = 32 * 1024
MAX_ERROR_MESSAGE_BYTES = 16 * 1024
# Of a name: MongoDB sorts and indexes it, and cursors refer to it.
MAX_NAME_BYTES = 12 * 1024
# Of a name within a payload.
MAX_KEY_BYTES = 1_024
MAX_ATTRIBUTES = 128
MAX_DEPTH = 64

MARK = "…"


def size_of(text: str) -> int:
    """The bytes of `text` in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def left_out(amount: int, what: str) -> str:
    """What stands where something was left out: `… [1,234 bytes left out]`."""
    return f"{MARK} [{amount:,} {what} left out]"


def cut_end(text: str, limit: int, *, missing: int = 0) -> str:
    """`text`, or as much of its beginning as takes `limit` bytes, and how much was left out.

    `missing` bytes, which followed `text`, are left out already.
    """
    size = _size_beyond(text, limit, missing)
    if size is None:
        return text
    begin = _begin(text, limit)
    return begin + left_out(size - size_of(begin), "bytes")


def cut_middle(text: str, limit: int, *, missing: int = 0) -> str:
    """As `cut_end`, but keep both ends: engines name the cause at either end of a stack trace."""
    size = _size_beyond(text, limit, missing)
    if size is None:
        return text
    begin, end = _begin(text, limit // 2), _end(text, limit // 2)
    return f"{begin}\n{left_out(size - size_of(begin) - size_of(end), 'bytes')}\n{end}"


def _size_beyond(text: str, limit: int, missing: int) -> int | None:
    # A character takes four bytes at most; this spares most texts the encoding.
    if not missing and 4 * len(text) <= limit:
        return None
    size = size_of(text) + missing
    return size if size > limit else None


def _begin(text: str, size: int) -> str:
    return text[:size].encode()[:size].decode(errors="ignore")


def _end(text: str, size: int) -> str:
    return text[-size:].encode()[-size:].decode(errors="ignore") if size else ""
