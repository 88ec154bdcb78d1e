"""The catalogue of generated workflows: one of every shape that engines run, from one step to a matrix."""

from dataclasses import dataclass
from enum import StrEnum

from execution_monitor.development.synthetic import failures, payloads
from execution_monitor.development.synthetic.failures import Failure
from execution_monitor.development.synthetic.payloads import Payload

_HOUR = 3600.0
_DAY = 24 * _HOUR


class Trigger(StrEnum):
    """What starts an execution; a person is stored as their e-mail address, the others by these names."""

    PERSON = "person"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"
    API = "api"


@dataclass(frozen=True, slots=True)
class StepShape:
    """One step of a workflow: what it waits for, how long it takes and how often it fails."""

    step_id: str
    name: str
    kind: str
    seconds: float  # median of one attempt
    after: tuple[str, ...] = ()
    failure_rate: float = 0.0  # of one attempt
    failures: tuple[Failure, ...] = ()
    retries: int = 0
    is_optional: bool = False  # its failure does not fail the execution
    awaits_person: bool = False  # the execution is paused meanwhile
    tokens: int = 0  # median


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow, and the habits of the engine that runs it."""

    name: str
    steps: tuple[StepShape, ...]
    triggers: tuple[Trigger, ...]  # equally likely; repeat one to make it likelier
    inputs: Payload
    result: Payload
    popularity: int = 0  # 0: only the nightly batch, or another workflow, starts it
    template_id: str | None = None
    seconds_allowed: float = _HOUR
    hang_rate: float = 0.004
    cancel_rate: float = 0.01
    starts: str | None = None  # the workflow it calls
    dollars_per_token: float = 0.0
    has_sessions: bool = False
    has_git_sha: bool = False
    has_execution_names: bool = False
    writes_nulls: bool = False  # what does not apply is null instead of absent
    counts_whole_seconds: bool = False
    writes_costs: bool = True  # False: total_cost and tokens_used stay away
    writes_performance: bool = False

    @property
    def is_ai(self) -> bool:
        """Whether its executions cost tokens."""
        return self.dollars_per_token > 0


_ETL = Workflow(
    name="daily-sales-etl",
    template_id="tpl-etl-7",
    popularity=10,
    triggers=(Trigger.SCHEDULE, Trigger.SCHEDULE, Trigger.SCHEDULE, Trigger.PERSON),
    inputs=payloads.etl_input,
    result=payloads.etl_result,
    writes_performance=True,
    steps=(
        StepShape("extract", "Extract orders", "query", 45, (), 0.06, (failures.DATABASE_GONE,), retries=2),
        StepShape("validate", "Validate rows", "check", 12, ("extract",), 0.03, (failures.SCHEMA_CHANGED,)),
        StepShape("transform", "Transform", "compute", 80, ("validate",)),
        StepShape("load", "Load into the warehouse", "write", 60, ("transform",), 0.02, (failures.DATABASE_GONE,)),
        StepShape("publish", "Publish dashboards", "notify", 4, ("load",)),
    ),
)
_RESIZES = tuple(f"resize-{n}" for n in range(1, 9))
_IMAGES = Workflow(
    name="image-thumbnails",
    template_id="tpl-images",
    popularity=8,
    triggers=(Trigger.WEBHOOK, Trigger.API),
    inputs=payloads.images_input,
    result=payloads.images_result,
    writes_costs=False,
    steps=(
        StepShape("list", "List uploads", "query", 0.6),
        *(
            StepShape(
                name,
                f"Resize {name.removeprefix('resize-')} of 8",
                "compute",
                3.5,
                ("list",),
                0.012,
                (failures.SOCKET_CLOSED, failures.SOCKET_CLOSED, failures.UNDEFINED_PROPERTY),
                retries=1,
                is_optional=True,
            )
            for name in _RESIZES
        ),
        StepShape("collect", "Write the index", "write", 0.9, _RESIZES, 0.01, (failures.SOCKET_CLOSED,)),
    ),
)
_PROFILE = Workflow(
    name="customer-360-refresh",
    template_id="tpl-c360-v2",
    popularity=8,
    triggers=(Trigger.SCHEDULE, Trigger.API, Trigger.PERSON),
    inputs=payloads.profile_input,
    result=payloads.profile_result,
    starts="rag-indexing",
    writes_performance=True,
    steps=(
        StepShape("snapshot", "Snapshot customers", "query", 20),
        StepShape("orders", "Join orders", "compute", 55, ("snapshot",), 0.04, (failures.HEAP_EXHAUSTED,), retries=1),
        StepShape("support", "Join support cases", "compute", 35, ("snapshot",)),
        StepShape("merge", "Merge profiles", "compute", 30, ("orders", "support"), 0.03, (failures.HEAP_EXHAUSTED,)),
        StepShape("export", "Export segments", "write", 10, ("merge",)),
    ),
)
_TESTS = tuple(f"test-{python}-{system}" for python in ("3.11", "3.12", "3.13") for system in ("linux", "macos"))
_CI = Workflow(
    name="ci-pipeline",
    popularity=14,
    triggers=(Trigger.WEBHOOK, Trigger.WEBHOOK, Trigger.WEBHOOK, Trigger.PERSON),
    inputs=payloads.ci_input,
    result=payloads.ci_result,
    cancel_rate=0.06,
    starts="release-rollout",
    has_git_sha=True,
    has_execution_names=True,
    writes_costs=False,
    steps=(
        StepShape("checkout", "Check out", "git", 4),
        StepShape("lint", "Lint", "check", 25, ("checkout",), 0.04, (failures.TESTS_FAILED,)),
        *(
            StepShape(
                name,
                f"Test on {name.removeprefix('test-').replace('-', ', ')}",
                "test",
                190,
                ("checkout",),
                0.025,
                (failures.TESTS_FAILED,),
                is_optional=name == "test-3.13-macos",
            )
            for name in _TESTS
        ),
        StepShape("build", "Build the image", "build", 70, ("lint", *_TESTS)),
        StepShape("publish", "Publish the image", "write", 15, ("build",), 0.01, (failures.SOCKET_CLOSED,), retries=1),
    ),
)
_LEDGER = Workflow(
    name="nightly-ledger-close",
    template_id="LEDGER.CLOSE.EOD",
    triggers=(Trigger.SCHEDULE,),
    inputs=payloads.ledger_input,
    result=payloads.ledger_result,
    writes_nulls=True,
    counts_whole_seconds=True,
    steps=(
        StepShape("freeze", "Freeze postings", "query", 5),
        StepShape("post", "Post accruals", "compute", 240, ("freeze",), 0.05, (failures.BATCH_FAILED,)),
        StepShape("balance", "Balance books", "check", 90, ("post",), 0.02, (failures.BATCH_FAILED,)),
        StepShape("archive", "Archive", "write", 30, ("balance",)),
    ),
)
_AGENT = Workflow(
    name="support-agent",
    template_id="agent-support-2025",
    popularity=20,
    triggers=(Trigger.API, Trigger.API, Trigger.WEBHOOK, Trigger.PERSON),
    inputs=payloads.question_input,
    result=payloads.question_result,
    dollars_per_token=6e-6,
    seconds_allowed=300,
    cancel_rate=0.03,
    has_sessions=True,
    steps=(
        StepShape("plan", "Plan", "llm", 3, (), 0.03, (failures.MODEL_OVERLOADED,), retries=3, tokens=900),
        StepShape("search", "Search the handbook", "tool", 1.2, ("plan",), tokens=150),
        StepShape("lookup", "Look up the order", "tool", 0.8, ("plan",), 0.08, (failures.TOOL_FAILED,), retries=1),
        StepShape("draft", "Draft an answer", "llm", 6, ("search", "lookup"), 0.02, (failures.CONTEXT_TOO_LONG,),
                  tokens=2600),
        StepShape("review", "Review the draft", "llm", 2.5, ("draft",), 0.04, (failures.MODEL_OVERLOADED,), retries=2,
                  tokens=1100),
        StepShape("reply", "Send the reply", "notify", 0.4, ("review",)),
    ),
)  # fmt: skip
_EMBEDDINGS = tuple(f"embed-{n}" for n in range(4))
_RAG = Workflow(
    name="rag-indexing",
    template_id="tpl-rag",
    popularity=6,
    triggers=(Trigger.SCHEDULE, Trigger.API),
    inputs=payloads.corpus_input,
    result=payloads.corpus_result,
    dollars_per_token=2e-8,
    writes_performance=True,
    steps=(
        StepShape("crawl", "Crawl sources", "fetch", 30, (), 0.04, (failures.SOCKET_CLOSED,), retries=2),
        StepShape("chunk", "Split into chunks", "compute", 8, ("crawl",)),
        *(
            StepShape(name, f"Embed shard {name[-1]}", "embedding", 40, ("chunk",), 0.05,
                      (failures.MODEL_OVERLOADED,), retries=3, tokens=180_000)
            for name in _EMBEDDINGS
        ),
        StepShape("upsert", "Write vectors", "write", 14, _EMBEDDINGS, 0.03, (failures.INDEX_READ_ONLY,)),
        StepShape("evaluate", "Evaluate retrieval", "llm", 9, ("upsert",), tokens=5_000, is_optional=True,
                  failure_rate=0.03, failures=(failures.CONTEXT_TOO_LONG,)),
    ),
)  # fmt: skip
_CONTRACT = Workflow(
    name="contract-approval",
    template_id="bpm-contract",
    popularity=4,
    triggers=(Trigger.PERSON,),
    inputs=payloads.contract_input,
    result=payloads.contract_result,
    seconds_allowed=7 * _DAY,
    cancel_rate=0.06,
    has_execution_names=True,
    writes_nulls=True,
    steps=(
        StepShape("draft", "Draft the contract", "compute", 20),
        StepShape("legal", "Approval by Legal", "approval", 5 * _HOUR, ("draft",), 0.08, (failures.REJECTED,),
                  awaits_person=True),
        StepShape("finance", "Approval by Finance", "approval", 3 * _HOUR, ("legal",), 0.03, (failures.REJECTED,),
                  awaits_person=True),
        StepShape("sign", "Collect signatures", "notify", 60, ("finance",)),
    ),
)  # fmt: skip
_HEALTH = Workflow(
    name="health-check",
    template_id="probe",
    popularity=18,
    triggers=(Trigger.SCHEDULE,),
    inputs=payloads.nothing,
    result=payloads.probe_result,
    seconds_allowed=30,
    cancel_rate=0.0,
    steps=(
        StepShape("probe", "Probe the endpoint", "fetch", 0.12, (), 0.03,
                  (failures.ENDPOINT_DOWN, failures.ENDPOINT_DOWN, failures.PROBE_UNEXPLAINED)),
    ),
)  # fmt: skip
_TRIALS = ("trial-a", "trial-b", "trial-c")
_TRAINING = Workflow(
    name="churn-model-training",
    template_id="tpl-churn",
    popularity=3,
    triggers=(Trigger.SCHEDULE, Trigger.PERSON),
    inputs=payloads.training_input,
    result=payloads.training_result,
    seconds_allowed=6 * _HOUR,
    hang_rate=0.02,
    cancel_rate=0.04,
    has_git_sha=True,
    has_execution_names=True,
    writes_performance=True,
    steps=(
        StepShape("prepare", "Prepare features", "compute", 300),
        *(
            StepShape(name, f"Train {name}", "gpu", 2400, ("prepare",), 0.18,
                      (failures.SPOT_RECLAIMED, failures.SPOT_RECLAIMED, failures.OUT_OF_GPU_MEMORY), retries=3)
            for name in _TRIALS
        ),
        StepShape("evaluate", "Choose the best", "check", 120, _TRIALS, 0.08, (failures.MODEL_TOO_WEAK,)),
        StepShape("register", "Register the model", "write", 8, ("evaluate",)),
    ),
)  # fmt: skip
_ROLLOUT = Workflow(
    name="release-rollout",
    template_id="tpl-rollout",
    triggers=(Trigger.API,),
    inputs=payloads.rollout_input,
    result=payloads.nothing,
    cancel_rate=0.03,
    has_git_sha=True,
    steps=(
        StepShape("canary", "Canary at 5 %", "deploy", 120, (), 0.05, (failures.ROLLOUT_UNHEALTHY,)),
        StepShape("approve", "Approval by the operator", "approval", 400, ("canary",), awaits_person=True),
        StepShape("rollout", "Roll out", "deploy", 180, ("approve",), 0.02, (failures.ROLLOUT_UNHEALTHY,)),
        StepShape("verify", "Verify", "check", 30, ("rollout",)),
    ),
)
_INVOICES = Workflow(
    name="invoice-extraction",
    template_id="tpl-invoice-4",
    popularity=7,
    triggers=(Trigger.WEBHOOK, Trigger.API, Trigger.PERSON),
    inputs=payloads.invoice_input,
    result=payloads.invoice_result,
    dollars_per_token=3e-6,
    seconds_allowed=600,
    steps=(
        StepShape("scan", "Read the scan", "compute", 4, (), 0.05, (failures.UNREADABLE_SCAN,)),
        StepShape("extract", "Extract fields", "llm", 5, ("scan",), 0.05, (failures.MODEL_OVERLOADED,), retries=2,
                  tokens=3_200),
        StepShape("book", "Book the invoice", "write", 1.1, ("extract",)),
    ),
)  # fmt: skip

NIGHTLY = _LEDGER
CATALOGUE = (
    _HEALTH,
    _AGENT,
    _CI,
    _ETL,
    _IMAGES,
    _PROFILE,
    _INVOICES,
    _RAG,
    _CONTRACT,
    _TRAINING,
    _LEDGER,
    _ROLLOUT,
)
BY_NAME = {workflow.name: workflow for workflow in CATALOGUE}
