import pytest

from execution_monitor.errors import SetupError
from execution_monitor.ingest.own_patterns import compile_patterns


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "missing ): (a"),
        (r"(?=a)b", "invalid perl operator"),
        (r"(a)\1", "invalid escape sequence"),
        ("a*", "matches an empty text"),
    ],
)
def test_a_pattern_that_cannot_be_used_stops_the_start(pattern: str, reason: str):
    with pytest.raises(SetupError) as error:
        compile_patterns(["fine", pattern])
    assert str(error.value).startswith(f"EXECUTION_MONITOR_INGEST_REDACT: {pattern!r}")
    assert reason in str(error.value)


def test_patterns_are_alternatives_each_with_its_own_flags():
    compiled = compile_patterns(["(?i)employee", "EMP-[0-9]+|x"])
    assert compiled is not None
    assert compiled.sub(lambda _: "***", "Employee EMP-12, emp-12 X x") == "*** ***, emp-12 X ***"


def test_a_pattern_that_takes_other_engines_years_takes_one_walk():
    compiled = compile_patterns([r"(a+)+\.", r"(x+x+)+y"])
    assert compiled is not None
    assert compiled.search("a" * 65_536 + "x" * 65_536) is None
