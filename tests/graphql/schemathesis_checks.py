"""What schemathesis is told of our GraphQL: its scalars, and that a code it does not know is no failure of ours."""

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
    """An answer is below 500, and every error in it has a code of a client's own mistake and tells of no insides."""
    assert_sound(response.status_code, response.json())
