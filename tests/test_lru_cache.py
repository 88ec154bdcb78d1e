from execution_monitor.lru_cache import LruCache


def test_the_value_that_was_not_used_for_longest_is_dropped_first():
    recent: LruCache[int] = LruCache(2)

    recent.put("a", 1)
    recent.put("b", 2)
    recent.get("a")
    recent.put("c", 3)

    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_a_value_may_be_replaced():
    recent: LruCache[int] = LruCache(2)

    recent.put("a", 1)
    recent.put("a", 2)

    assert recent.get("a") == 2
