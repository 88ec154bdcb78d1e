"""The demo: its users, their tokens, and what it prints when it runs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from execution_monitor.auth.caller import Scope
from execution_monitor.auth.tokens import issue_token
from execution_monitor.development.owner import OWNER, TENANT
from execution_monitor.development.synthetic.incident import last_incident
from execution_monitor.development.synthetic.seed import SeedOptions
from execution_monitor.settings import Settings
from execution_monitor.web.sign_in import Person

_TOKEN_LIFETIME = timedelta(hours=12)
_QUERY = '{"query": "{ executions(first: 3) { totalCount nodes { workflowName status } } }"}'

# Enough for many pages and every shape of workflow, yet written in a few seconds.
DEMO_SEED = SeedOptions(executions=2_000, incident=last_incident(datetime.now(UTC).astimezone()))


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A user of the demo, and what they may do."""

    name: str
    description: str
    scopes: tuple[Scope, ...]


USERS = (
    DemoUser(OWNER, "an owner: sees her own executions", (Scope.EXECUTIONS_PAYLOAD,)),
    DemoUser("grace", "another owner: sees other executions, and no payloads", ()),
    DemoUser(
        "olivia",
        "an operator: sees all of the tenant, and manages its alerts, failures, webhooks and access keys",
        (
            Scope.EXECUTIONS_READ_TENANT,
            Scope.EXECUTIONS_PAYLOAD,
            Scope.EXECUTIONS_WRITE,
            Scope.KEYS_WRITE,
            Scope.ALERTS_WRITE,
            Scope.WEBHOOKS_WRITE,
            Scope.AUDIT_READ,
        ),
    ),
)


def demo_people(settings: Settings) -> list[Person]:
    """The users of the demo for the sign-in page, each with a new token.

    Raises:
        SetupError: If an identity provider signs tokens, so that this server cannot.
    """
    return [
        Person(
            user.name,
            user.description,
            issue_token(
                settings.require_jwt_secret(),
                user=user.name,
                tenant=TENANT,
                scopes=user.scopes,
                lifetime=_TOKEN_LIFETIME,
                rules=settings.token_rules,
            ),
        )
        for user in USERS
    ]


def describe(url: str, settings: Settings) -> str:
    """What the demo prints: where everything is, and a token for each user."""
    people = demo_people(settings)
    command = (
        f"curl {url}/graphql -H 'Content-Type: application/json' "
        f"-H 'Authorization: Bearer {people[0].token}' -d '{_QUERY}'"
    )
    hours = int(_TOKEN_LIFETIME.total_seconds() // 3600)
    lines = [
        f"Execution Monitor runs: open {url}",
        f"  GraphQL  {url}/graphql, to try at {url}/graphiql",
        f"  REST     {url}/api/v1/workflow-management/executions",
        f"  MongoDB  database {settings.database}; an embedded one keeps its data in {settings.data_dir}",
        "",
        f"Tokens of tenant {TENANT}, valid for {hours} hours (Authorization: Bearer ...):",
        *(f"  {person.name}, {person.may}:\n{person.token}" for person in people),
        "",
        "Try:",
        command,
        "",
        "Press Ctrl-C to stop.",
    ]
    return "\n".join(lines)
