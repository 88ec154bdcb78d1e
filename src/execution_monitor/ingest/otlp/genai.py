"""Calls of models, agents and tools: what attributes say of them, in each dialect that clients use.

Dialects are those of OpenTelemetry (`gen_ai.*`), OpenInference (`llm.*`), Traceloop (`gen_ai.*`, `llm.*`, before it
joined the first) and the AI SDK of Vercel (`ai.*`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from execution_monitor.ingest.otlp.attributes import Attributes, count_of, text_of

AGENT, WORKFLOW, TOOL, LLM, EMBEDDING = "agent", "workflow", "tool", "llm", "embedding"
# Kinds of spans that an execution can be named after.
RUNS = frozenset({AGENT, WORKFLOW})
# Kinds of spans that call a model themselves, and of those that contain such calls: their tokens are sums.
CALLS = frozenset({LLM, EMBEDDING, "reranker"})
_CONTAINERS = frozenset({AGENT, WORKFLOW, TOOL, "chain", "task", "retriever", "guardrail", "evaluator", "prompt"})

# Prefixes of attributes that only spans of models, agents and tools have.
PREFIXES = ("gen_ai.", "llm.", "openinference.", "traceloop.", "langfuse.", "ai.operationId", "agentops.")

_INPUT_TOKENS = (
    *("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens"),
    *("ai.usage.inputTokens", "ai.usage.promptTokens"),
)
_OUTPUT_TOKENS = (
    *("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
    *("llm.usage.completion_tokens", "ai.usage.outputTokens", "ai.usage.completionTokens"),
)
_TOTAL_TOKENS = ("gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens", "ai.usage.totalTokens")
_CACHED_TOKENS = (
    *("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
    *("llm.token_count.prompt_details.cache_read", "llm.usage.cache_read_input_tokens", "ai.usage.cachedInputTokens"),
)
_MODEL = (
    *("gen_ai.response.model", "llm.response.model_name", "llm.model_name", "gen_ai.request.model"),
    *("llm.request.model_name", "embedding.model_name", "reranker.model_name", "ai.model.id"),
)
_COST = ("gen_ai.usage.cost", "gen_ai.usage.total_cost", "llm.cost.total", "operation.cost")
_USAGE = frozenset({*_INPUT_TOKENS, *_OUTPUT_TOKENS, *_TOTAL_TOKENS, *_MODEL, *_COST})
_SESSION = ("gen_ai.conversation.id", "session.id", "langfuse.session.id", "ai.telemetry.metadata.sessionId")
_OUTPUT = (
    *("gen_ai.output.messages", "output.value", "gen_ai.tool.call.result", "traceloop.entity.output"),
    *("ai.response.text", "ai.response.object", "ai.toolCall.result"),
)
# Lists that some flatten into a name for each element; the input and output as a whole have the same.
_FLAT_INPUT = ("llm.input_messages.", "gen_ai.prompt.", "llm.tools.")
_FLAT_OUTPUT = ("llm.output_messages.", "gen_ai.completion.")
_WHOLE_INPUT = ("input.value", "gen_ai.input.messages")
_VALUES = frozenset({*_OUTPUT, *_WHOLE_INPUT})
# What is stored in fields of its own.
_STORED_ELSEWHERE = ("gen_ai.usage.", "llm.token_count.", "llm.usage.", "ai.usage.", "logfire.json_schema")

_BY_OPERATION: Mapping[str, str] = {
    "chat": LLM,
    "text_completion": LLM,
    "generate_content": LLM,
    "embeddings": EMBEDDING,
    "execute_tool": TOOL,
    "invoke_agent": AGENT,
    "create_agent": AGENT,
    "invoke_workflow": WORKFLOW,
}
_BY_OBSERVATION = {"generation": LLM, "span": None}
# The operations of Vercel's SDK are such as ai.generateText, which contains ai.generateText.doGenerate, the call.
_CALL_OF_VERCEL = ".do"


@dataclass(frozen=True, slots=True)
class Usage:
    """The model, tokens and cost of a span, as far as they are given; `tokens` is the total."""

    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    tokens: int | None = None
    cost: float | None = None


def concerns_a_model(attributes: Attributes) -> bool:
    """Whether a span with these attributes is of a model, an agent or a tool."""
    for key in attributes:  # noqa: SIM110 - any() takes twice as long
        if key.startswith(PREFIXES):
            return True
    return False


def kind_of(attributes: Attributes) -> str | None:
    """The kind of a span, such as `llm`, `agent` or `tool`; None where no attribute tells."""
    operation = text_of(attributes, "gen_ai.operation.name")
    if operation is not None:
        return _BY_OPERATION.get(operation, operation)
    kind = text_of(attributes, "openinference.span.kind", "traceloop.span.kind")
    if kind is not None:
        return kind.lower()
    observation = text_of(attributes, "langfuse.observation.type")
    if observation is not None:
        return _BY_OBSERVATION.get(observation, observation)
    of_vercel = text_of(attributes, "ai.operationId")
    if of_vercel is not None:
        return _kind_of_vercel(of_vercel)
    return LLM if "llm.request.type" in attributes else None


def usage_of(attributes: Attributes) -> Usage | None:
    """What a span used; None where its attributes say nothing of it."""
    if attributes.keys().isdisjoint(_USAGE):
        return None
    input_tokens, output_tokens = count_of(attributes, *_INPUT_TOKENS), count_of(attributes, *_OUTPUT_TOKENS)
    tokens = count_of(attributes, *_TOTAL_TOKENS)
    if tokens is None and (input_tokens is not None or output_tokens is not None):
        tokens = (input_tokens or 0) + (output_tokens or 0)
    model, cost = text_of(attributes, *_MODEL), _cost_in(attributes)
    if tokens is None and model is None and cost is None:
        return None
    return Usage(model, input_tokens, output_tokens, count_of(attributes, *_CACHED_TOKENS), tokens, cost)


def counts(kind: str | None, attributes: Attributes) -> bool:
    """Whether the tokens of a span are its own, and not a sum over the spans below it, which would count twice.

    It follows from the kind alone, so that it is the same in whatever order spans arrive. A span of no known kind
    counts where it names a model.
    """
    if kind is None:
        return text_of(attributes, *_MODEL) is not None
    # Custom operations of the conventions are calls, too.
    return kind in CALLS or (kind not in _CONTAINERS and "gen_ai.operation.name" in attributes)


def session_of(attributes: Attributes) -> str | None:
    """The conversation or session that a span is part of."""
    return text_of(attributes, *_SESSION)


def result_of(attributes: Attributes) -> Any:
    """What came out of a span: messages, text, or the result of a tool."""
    if not concerns_a_model(attributes) and attributes.keys().isdisjoint(_VALUES):
        return None
    for name in _OUTPUT:
        value = attributes.get(name)
        if value is not None:
            return _from_json(value)
    flat = {key: value for key, value in attributes.items() if key.startswith(_FLAT_OUTPUT)}
    return flat or None


def input_of(attributes: Attributes) -> dict[str, Any] | None:
    """What went into a span, and all else that its attributes say and no other field holds."""
    if not concerns_a_model(attributes) and attributes.keys().isdisjoint(_VALUES):
        return dict(attributes) or None
    has_whole_input = any(name in attributes for name in _WHOLE_INPUT)
    left_out = (*_STORED_ELSEWHERE, *_FLAT_OUTPUT, *(_FLAT_INPUT if has_whole_input else ()))
    kept = {
        key: _from_json(value) if key in _WHOLE_INPUT else value
        for key, value in attributes.items()
        if not key.startswith(left_out) and key not in _OUTPUT
    }
    return kept or None


def _kind_of_vercel(operation: str) -> str:
    if operation.startswith("ai.toolCall"):
        return TOOL
    if _CALL_OF_VERCEL not in operation:
        return "chain"
    return EMBEDDING if operation.startswith("ai.embed") else LLM


def _cost_in(attributes: Attributes) -> float | None:
    for name in _COST:
        value = attributes.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and math.isfinite(value):
            return float(value)
    return None


def _from_json(value: Any) -> Any:
    """The value that a text of JSON stands for, which is how clients send lists of messages."""
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
