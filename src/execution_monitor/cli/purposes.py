"""What access to MongoDB is for: the choices of the command `database`, apart from what that needs to run."""

from enum import StrEnum


class Purpose(StrEnum):
    """What access to the database is for."""

    SERVER = "server"
    ENGINE = "engine"
    READER = "reader"
