from datetime import UTC, datetime

import pytest

from execution_monitor.ingest.wfformat.fields import parse_date


@pytest.mark.parametrize(
    ("text", "date"),
    [
        pytest.param(
            "2023-03-29T10:02:36-10:00", datetime(2023, 3, 29, 20, 2, 36, tzinfo=UTC), id="Nextflow, with zone"
        ),
        pytest.param(
            "20200401T035043+0000", datetime(2020, 4, 1, 3, 50, 43, tzinfo=UTC), id="Pegasus 4, no separators"
        ),
        pytest.param("05-10-23T16:23:32Z", datetime(2023, 5, 10, 16, 23, 32, tzinfo=UTC), id="Pegasus 5, month first"),
        pytest.param("2020-12-25T20:10:08+00:00", datetime(2020, 12, 25, 20, 10, 8, tzinfo=UTC), id="Makeflow"),
        pytest.param(
            "2020-04-01T20:22:32.420180Z", datetime(2020, 4, 1, 20, 22, 32, 420000, tzinfo=UTC), id="fraction"
        ),
        pytest.param(
            "2020-12-30T02:24:13", datetime(2020, 12, 30, 2, 24, 13, tzinfo=UTC), id="without a zone it is UTC"
        ),
        pytest.param("2020-12-30", datetime(2020, 12, 30, tzinfo=UTC), id="a day begins at midnight"),
    ],
)
def test_every_spelling_of_real_files_is_read(text: str, date: datetime):
    assert parse_date(text) == date


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2020-13-01T00:00:00Z", "13-32-23T16:23:32Z", "0001-01-01T00:00:00+23:00"]
)
def test_what_is_no_date_is_refused(text: str):
    with pytest.raises(ValueError, match=r"is no date|outside of the calendar"):
        parse_date(text)


def test_a_refusal_quotes_no_more_than_its_beginning():
    with pytest.raises(ValueError, match="is no date") as refusal:
        parse_date("x" * 5_000)

    assert len(str(refusal.value)) < 100
