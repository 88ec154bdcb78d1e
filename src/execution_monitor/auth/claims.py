"""Read the claims of a verified token into a `Caller`; which claims hold tenant, roles and scopes is configured."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from execution_monitor.auth.caller import Caller
from execution_monitor.auth.roles import DEFAULT_ROLES, Roles, access_of
from execution_monitor.errors import Unauthenticated

ClaimPath = tuple[str, ...]

# A name between dots, or one in double quotes that may hold dots.
_NAME = re.compile(r'"([^"]+)"|([^".]+)')
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+-]*://")


def parse_claim_path(text: str) -> ClaimPath:
    """The names of a path to a claim, outermost first; raises `ValueError` for text that is no path.

    Dots separate the names of nested objects, as in `realm_access.roles`. A name with dots in it stands in double
    quotes, as in `resource_access."my.client".roles`; text that begins like a URL, as in `https://acme.example/roles`,
    is one name.
    """
    if _URL.match(text):
        return (text,)
    names: list[str] = []
    end = -1
    while end < len(text):
        found = _NAME.match(text, end + 1)
        if found is None or text[found.end() : found.end() + 1] not in ("", "."):
            raise ValueError(
                f"{text!r} names no claim; write names with dots between, in double quotes when they hold dots."
            )
        names.append(found[1] or found[2])
        end = found.end()
    return tuple(names)


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """The paths of each claim; of several, the first that exists in a token counts."""

    tenant: tuple[ClaimPath, ...] = (("tenant_id",), ("tenant",))
    roles: tuple[ClaimPath, ...] = (("roles",),)
    scopes: tuple[ClaimPath, ...] = (("scope",), ("scopes",))

    @classmethod
    def parse(cls, *, tenant: str | None = None, roles: str | None = None, scopes: str | None = None) -> "ClaimNames":
        """The claims at the given paths; the usual ones for None."""
        paths = {"tenant": tenant, "roles": roles, "scopes": scopes}
        return cls(**{name: (parse_claim_path(path),) for name, path in paths.items() if path is not None})


@dataclass(frozen=True, slots=True)
class ClaimReader:
    """Makes callers of claims whose signature and times have been verified.

    With `roles_required` a token without the roles claim is refused; otherwise its scopes alone count.
    """

    names: ClaimNames = ClaimNames()
    known_roles: Roles = field(default_factory=lambda: DEFAULT_ROLES)
    roles_required: bool = False

    def read(self, claims: Mapping[str, Any]) -> Caller:
        """The caller that `claims` describe; raises `Unauthenticated` with the name of the wrong claim."""
        tenant = _find(claims, self.names.tenant)
        listed, scopes = _find(claims, self.names.roles), _find(claims, self.names.scopes)
        missing = (*(self.names.roles if listed is None else ()), *(self.names.scopes if scopes is None else ()))
        distributed = [path for path in missing if _is_distributed(claims, path)]
        if distributed:
            # What they would allow is unknown: what is left in the token must not allow more than they do.
            roles = []
        elif listed is not None:
            roles = _texts(listed, self.names.roles)
        elif self.roles_required:
            names = _describe(self.names.roles)
            raise Unauthenticated(f"Your token lacks the claim {names}; get one that lists your roles.")
        else:
            roles = None
        if scopes is None:
            scopes = ""
        access = access_of(
            roles,
            # RFC 8693, section 4.2: one text with spaces between the scopes.
            scopes.split() if isinstance(scopes, str) else _texts(scopes, self.names.scopes),
            self.known_roles,
        )
        return Caller(
            subject=_name(claims.get("sub"), (("sub",),)),
            tenant=_name(_single(tenant, self.names.tenant), self.names.tenant),
            scopes=access.scopes,
            grants=access.grants,
            partial_scopes=access.partial_scopes,
            roles=tuple(dict.fromkeys(role for role in roles or () if role in self.known_roles)),
            expires_at=_time(claims["exp"]),
            issued_at=_time(claims["iat"]) if "iat" in claims else None,
            token_id=claims.get("jti"),
            distributed_claim=_describe(distributed[:1]) if distributed else None,
        )


def _is_distributed(claims: Mapping[str, Any], path: ClaimPath) -> bool:
    """Whether the claim at `path` is distributed or aggregated (OpenID Connect Core 1.0, section 5.6.2).

    Entra ID does so with `groups` for a user in more than 200; tokens of the implicit flow only have `hasgroups` then.
    """
    distributed = claims.get("_claim_names")
    if isinstance(distributed, Mapping) and path[0] in distributed:
        return True
    return path[0] == "groups" and claims.get("hasgroups") not in (None, False)


def _single(value: Any, paths: tuple[ClaimPath, ...]) -> Any:
    """The only element of a list, as some issuers write a claim of one value; anything but a list as it is."""
    if not isinstance(value, list):
        return value
    listed = cast("list[Any]", value)
    if len(listed) > 1:
        raise Unauthenticated(f"Your token's claim {_describe(paths)} lists several tenants; get one that names one.")
    return listed[0] if listed else None


def _find(claims: Mapping[str, Any], paths: tuple[ClaimPath, ...]) -> Any:
    """The value at the first of `paths` that exists; None where none does."""
    for path in paths:
        value: Any = claims
        for name in path:
            if not isinstance(value, Mapping) or name not in value:
                break
            value = cast("Mapping[str, Any]", value)[name]
        else:
            # Even if it is unusable: a more general claim must not overrule it.
            return value
    return None


def _name(value: Any, paths: tuple[ClaimPath, ...]) -> str:
    # MongoDB stores UTF-8, which has no lone surrogates, though JSON can hold one.
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise Unauthenticated(f"Your token lacks the claim {_describe(paths)}; get one that names it.")


def _texts(value: Any, paths: tuple[ClaimPath, ...]) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [each for each in cast("list[Any]", value) if isinstance(each, str)]
    raise Unauthenticated(f"Your token's claim {_describe(paths)} is neither text nor a list; get one where it is.")


def _describe(paths: Sequence[ClaimPath]) -> str:
    return " or ".join(".".join(path) for path in paths)


def _time(value: Any) -> datetime:
    return datetime.fromtimestamp(int(value), UTC)
