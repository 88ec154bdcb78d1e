from execution_monitor.token_bucket import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(bucket: TokenBucket, attempts: int) -> int:
    return sum(bucket.take() for _ in range(attempts))


def test_so_much_at_once_and_so_much_over_time():
    clock = Clock()
    bucket = TokenBucket(2, 5, clock)

    at_once = taken(bucket, 10)
    clock.now = 1.5
    later = taken(bucket, 10)
    clock.now = 100
    much_later = taken(bucket, 10)

    assert (at_once, later, much_later) == (5, 3, 5)


def test_what_is_given_back_can_be_taken_again():
    bucket = TokenBucket(2, 5, Clock())
    taken(bucket, 5)

    bucket.give_back()

    assert taken(bucket, 5) == 1


def test_no_more_can_be_given_back_than_there_was():
    bucket = TokenBucket(2, 5, Clock())

    bucket.give_back()

    assert taken(bucket, 10) == 5
