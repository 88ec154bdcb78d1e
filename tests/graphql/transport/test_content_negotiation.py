import pytest

from execution_monitor.graphql.transport.content_negotiation import GRAPHQL_JSON, JSON, negotiate


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        pytest.param(None, JSON, id="no header means the legacy type"),
        pytest.param("", JSON, id="an empty header as well"),
        pytest.param("*/*", JSON, id="anything means the legacy type"),
        pytest.param("application/*", JSON, id="any application type too"),
        pytest.param("application/json", JSON, id="the legacy type alone"),
        pytest.param("application/graphql-response+json", GRAPHQL_JSON, id="the new type alone"),
        pytest.param("application/json, application/graphql-response+json", GRAPHQL_JSON, id="both: the new one"),
        pytest.param("application/graphql-response+json;q=0.5, application/json", JSON, id="a preference holds"),
        pytest.param("application/graphql-response+json; charset=utf-8", GRAPHQL_JSON, id="parameters do no harm"),
        pytest.param("APPLICATION/JSON", JSON, id="in any case"),
        pytest.param("text/html", None, id="neither"),
        pytest.param("application/json;q=0", None, id="refused"),
        pytest.param("application/json;q=x", None, id="a quality that is no number counts as none"),
        pytest.param("application/json;q=nan", None, id="nor is this one"),
        pytest.param("application/json;q=2", None, id="nor one above 1"),
        pytest.param("application/json;q=0, */*", GRAPHQL_JSON, id="anything but the legacy type"),
        pytest.param("application/json, */*", JSON, id="the legacy type named beside anything"),
        pytest.param("application/graphql-response+json;q=0.5, */*", JSON, id="anything rather than the new type"),
        pytest.param("text/html, application/*;q=0.1", JSON, id="at worst"),
    ],
)
def test_the_answer_has_the_type_that_is_asked_for(accept: str | None, chosen: str | None):
    assert negotiate(accept) == chosen
