"""Permissions are checked without requests that can end the process."""

from tests.unit.test_imports import MAY_IMPORT, ROOT


def test_nothing_asks_the_administrator_about_groups_since_librdkafka_may_abort() -> None:
    # librdkafka issues 4605 and 3663: an assertion fails if a broker goes away meanwhile.
    files = [file for package in MAY_IMPORT for file in (ROOT / package).rglob("*.py")]
    assert len(files) > 100
    assert [file for file in files if ".describe_consumer_groups(" in file.read_text()] == []
