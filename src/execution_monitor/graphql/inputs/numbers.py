"""Numbers of inputs that GraphQL has no type for."""

from typing import NewType

BigInt = NewType("BigInt", int)
