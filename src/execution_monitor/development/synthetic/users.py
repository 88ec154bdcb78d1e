"""Owners of generated executions: named users of named tenants, always the same ones in the same order."""

from dataclasses import dataclass
from random import Random

# The demo's tokens are for the first two names of the first tenant.
TENANTS = ("acme", "globex", "initech", "umbrella", "hooli", "vandelay", "wonka", "tyrell")
NAMES = (
    "ada", "grace", "linus", "margaret", "alan", "barbara", "donald", "radia", "edsger", "frances",
    "ken", "katherine", "dennis", "hedy", "bjarne", "joan", "guido", "mary", "tim", "sophie",
    "niklaus", "adele", "vint", "shafi", "tony", "karen", "leslie", "jean", "john", "evelyn",
)  # fmt: skip
CUSTOMERS = ("Nordwind GmbH", "Café Müller", "東京物産", "Blue Bottle", "Ørsted Energi", "Łódź Logistics", "Initrode")
TEAMS = ("data-platform", "payments", "growth", "search", "ml", "infrastructure", "support")


@dataclass(frozen=True, slots=True)
class Owner:
    """The user that an execution belongs to."""

    tenant_id: str
    user_id: str

    @property
    def email(self) -> str:
        """Their address, in a domain that can never exist."""
        return f"{self.user_id}@{self.tenant_id}.example"


def owners(tenants: int, users: int) -> tuple[Owner, ...]:
    """`users` users in each of `tenants` tenants; from the third user on, tenants have users of the same names."""
    return tuple(
        Owner(_nth(TENANTS, tenant), _nth(NAMES, tenant * 2 + user))
        for tenant in range(tenants)
        for user in range(users)
    )


def pick_owner(all_owners: tuple[Owner, ...], random: Random) -> Owner:
    """One of `all_owners`: the first own more executions than the last, and every one owns some."""
    return all_owners[int(len(all_owners) * random.random() ** 1.3)]


def _nth(names: tuple[str, ...], position: int) -> str:
    round_number, index = divmod(position, len(names))
    return names[index] if round_number == 0 else f"{names[index]}{round_number + 1}"
