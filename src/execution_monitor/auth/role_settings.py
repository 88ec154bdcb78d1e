"""Roles as `EXECUTION_MONITOR_ROLES` configures them, each a list of scopes, or an object with a filter."""

from collections.abc import Collection, Mapping
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from execution_monitor.auth.caller import READING_SCOPES, Scope
from execution_monitor.auth.roles import DEFAULT_ROLES

# The scopes that say something about single executions, which a filter can restrict.
_OF_EXECUTIONS = READING_SCOPES | {
    Scope.EXECUTIONS_PAYLOAD,
    Scope.EXECUTIONS_WRITE,
    Scope.EXECUTIONS_CONTROL,
}


class RoleSettings(BaseModel):
    """One role: its scopes and, as the JSON of an `ExecutionFilter`, the executions that it gives them for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scopes: frozenset[Scope]
    visible: Mapping[str, JsonValue] | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_list(cls, given: Any) -> Any:
        if isinstance(given, list | frozenset):
            return {"scopes": cast("Collection[object]", given)}
        return given


RolesSettings = Mapping[str, RoleSettings]

DEFAULT_ROLES_SETTINGS: RolesSettings = {name: RoleSettings(scopes=role.scopes) for name, role in DEFAULT_ROLES.items()}


def check_filtered_roles(roles: RolesSettings) -> None:
    """Raise `ValueError` where a role with a filter has scopes that the filter does not go with."""
    for name, role in roles.items():
        if role.visible is None:
            continue
        others = sorted(role.scopes - _OF_EXECUTIONS)
        if others:
            raise ValueError(
                f"The role {name} has a filter, which cannot restrict {others[0]}; give that scope to a role of its "
                "own without visible."
            )
        if not role.scopes & READING_SCOPES:
            raise ValueError(
                f"The role {name} has a filter and shows no executions; give it executions:read or "
                "executions:read:tenant, or remove visible."
            )
