"""A call that may block past its own timeout, made where it can be left behind.

`send_offsets_to_transaction` can block for a minute while the group's coordinator is away, whatever
its timeout (librdkafka issue 5456).
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future

BoundedCall = Callable[[Callable[[], None], float], None]
"""Makes a call, given the seconds it may take; raises TimeoutError if it has not returned then."""


def call_in_thread(call: Callable[[], None], seconds: float) -> None:
    """Make a call in a thread of its own; leave it behind if it does not return in time.

    A thread costs 0.1 ms, of the 4 to 7 ms that a commit takes. It ends when the call returns, and
    does not keep the process from ending.

    Raises:
        TimeoutError: if the call has not returned after so many seconds.
        Exception: whatever the call raises.
    """
    outcome: Future[None] = Future()
    threading.Thread(target=_run, args=(call, outcome), name="commit", daemon=True).start()
    outcome.result(seconds)


def call_directly(call: Callable[[], None], _seconds: float) -> None:
    """Make a call that is known to return."""
    call()


def _run(call: Callable[[], None], outcome: "Future[None]") -> None:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - raised again where the call was made
        outcome.set_exception(error)
    else:
        outcome.set_result(None)
