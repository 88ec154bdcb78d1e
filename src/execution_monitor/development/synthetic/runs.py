"""The life of one made-up execution: what never changes about it, and the plan that tells what does."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from random import Random
from typing import NamedTuple

from execution_monitor.development.synthetic import log_lines
from execution_monitor.development.synthetic.dice import dice
from execution_monitor.development.synthetic.log_lines import Line
from execution_monitor.development.synthetic.planning import Plan, plan_execution
from execution_monitor.development.synthetic.users import CUSTOMERS, TEAMS, Owner, pick_owner
from execution_monitor.development.synthetic.workflows import BY_NAME, CATALOGUE, Trigger, Workflow
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.rows import BsonDocument

_POPULAR = tuple(workflow for workflow in CATALOGUE for _ in range(workflow.popularity))
_LOG_STREAM = 1 << 96
_MOST_ATTEMPTS = 3
_RERUN_SHARE = 0.55  # of failed runs, somebody or something tries again
_CALL_SHARE = 0.5  # of runs whose workflow calls another, it does
_PLAIN_SHARE = 0.08  # of runs come from engines that write as little as they can


class Birth(NamedTuple):
    """What tells executions apart: all else about one follows from its seed."""

    execution_id: str
    created: datetime
    seed: int


@dataclass(frozen=True)
class Life:
    """A whole execution: what never changes about it, and the plan that tells what does."""

    birth: Birth
    owner: Owner
    facts: BsonDocument = field(repr=False)
    result: object = field(repr=False)
    plan: Plan = field(repr=False)
    trigger: Trigger
    is_plain: bool  # its engine leaves out what it can

    @property
    def execution_id(self) -> str:
        """Its id, unique in its tenant."""
        return self.birth.execution_id

    @property
    def created(self) -> datetime:
        """When it was created."""
        return self.birth.created

    @property
    def workflow(self) -> Workflow:
        """What it is an execution of."""
        return self.plan.workflow

    def born(self, created: datetime) -> "Life":
        """The same life at another time."""
        return replace(self, birth=self.birth._replace(created=created))

    @cached_property
    def instants(self) -> list[int]:
        """When something changes, in milliseconds since the creation; the version counts them."""
        return self.plan.instants()

    @cached_property
    def lines(self) -> list[Line]:
        """Its whole log, in order."""
        # A stream of its own, so that a seed without log lines makes the same executions.
        return log_lines.log_lines(self.plan, dice(self.birth.seed + _LOG_STREAM))

    def at(self, milliseconds: int) -> datetime:
        """The date and time that many milliseconds after the creation."""
        return self.created + timedelta(milliseconds=milliseconds)

    def elapsed(self, now: datetime) -> int:
        """Whole milliseconds from the creation to `now`."""
        return (now - self.created) // timedelta(milliseconds=1)


def imagine(owner: Owner, workflow: Workflow, birth: Birth) -> Life:
    """The life of one execution: the same for the same arguments."""
    return _imagine(dice(birth.seed), owner, workflow, birth)


def imagine_any(everybody: tuple[Owner, ...], birth: Birth) -> Life:
    """The life of an execution of anybody's, of any workflow, the popular ones more often."""
    random = dice(birth.seed)
    return _imagine(random, pick_owner(everybody, random), random.choice(_POPULAR), birth)


def imagine_child(parent: Life, execution_id: str, seed: int) -> Life | None:
    """What follows from `parent`: another try when it failed, or the workflow that it calls; often nothing."""
    if parent.plan.status is ExecutionStatus.FAILED:
        return _imagine_rerun(parent, execution_id, seed)
    if parent.plan.status is ExecutionStatus.COMPLETED and parent.workflow.starts is not None:
        return _imagine_call(parent, parent.workflow.starts, execution_id, seed)
    return None


def _imagine_rerun(failed: Life, execution_id: str, seed: int) -> Life | None:
    attempt = failed.facts.get("attempt", 1)
    random = dice(seed)
    if attempt >= _MOST_ATTEMPTS or random.random() > _RERUN_SHARE:
        return None
    created = failed.at(failed.plan.ends + random.randrange(1_000, 120_000))
    again = _imagine(random, failed.owner, failed.workflow, Birth(execution_id, created, seed))
    facts = failed.facts | {
        "execution_id": execution_id,
        "parent_execution_id": failed.execution_id,
        "attempt": attempt + 1,
    }
    return replace(again, facts=facts, trigger=failed.trigger, is_plain=failed.is_plain)


def _imagine_call(caller: Life, workflow_name: str, execution_id: str, seed: int) -> Life | None:
    random = dice(seed)
    if random.random() > _CALL_SHARE:
        return None
    created = caller.at(caller.plan.steps[-1].attempts[0].start)
    called = _imagine(random, caller.owner, BY_NAME[workflow_name], Birth(execution_id, created, seed))
    facts = called.facts | {"parent_execution_id": caller.execution_id, "triggered_by": Trigger.API.value}
    return replace(called, facts=facts, trigger=Trigger.API)


def _imagine(random: Random, owner: Owner, workflow: Workflow, birth: Birth) -> Life:
    plan = plan_execution(workflow, random)
    trigger = random.choice(workflow.triggers)
    is_plain = random.random() < _PLAIN_SHARE
    facts: BsonDocument = {
        "execution_id": birth.execution_id,
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
    return Life(birth, owner, facts, workflow.result(random), plan, trigger, is_plain)


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
