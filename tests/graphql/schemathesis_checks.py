"""Scalars and a check for schemathesis, which knows neither our scalars nor our error codes."""

from typing import Any

import schemathesis
from schemathesis.checks import CheckContext
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case

from tests.graphql.fuzzing import SCALARS, assert_sound

NAME = "every_error_is_a_clients"

for name, values in SCALARS.items():
    schemathesis.graphql.scalar(name, values)


@schemathesis.check
def every_error_is_a_clients(_context: CheckContext, response: Response, _case: Case[Any]) -> None:
    """The status is below 500, and every error has a code for a mistake of the client, without internals."""
    assert_sound(response.status_code, response.json())
