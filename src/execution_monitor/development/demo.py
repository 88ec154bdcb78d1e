"""The demo: made-up people, their executions, and how to look at them."""

from dataclasses import dataclass
from datetime import timedelta

from execution_monitor.auth.caller import Scope
from execution_monitor.auth.tokens import issue_token
from execution_monitor.development.synthetic.seed import SeedOptions
from execution_monitor.settings import Settings
from execution_monitor.web.sign_in import Person

TENANT = "acme"
OWNER = "ada"
_TOKEN_LIFETIME = timedelta(hours=12)
_QUERY = '{"query": "{ executions(first: 3) { totalCount nodes { workflowName status } } }"}'

# Enough for many pages and every shape of workflow, and written in a few seconds.
DEMO_SEED = SeedOptions(executions=2_000)


@dataclass(frozen=True, slots=True)
class Role:
    """Somebody of the demo, and what they may do."""

    name: str
    may: str
    scopes: tuple[Scope, ...]


ROLES = (
    Role(OWNER, "an owner: sees her own executions", (Scope.EXECUTIONS_PAYLOAD,)),
    Role("grace", "another owner: sees other executions, and no payloads", ()),
    Role(
        "olivia",
        "an operator: sees all of the tenant",
        (Scope.EXECUTIONS_READ_TENANT, Scope.EXECUTIONS_PAYLOAD),
    ),
)


def people(settings: Settings) -> list[Person]:
    """The demo's people, each with a new token; raises `SetupError` where tokens are not signed here."""
    return [
        Person(
            role.name,
            role.may,
            issue_token(
                settings.require_jwt_secret(),
                user=role.name,
                tenant=TENANT,
                scopes=role.scopes,
                lifetime=_TOKEN_LIFETIME,
                rules=settings.token_rules,
            ),
        )
        for role in ROLES
    ]


def describe(url: str, settings: Settings) -> str:
    """What runs where, and a token for each of the demo's people."""
    known = people(settings)
    command = (
        f"curl {url}/graphql -H 'Content-Type: application/json' "
        f"-H 'Authorization: Bearer {known[0].token}' -d '{_QUERY}'"
    )
    hours = int(_TOKEN_LIFETIME.total_seconds() // 3600)
    lines = [
        f"Execution Monitor runs: open {url}",
        f"  GraphQL  {url}/graphql, to try at {url}/graphiql",
        f"  REST     {url}/api/v1/workflow-management/executions",
        f"  MongoDB  database {settings.database}; an embedded one keeps its data in {settings.data_dir}",
        "",
        f"Tokens of tenant {TENANT}, good for {hours} hours (Authorization: Bearer ...):",
        *(f"  {person.name}, {person.may}:\n{person.token}" for person in known),
        "",
        "Try:",
        command,
        "",
        "Press Ctrl-C to stop.",
    ]
    return "\n".join(lines)
