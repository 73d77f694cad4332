"""docs/*.svg."""


def files() -> dict[str, str]:
    """Return the pictures by the names of their files."""
    return {}
