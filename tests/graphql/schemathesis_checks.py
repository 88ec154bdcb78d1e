"""The scalars of our GraphQL for schemathesis, and a check of our error codes."""

from typing import Any

import schemathesis
from schemathesis.checks import CheckContext
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case

from tests.graphql.fuzzing import SCALARS, assert_sound

NAME = "every_error_is_the_clients"

for name, values in SCALARS.items():
    schemathesis.graphql.scalar(name, values)


@schemathesis.check
def every_error_is_the_clients(_context: CheckContext, response: Response, _case: Case[Any]) -> None:
    """A response has a status below 500, and every error in it is a mistake of the client and shows no internals."""
    assert_sound(response.status_code, response.json())
