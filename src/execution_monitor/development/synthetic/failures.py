"""What goes wrong in generated executions, with the stack traces that Python, Java and Node would print."""

from dataclasses import dataclass
from enum import Enum


class Runtime(Enum):
    """Whose stack traces they are."""

    PYTHON = "python"
    JAVA = "java"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure; `{n}` in the message is a number that differs from run to run."""

    type: str
    message: str
    code: str | None = None
    retryable: bool | None = None
    runtime: Runtime | None = None
    frames: str = ""

    def describe(self, number: int, step_id: str) -> dict[str, object]:
        """The error as engines store it: what is unknown is left out."""
        message = self.message.replace("{n}", str(number))
        error: dict[str, object] = {"message": message, "type": self.type, "step_id": step_id}
        if self.code is not None:
            error["code"] = self.code
        if self.retryable is not None:
            error["retryable"] = self.retryable
        if self.runtime is Runtime.PYTHON:
            error["stack_trace"] = f"Traceback (most recent call last):\n{self.frames}\n{self.type}: {message}"
        elif self.runtime is not None:
            error["stack_trace"] = f"{self.type}: {message}\n{self.frames}"
        return error


DATABASE_GONE = Failure(
    type="psycopg.OperationalError",
    message='connection to server at "warehouse-{n}.internal", port 5432 failed: Connection timed out',
    code="DB_UNREACHABLE",
    retryable=True,
    runtime=Runtime.PYTHON,
    frames="""\
  File "/app/etl/runner.py", line 118, in run_step
    return step(context)
           ^^^^^^^^^^^^^
  File "/app/etl/steps/extract.py", line 41, in extract
    with psycopg.connect(context.dsn) as connection:
         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/app/.venv/lib/python3.12/site-packages/psycopg/connection.py", line 119, in connect
    raise last_ex.with_traceback(None)""",
)
SCHEMA_CHANGED = Failure(
    type="etl.errors.SchemaMismatch",
    message="column 'unit_price' is text, expected numeric (row {n})",
    code="SCHEMA_MISMATCH",
    retryable=False,
    runtime=Runtime.PYTHON,
    frames="""\
  File "/app/etl/runner.py", line 118, in run_step
    return step(context)
           ^^^^^^^^^^^^^
  File "/app/etl/steps/validate.py", line 77, in validate
    check_columns(frame, contract)
  File "/app/etl/contracts.py", line 203, in check_columns
    raise SchemaMismatch(column, found, wanted, row)""",
)
OUT_OF_GPU_MEMORY = Failure(
    type="torch.cuda.OutOfMemoryError",
    message="CUDA out of memory. Tried to allocate {n} MiB. GPU 0 has a total capacity of 39.39 GiB",
    code="GPU_OOM",
    retryable=True,
    runtime=Runtime.PYTHON,
    frames="""\
  File "/workspace/train.py", line 212, in <module>
    main(parse_arguments())
  File "/workspace/train.py", line 164, in main
    loss = step(model, batch)
           ^^^^^^^^^^^^^^^^^^
  File "/workspace/loop.py", line 58, in step
    loss.backward()
  File "/opt/conda/lib/python3.11/site-packages/torch/_tensor.py", line 581, in backward
    torch.autograd.backward(self, gradient, retain_graph, create_graph)""",
)
SPOT_RECLAIMED = Failure(
    type="NodePreempted", message="spot instance i-{n} was reclaimed", code="PREEMPTED", retryable=True
)
BATCH_FAILED = Failure(
    type="com.acme.ledger.BatchAbortedException",
    message="Chunk {n} violates double-entry balance",
    code="LEDGER-4012",
    retryable=False,
    runtime=Runtime.JAVA,
    frames="""\
\tat com.acme.ledger.close.BalanceWriter.write(BalanceWriter.java:143)
\tat org.springframework.batch.core.step.item.ChunkOrientedTasklet.execute(ChunkOrientedTasklet.java:75)
\tat org.springframework.batch.core.step.tasklet.TaskletStep.doExecute(TaskletStep.java:258)
\tat org.springframework.batch.core.job.SimpleStepHandler.handleStep(SimpleStepHandler.java:153)
\tat java.base/java.lang.Thread.run(Thread.java:1583)
Caused by: java.sql.SQLIntegrityConstraintViolationException: ORA-02290: check constraint (LEDGER.CK_BALANCE) violated
\tat oracle.jdbc.driver.T4CTTIoer11.processError(T4CTTIoer11.java:628)
\t... 42 more""",
)
HEAP_EXHAUSTED = Failure(
    type="java.lang.OutOfMemoryError",
    message="Java heap space",
    code="OOM",
    retryable=True,
    runtime=Runtime.JAVA,
    frames="""\
\tat java.base/java.util.Arrays.copyOf(Arrays.java:3541)
\tat java.base/java.util.ArrayList.grow(ArrayList.java:238)
\tat com.acme.profile.merge.SegmentJoiner.join(SegmentJoiner.java:91)
\tat com.acme.profile.merge.MergeJob.run(MergeJob.java:37)""",
)
SOCKET_CLOSED = Failure(
    type="Error",
    message="read ECONNRESET 10.4.{n}.17:443",
    code="ECONNRESET",
    retryable=True,
    runtime=Runtime.NODE,
    frames="""\
    at TLSWrap.onStreamRead (node:internal/stream_base_commons:216:20)
    at async fetchObject (/srv/thumbnails/dist/storage.js:48:18)
    at async Worker.handle (/srv/thumbnails/dist/worker.js:112:5)""",
)
UNDEFINED_PROPERTY = Failure(
    type="TypeError",
    message="Cannot read properties of undefined (reading 'width')",
    retryable=False,
    runtime=Runtime.NODE,
    frames="""\
    at resize (/srv/thumbnails/dist/resize.js:23:31)
    at Worker.handle (/srv/thumbnails/dist/worker.js:118:22)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)""",
)
MODEL_OVERLOADED = Failure(
    type="RateLimitError", message="429: rate limit reached, retry after {n} ms", code="RATE_LIMITED", retryable=True
)
CONTEXT_TOO_LONG = Failure(
    type="BadRequestError",
    message="prompt is too long: {n} tokens over the maximum",
    code="CONTEXT_LENGTH_EXCEEDED",
    retryable=False,
)
TOOL_FAILED = Failure(
    type="ToolExecutionError",
    message="tool 'lookup_order' answered 503 after {n} ms",
    code="TOOL_FAILED",
    retryable=True,
    runtime=Runtime.PYTHON,
    frames="""\
  File "/app/agent/loop.py", line 96, in act
    observation = await tool(**call.arguments)
                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/app/agent/tools/orders.py", line 33, in lookup_order
    response.raise_for_status()""",
)
TESTS_FAILED = Failure(type="TestFailure", message="{n} tests failed, 2 errors", code="EXIT_1", retryable=False)
CERTIFICATE_EXPIRED = Failure(
    type="TestFailure",
    message="{n} tests failed: the certificate of registry.acme.example has expired",
    code="EXIT_1",
    retryable=False,
)
MODEL_TOO_WEAK = Failure(
    type="QualityGate", message="AUC is {n} points below the model in use", code="BELOW_BASELINE", retryable=False
)
INDEX_READ_ONLY = Failure(
    type="qdrant.UnexpectedResponse", message="403: collection is read-only (shard {n})", code="READ_ONLY"
)
REJECTED = Failure(type="ApprovalRejected", message="The contract was rejected in round {n}", retryable=False)
ENDPOINT_DOWN = Failure(
    type="ProbeFailed", message="expected 200, got 502 (probe {n})", code="HTTP_502", retryable=True
)
PROBE_UNEXPLAINED = Failure(type="ProbeFailed", message="no answer 💥")
ROLLOUT_UNHEALTHY = Failure(
    type="RolloutAborted", message="error rate {n} times the baseline", code="CANARY_UNHEALTHY", retryable=False
)
UNREADABLE_SCAN = Failure(
    type="ValueError",
    message="page {n}: no text found",
    code="UNREADABLE",
    retryable=False,
    runtime=Runtime.PYTHON,
    frames="""\
  File "/app/invoices/extract.py", line 52, in extract
    raise ValueError(f"page {page.number}: no text found")""",
)
