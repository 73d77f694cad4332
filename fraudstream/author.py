"""Who runs this command, for the history of the model store."""

import getpass
import os
import socket


def author() -> str:
    """Return user and machine, for example "ada@desk"; in a container the number of the user."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
