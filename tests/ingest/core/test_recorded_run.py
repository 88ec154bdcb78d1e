from execution_monitor.ingest.core.recorded_run import sort_by_dependencies


def test_tasks_come_after_their_parents():
    ordered = sort_by_dependencies({"c": ["a", "b"], "b": ["a"], "a": [], "d": []})

    assert ordered.index("a") < ordered.index("b") < ordered.index("c")
    assert set(ordered) == {"a", "b", "c", "d"}
