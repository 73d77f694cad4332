"""Markdown code spans."""


def code(text: str) -> str:
    """Return the text as a code span, or nothing if it is empty."""
    return f"`{text}`" if text else ""
