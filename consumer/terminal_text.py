"""Makes times and foreign texts safe and readable on a terminal."""

from datetime import UTC, datetime, tzinfo


def local_time(milliseconds: int, zone: tzinfo | None = None) -> str:
    """Return a time since the epoch as date and time of day, or as given where no calendar has it.

    Args:
        milliseconds: since the epoch.
        zone: the time zone to show; None for this machine's.
    """
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds} ms"
    return moment.isoformat(sep=" ", timespec="milliseconds")[:23]


def one_line(text: str) -> str:
    """Return the text with a "?" for each character that moves the cursor or begins a new line."""
    return "".join(character if character.isprintable() else "?" for character in text)
