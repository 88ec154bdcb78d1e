from bson import Decimal128
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.statistics.rollups.whole_numbers import as_decimal, as_number
from execution_monitor.storage.database import Database


@given(st.integers(min_value=-(10**33), max_value=10**33))
def test_a_number_is_the_decimal_of_its_digits(number: int):
    assert as_decimal(number) == Decimal128(str(number))
    assert as_number(as_decimal(number)) == number


async def test_mongodb_adds_them_beyond_64_bits_and_subtracts_them_again(database: Database):
    numbers, largest = database.handle["numbers"], 10**14
    await numbers.delete_many({})
    for _ in range(3):
        await numbers.update_one({}, {"$inc": {"sum": as_decimal(100_000 * largest)}}, upsert=True)
    (found,) = [each async for each in numbers.find({})]
    assert as_number(found["sum"]) == 300_000 * largest

    await numbers.update_one({}, {"$inc": {"sum": as_decimal(-300_000 * largest - 1)}})

    (found,) = [each async for each in numbers.find({})]
    assert as_number(found["sum"]) == -1
