"""Generated runs: what is fixed about each execution, and the plan from which its changes follow."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from random import Random
from typing import NamedTuple

from execution_monitor.development.synthetic import log_lines
from execution_monitor.development.synthetic.log_lines import LogLine
from execution_monitor.development.synthetic.planning import Plan, plan_execution
from execution_monitor.development.synthetic.users import CUSTOMERS, TEAMS, Owner, pick_owner
from execution_monitor.development.synthetic.workflows import BY_NAME, CATALOGUE, Trigger, Workflow
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.rows import BsonDocument

_POPULAR = tuple(workflow for workflow in CATALOGUE for _ in range(workflow.popularity))
_LOG_STREAM = 1 << 96
_MOST_ATTEMPTS = 3
_RERUN_SHARE = 0.55  # of failed runs are run again
_CALL_SHARE = 0.5  # of runs whose workflow may call another
_PLAIN_SHARE = 0.08  # of runs are of engines that write only the required fields


class RunIdentity(NamedTuple):
    """What distinguishes one run from another; all else follows from its seed."""

    execution_id: str
    created: datetime
    seed: int


@dataclass(frozen=True)
class Run:
    """One generated execution: the fields that never change, and the plan from which the others follow."""

    identity: RunIdentity
    owner: Owner
    facts: BsonDocument = field(repr=False)
    result: object = field(repr=False)
    plan: Plan = field(repr=False)
    trigger: Trigger
    is_plain: bool  # its engine writes only the required fields

    @property
    def execution_id(self) -> str:
        """Its id, unique in its tenant."""
        return self.identity.execution_id

    @property
    def created(self) -> datetime:
        """When it was created."""
        return self.identity.created

    @property
    def workflow(self) -> Workflow:
        """What it is an execution of."""
        return self.plan.workflow

    def created_at(self, created: datetime) -> "Run":
        """The same run, created at another time."""
        return replace(self, identity=self.identity._replace(created=created))

    @cached_property
    def change_times(self) -> list[int]:
        """When it changes, in milliseconds since the creation; each change is one version."""
        return self.plan.change_times()

    @cached_property
    def lines(self) -> list[LogLine]:
        """All its log lines, the oldest first."""
        # A random stream of its own, so that a seed without log lines makes the same executions.
        return log_lines.log_lines(self.plan, seeded_random(self.identity.seed + _LOG_STREAM))

    def at(self, milliseconds: int) -> datetime:
        """The date and time that many milliseconds after the creation."""
        return self.created + timedelta(milliseconds=milliseconds)

    def elapsed(self, now: datetime) -> int:
        """Whole milliseconds from the creation to `now`."""
        return (now - self.created) // timedelta(milliseconds=1)


def seeded_random(seed: int) -> Random:
    """A generator of its own for `seed`; neighbouring seeds give unrelated numbers."""
    return Random(seed)  # noqa: S311 - it makes sample data, no secrets


def generate_run(owner: Owner, workflow: Workflow, identity: RunIdentity) -> Run:
    """A run of `workflow`; the same arguments give the same run."""
    return _generate(seeded_random(identity.seed), owner, workflow, identity)


def generate_any_run(all_owners: tuple[Owner, ...], identity: RunIdentity) -> Run:
    """A run of any owner and any workflow, popular workflows more often."""
    random = seeded_random(identity.seed)
    return _generate(random, pick_owner(all_owners, random), random.choice(_POPULAR), identity)


def generate_follow_up(parent: Run, execution_id: str, seed: int) -> Run | None:
    """The run that `parent` causes: a retry if it failed, or a workflow that it calls; often None."""
    if parent.plan.status is ExecutionStatus.FAILED:
        return _generate_rerun(parent, execution_id, seed)
    if parent.plan.status is ExecutionStatus.COMPLETED and parent.workflow.starts is not None:
        return _generate_call(parent, parent.workflow.starts, execution_id, seed)
    return None


def _generate_rerun(failed: Run, execution_id: str, seed: int) -> Run | None:
    attempt = failed.facts.get("attempt", 1)
    random = seeded_random(seed)
    if attempt >= _MOST_ATTEMPTS or random.random() > _RERUN_SHARE:
        return None
    return _retry(random, failed, execution_id, seed)


def generate_retry(failed: Run, execution_id: str, seed: int) -> Run:
    """The next attempt of a run that failed."""
    return _retry(seeded_random(seed), failed, execution_id, seed)


def _retry(random: Random, failed: Run, execution_id: str, seed: int) -> Run:
    created = failed.at(failed.plan.ends + random.randrange(1_000, 120_000))
    again = _generate(random, failed.owner, failed.workflow, RunIdentity(execution_id, created, seed))
    facts = failed.facts | {
        "execution_id": execution_id,
        "parent_execution_id": failed.execution_id,
        "attempt": failed.facts.get("attempt", 1) + 1,
    }
    return replace(again, facts=facts, trigger=failed.trigger, is_plain=failed.is_plain)


def _generate_call(caller: Run, workflow_name: str, execution_id: str, seed: int) -> Run | None:
    random = seeded_random(seed)
    if random.random() > _CALL_SHARE:
        return None
    created = caller.at(caller.plan.steps[-1].attempts[0].start)
    called = _generate(random, caller.owner, BY_NAME[workflow_name], RunIdentity(execution_id, created, seed))
    facts = called.facts | {"parent_execution_id": caller.execution_id, "triggered_by": Trigger.API.value}
    return replace(called, facts=facts, trigger=Trigger.API)


def _generate(random: Random, owner: Owner, workflow: Workflow, identity: RunIdentity) -> Run:
    plan = plan_execution(workflow, random)
    trigger = random.choice(workflow.triggers)
    is_plain = random.random() < _PLAIN_SHARE
    facts: BsonDocument = {
        "execution_id": identity.execution_id,
        "tenant_id": owner.tenant_id,
        "user_id": owner.user_id,
        "workflow_name": workflow.name,
    }
    if workflow.template_id is not None:
        facts["workflow_template_id"] = workflow.template_id
    if (inputs := workflow.inputs(random)) is not None:
        facts["input_parameters"] = inputs
    if workflow.has_execution_names:
        facts["execution_name"] = f"{workflow.name} #{random.randrange(100, 9999)}"
    if workflow.has_sessions:
        facts["session_id"] = f"session-{random.getrandbits(40):010x}"
    if not is_plain:
        facts["triggered_by"] = owner.email if trigger is Trigger.PERSON else trigger.value
        facts["tags"] = _tags(workflow, random)
        facts["attempt"] = 1
    return Run(identity, owner, facts, workflow.result(random), plan, trigger, is_plain)


def _tags(workflow: Workflow, random: Random) -> list[BsonDocument]:
    tags: list[BsonDocument] = [
        {"key": "env", "value": random.choice(("prod", "prod", "prod", "staging", "dev"))},
        {"key": "team", "value": random.choice(TEAMS)},
    ]
    if workflow.has_git_sha:
        tags.append({"key": "git_sha", "value": f"{random.getrandbits(160):040x}"})
    if workflow.is_ai:
        tags.append({"key": "customer", "value": random.choice(CUSTOMERS)})
    return tags
