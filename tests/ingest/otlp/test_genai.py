from typing import Any

import pytest

from execution_monitor.ingest.otlp.genai import Usage, counts, input_of, kind_of, result_of, session_of, usage_of
from execution_monitor.ingest.otlp.price_table import Price
from execution_monitor.ingest.otlp.prices import Prices

OF_OPENTELEMETRY = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024",
    "gen_ai.usage.input_tokens": 21,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.usage.cache_read.input_tokens": 5,
}
OF_OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4o-2024",
    "llm.token_count.prompt": 21,
    "llm.token_count.completion": 7,
    "llm.token_count.total": 28,
    "llm.token_count.prompt_details.cache_read": 5,
}
OF_TRACELOOP = {
    "llm.request.type": "chat",
    "gen_ai.response.model": "gpt-4o-2024",
    "gen_ai.usage.prompt_tokens": 21,
    "gen_ai.usage.completion_tokens": 7,
    "llm.usage.total_tokens": 28,
    "gen_ai.usage.cache_read_input_tokens": 5,
}
OF_VERCEL = {
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.id": "gpt-4o-2024",
    "ai.usage.promptTokens": 21,
    "ai.usage.completionTokens": 7,
    "ai.usage.cachedInputTokens": 5,
}


@pytest.mark.parametrize("attributes", [OF_OPENTELEMETRY, OF_OPENINFERENCE, OF_TRACELOOP, OF_VERCEL])
def test_the_model_and_tokens_of_a_call_are_found_in_every_dialect(attributes: dict[str, Any]):
    assert usage_of(attributes) == Usage("gpt-4o-2024", 21, 7, 5, 28)
    assert kind_of(attributes) == "llm"
    assert counts("llm", attributes)


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"gen_ai.operation.name": "invoke_agent"}, "agent"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.operation.name": "invoke_workflow"}, "workflow"),
        ({"openinference.span.kind": "AGENT"}, "agent"),
        ({"openinference.span.kind": "CHAIN"}, "chain"),
        ({"traceloop.span.kind": "workflow"}, "workflow"),
        ({"traceloop.span.kind": "task"}, "task"),
        ({"langfuse.observation.type": "agent"}, "agent"),
        ({"ai.operationId": "ai.generateText"}, "chain"),
        ({"ai.operationId": "ai.toolCall"}, "tool"),
    ],
)
def test_tokens_of_what_contains_calls_do_not_count_again(attributes: dict[str, Any], kind: str):
    summed = {**attributes, "gen_ai.usage.input_tokens": 100, "gen_ai.response.model": "gpt-4o"}
    assert kind_of(summed) == kind
    assert not counts(kind, summed)
    usage = usage_of(summed)
    assert usage is not None
    assert usage.input_tokens == 100


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"gen_ai.operation.name": "embeddings"}, "embedding"),
        ({"gen_ai.operation.name": "image_generation"}, "image_generation"),
        ({"openinference.span.kind": "EMBEDDING"}, "embedding"),
        ({"openinference.span.kind": "RERANKER"}, "reranker"),
        ({"langfuse.observation.type": "generation"}, "llm"),
        ({"ai.operationId": "ai.embed.doEmbed"}, "embedding"),
    ],
)
def test_tokens_of_every_kind_of_call_count(attributes: dict[str, Any], kind: str):
    assert kind_of(attributes) == kind
    assert counts(kind, attributes)


def test_a_span_of_unknown_kind_counts_where_it_names_a_model():
    assert counts(None, {"gen_ai.request.model": "gpt-4o"})
    assert not counts(None, {"gen_ai.usage.input_tokens": 5})


@pytest.mark.parametrize("value", [-1, "21", True, 2**63, 0.5, None, [21]])
def test_what_is_no_count_of_tokens_is_passed_over(value: Any):
    assert usage_of({"gen_ai.usage.input_tokens": value}) is None
    assert usage_of({"gen_ai.usage.input_tokens": value, "llm.token_count.prompt": 3}) == Usage(
        input_tokens=3, tokens=3
    )


def test_a_cost_that_is_given_is_kept():
    assert usage_of({"llm.cost.total": 0.25}) == Usage(cost=0.25)
    assert usage_of({"gen_ai.usage.cost": float("nan"), "llm.cost.total": -1}) is None


def test_a_conversation_is_a_session():
    assert session_of({"gen_ai.conversation.id": "c", "session.id": "s"}) == "c"
    assert session_of({"session.id": "s"}) == "s"
    assert session_of({"session.id": ""}) is None


def test_what_went_in_and_came_out_is_read_from_json():
    attributes = {
        "input.value": '{"question": "why"}',
        "llm.input_messages.0.message.content": "why",
        "output.value": '["because"]',
        "llm.output_messages.0.message.content": "because",
        "llm.token_count.total": 3,
        "temperature": 0.2,
    }
    assert input_of(attributes) == {"input.value": {"question": "why"}, "temperature": 0.2}
    assert result_of(attributes) == ["because"]


def test_flattened_messages_are_kept_where_there_is_nothing_else():
    attributes = {"llm.input_messages.0.message.content": "why", "gen_ai.completion.0.content": "because"}
    assert input_of(attributes) == {"llm.input_messages.0.message.content": "why"}
    assert result_of(attributes) == {"gen_ai.completion.0.content": "because"}
    assert result_of({"output.value": "{no json"}) == "{no json"
    assert input_of({}) is result_of({}) is None


PRICES = Prices({"gpt-4o-mini*": Price(input=1, output=10, cached=0.5), "gpt-*": Price(input=2), "none": Price()})


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage("GPT-4o-mini-2024", 3_000_000, 100_000, 1_000_000), 3.5),
        (Usage("gpt-4o", 1_000_000, 1_000_000), 2),
        # Some count cached tokens among those of the input, and some beside them.
        (Usage("gpt-4o-mini", 1_000_000, 0, 4_000_000), 3),
        (Usage("gpt-4o", 1_000_000, 0, 1_000_000), 2),
        (Usage("claude", 1_000_000), None),
        (Usage(None, 1_000_000), None),
        (Usage("gpt-4o", 1_000_000, cost=0.25), 0.25),
        (Usage("none", 1_000_000), 0),
    ],
)
def test_a_call_costs_what_its_sender_says_or_else_the_table(usage: Usage, cost: float | None):
    assert PRICES.cost_of(usage) == cost
