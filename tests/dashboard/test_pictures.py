"""The pictures of README.md: each is there, and none is older than what it shows."""

import re

from tests.dashboard.pictures import FOLDER, PICTURES, ROOT, digests, stored_digests


def test_the_readme_shows_the_pictures_that_make_screenshots_takes():
    shown = set(re.findall(r"\]\(\.pictures/([^)]+)\)", (ROOT / "README.md").read_text()))

    assert shown == set(PICTURES)
    assert {path.name for path in FOLDER.iterdir()} == {*PICTURES, "digests.json"}


def test_no_picture_is_older_than_what_it_shows():
    now, then = digests(), stored_digests()
    old = [name for name in PICTURES if now[name] != then.get(name)]

    assert old == [], "They show what is no longer so: run `make screenshots`, look at .pictures, and commit them."
