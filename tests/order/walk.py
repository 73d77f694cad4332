"""Random schedules: thousands in seconds, reproducible by their seed."""

import logging
from collections.abc import Callable
from random import Random

from consumer.commit.at_least_once import AtLeastOnce
from consumer.commit.exactly_once import ExactlyOnce
from consumer.detector.checkpoint import Checkpoint
from consumer.detector.loop import Detector
from consumer.detector.source import Source
from tests.order.process import FAULTS, Fault, Notice, Process
from tests.order.world import PARTITIONS, Kind, World

BLOCK = 1000
DELIVERIES: dict[str, type[ExactlyOnce | AtLeastOnce]] = {
    "exactly-once": ExactlyOnce,
    "at-least-once": AtLeastOnce,
}
NAMES = ("a", "b", "c")
KINDS = (Kind.LEGITIMATE, Kind.LEGITIMATE, Kind.FRAUD, Kind.POISON)


def walk(
    seed: int,
    sink_class: type[ExactlyOnce | AtLeastOnce] = ExactlyOnce,
    detector_class: type[Detector] = Detector,
    source_class: type[Source] = Source,
    checkpoint_class: type[Checkpoint] = Checkpoint,
    *,
    reads_journal: bool = True,
) -> World:
    """Run one schedule to its end, recover, and check every invariant.

    Args:
        seed: of the schedule.
        sink_class: how the processes commit.
        detector_class: their loop.
        source_class: how they read.
        checkpoint_class: how they keep what is not committed.
        reads_journal: whether they continue where the journal ends, and Kafka may forget offsets;
            else after the group's outputs, and the offsets may expire.

    Raises:
        AssertionError: if one is violated.
    """
    random = Random(seed)
    world = World(
        sink_class,
        detector_class,
        source_class,
        checkpoint_class,
        batch_maximum=random.randint(1, 4),
        commit_interval=random.choice([0.0, 0.3, 5.0]),
        reads_journal=reads_journal,
    )
    try:
        _play(world, random, _OPERATIONS if reads_journal else _EXPIRING)
    finally:
        world.close()
    return world


def _play(world: World, random: Random, operations: "Operations") -> None:
    _publish(world, random)
    for name in NAMES[: random.randint(1, 3)]:
        world.start(name)
    length = random.randint(4, 24)
    for operation in random.choices(list(operations), list(operations.values()), k=length):
        operation(world, random)
    world.recover()
    world.check_all()


def walk_block(task: tuple[str, bool, int]) -> None:
    """Run `BLOCK` schedules of a delivery, given by name, from a first seed on.

    Args:
        task: the delivery, `reads_journal` of `walk`, and the seed.

    Raises:
        AssertionError: at the first violated invariant, with the seed in a note.
    """
    logging.disable(logging.CRITICAL)
    name, reads_journal, first = task
    for seed in range(first, first + BLOCK):
        try:
            walk(seed, DELIVERIES[name], reads_journal=reads_journal)
        except Exception as error:
            error.add_note(f"{name}, seed {seed}")
            raise


def _publish(world: World, random: Random) -> None:
    for _ in range(random.randint(1, 3)):
        world.publish(random.randrange(PARTITIONS), random.choice(KINDS))


def _start(world: World, random: Random) -> None:
    if len(world.living) < len(NAMES):
        world.start(random.choice(NAMES))


def _time_out(world: World, random: Random) -> None:
    world.broker.time_out(random.choice(NAMES))


def _forget(world: World, random: Random) -> None:
    if world.promises_exactly_once:
        world.forget(random.randrange(PARTITIONS), random.randrange(3))


def _expire_offsets(world: World, _random: Random) -> None:
    world.expire_offsets()


def _delete(world: World, random: Random) -> None:
    world.delete(random.randrange(PARTITIONS), random.randint(1, 4))


def _recreate(world: World, _random: Random) -> None:
    world.recreate()


def _on_one_process(
    action: Callable[[World, Process, Random], None],
) -> Callable[[World, Random], None]:
    """Return the action as an operation on a random living process, if there is one."""

    def operation(world: World, random: Random) -> None:
        if world.living:
            action(world, random.choice(world.living), random)

    return operation


def _continue(world: World, process: Process, random: Random) -> None:
    for _ in range(random.randint(1, 25)):
        if process.ended is None:
            world.step(process)


def _fail(world: World, process: Process, random: Random) -> None:
    world.fail(process, random.choice(list(Fault)))
    for _ in range(random.randint(0, 4)):  # faults while it recovers from that one
        possible = sorted(FAULTS.get(process.call, ()), key=lambda fault: fault.value)
        if process.ended is None:
            world.step(process, random.choice([None, *possible]))


def _crash(_world: World, process: Process, _random: Random) -> None:
    process.crash()


def _expire(world: World, process: Process, random: Random) -> None:
    world.expire(process, random.choice(list(Notice)))


def _stop(_world: World, process: Process, _random: Random) -> None:
    process.stopping = True


Operations = dict[Callable[[World, Random], None], int]
"""What may happen, and the relative frequency of each."""

_OPERATIONS: Operations = {
    _publish: 5,
    _on_one_process(_continue): 10,
    _on_one_process(_fail): 4,
    _on_one_process(_crash): 2,
    _on_one_process(_expire): 3,
    _on_one_process(_stop): 1,
    _time_out: 1,
    _forget: 1,
    _delete: 2,
    _recreate: 1,
    _start: 2,
}

# Only the journal tells that Kafka forgot some offsets and not all.
_EXPIRING: Operations = {
    operation: frequency for operation, frequency in _OPERATIONS.items() if operation is not _forget
} | {_expire_offsets: 2, _start: 4}
