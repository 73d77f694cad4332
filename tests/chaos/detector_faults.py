"""Faults of the detectors themselves: killed, ended, frozen, more of them, fewer."""

import signal
import time
from contextlib import suppress
from itertools import count
from random import Random

import msgspec

from consumer.commit.sink import CommitStep
from tests.chaos.detector import Order
from tests.chaos.members import Member
from tests.chaos.world import Fault, World

# A zombie is one whose partitions went to others: the group misses it after session.timeout.ms
# (6 s), and the others hear of it with their next heartbeat (1.5 s).
FROZEN_SECONDS = (8.0, 14.0)
# Within a commit it has to wake before Kafka ends its transaction by itself (10 s after its begin):
# else the transaction's end and not the group's generation is what fences it.
FROZEN_IN_COMMIT_SECONDS = 8.8
VISITS = 12  # at most; at 30 alerts a second and two detectors, a second's worth of commits
ORDER_SECONDS = 20.0
NUMBERS = count(1)


def kill(world: World, random: Random) -> Fault:
    """Kill a detector wherever it is."""
    yield from world.pause(random.uniform(0.0, 0.5))
    victim = yield from world.someone(random)
    return time.time() if victim.send(signal.SIGKILL) else None


def kill_at(step: CommitStep, world: World, random: Random, *, within: float = 0.0) -> Fault:
    """Have a detector kill itself at a step of a commit, or up to `within` seconds after it."""
    victim = yield from world.someone(random)
    delay = random.uniform(0.0, within)
    order = Order(next(NUMBERS), signal.SIGKILL, step, random.randint(1, VISITS), delay)
    return (yield from _order(world, victim, order))


def terminate(world: World, random: Random) -> Fault:
    """End a detector orderly; another process takes its place, as in a rolling restart."""
    victim = yield from world.someone(random)
    return time.time() if victim.send(signal.SIGTERM) else None


def freeze(world: World, random: Random) -> Fault:
    """Stop a detector for longer than the group waits for it, while another can take over."""
    victim = yield from world.someone_of_two(random)
    since = time.time()
    if not victim.send(signal.SIGSTOP):
        return None
    yield from world.pause(random.uniform(*FROZEN_SECONDS))
    victim.send(signal.SIGCONT)
    return since


def freeze_in_commit(world: World, random: Random) -> Fault:
    """Have a detector stop at a step of a commit, for longer than the group waits for it."""
    victim = yield from world.someone_of_two(random)
    step = random.choice(
        (CommitStep.BEGIN, CommitStep.PRODUCE, CommitStep.OFFSETS, CommitStep.COMMIT)
    )
    order = Order(next(NUMBERS), signal.SIGSTOP, step, random.randint(1, VISITS))
    since = yield from _order(world, victim, order)
    if since is None:
        return None
    yield from world.pause(FROZEN_IN_COMMIT_SECONDS)
    victim.send(signal.SIGCONT)
    return since


def join(world: World, random: Random) -> Fault:
    """Start another detector."""
    yield
    return time.time() if world.join() else None


def leave(world: World, random: Random) -> Fault:
    """End a detector orderly, for good."""
    yield
    member = world.leave()
    if member is None:
        return None
    member.send(signal.SIGTERM)
    return time.time()


def _order(world: World, victim: Member, order: Order) -> Fault:
    """Give a detector an order, and wait until it, or its successor, has carried it out."""
    while victim.orders.exists():  # until another order to it is carried out
        yield
    fresh = victim.orders.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(order))
    fresh.replace(victim.orders)
    struck = victim.orders.with_suffix(f".struck-{order.number}")
    deadline = time.monotonic() + ORDER_SECONDS
    while not struck.exists():
        if time.monotonic() > deadline or world.stopped() or not victim.wanted:
            with suppress(FileNotFoundError):
                victim.orders.unlink()
                return None
        yield
    return time.time()
