"""JSON that is read one value after another, where reading all of it at once would hold up everything else."""

import json
import re
from collections.abc import Iterator
from typing import Any

from execution_monitor.errors import BadUserInput

_BLANKS = re.compile(r"[ \t\n\r]*")


class JsonText:
    """A position in a text of JSON. Whoever iterates over an object or a list takes each value before the next.

    Everything raises `BadUserInput` where the text is not JSON, or nested too deep.

    Attributes:
        position: may be set to where it was before, to read a value again.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._text = content.decode()
        except UnicodeDecodeError as error:
            raise BadUserInput("The body is not JSON: it is not UTF-8.") from error
        self.position = 0
        self._decoder = json.JSONDecoder()

    def value(self) -> Any:
        """The value at this position, whole."""
        self._skip_blanks()
        try:
            value, self.position = self._decoder.raw_decode(self._text, self.position)
        except json.JSONDecodeError as error:
            raise BadUserInput(f"The body is not JSON: {error}.") from error
        except RecursionError as error:
            raise BadUserInput("The body is JSON that is nested too deep.") from error
        return value

    def members(self, name: str) -> Iterator[str]:
        """The names in the object `name` at this position, or in none where there is null."""
        for _ in self._values(name, "{", "}", "object"):
            key = self.value()
            if not isinstance(key, str):
                raise self._error("a name")
            self._expect(":")
            yield key

    def elements(self, name: str) -> Iterator[None]:
        """Stop at each element of the list `name` at this position, or at none where there is null."""
        yield from self._values(name, "[", "]", "list")

    def end(self) -> None:
        """Check that nothing follows."""
        self._skip_blanks()
        if self.position != len(self._text):
            raise self._error("its end")

    def _values(self, name: str, begin: str, end: str, kind: str) -> Iterator[None]:
        self._skip_blanks()
        if not self._text.startswith(begin, self.position):
            if self.value() is not None:
                raise BadUserInput(f"{name} must be a JSON {kind}.")
            return
        self.position += 1
        self._skip_blanks()
        if self._text.startswith(end, self.position):
            self.position += 1
            return
        while True:
            yield
            self._skip_blanks()
            if self._text.startswith(end, self.position):
                self.position += 1
                return
            self._expect(",")

    def _expect(self, character: str) -> None:
        self._skip_blanks()
        if not self._text.startswith(character, self.position):
            raise self._error(repr(character))
        self.position += 1

    def _skip_blanks(self) -> None:
        found = _BLANKS.match(self._text, self.position)
        if found is not None:
            self.position = found.end()

    def _error(self, expected: str) -> BadUserInput:
        return BadUserInput(f"The body is not JSON: {expected} is expected at character {self.position:,}.")
