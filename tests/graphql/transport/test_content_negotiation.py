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
        pytest.param("application/json;q=x", None, id="a quality that is not a number counts as 0"),
        pytest.param("application/json;q=nan", None, id="nor is NaN a number"),
        pytest.param("application/json;q=2", None, id="a quality above 1 counts as 0"),
        pytest.param("application/json;q=0, */*", GRAPHQL_JSON, id="anything but the legacy type"),
        pytest.param("application/json, */*", JSON, id="the legacy type named beside anything"),
        pytest.param("application/graphql-response+json;q=0.5, */*", JSON, id="anything rather than the new type"),
        pytest.param("text/html, application/*;q=0.1", JSON, id="any application type at low quality"),
    ],
)
def test_the_media_type_follows_the_accept_header(accept: str | None, chosen: str | None):
    assert negotiate(accept) == chosen
