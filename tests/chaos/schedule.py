"""The schedule of faults: a shuffled deck of kinds, dealt in rounds of one or several."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from random import Random

from tests.chaos.faults import CLUSTER, Kind

# Number of cards of each kind in the deck. With one broker, 22 of the 40 kill a detector with
# SIGKILL; with three, there are 13 more, of the kinds that need a cluster.
DECK = {
    Kind.KILL: 7,
    Kind.KILL_BEGIN: 2,
    Kind.KILL_PRODUCE: 2,
    Kind.KILL_OFFSETS: 3,
    Kind.KILL_COMMIT: 2,
    Kind.KILL_WITHIN: 3,
    Kind.KILL_DONE: 2,
    Kind.TERMINATE: 2,
    Kind.FREEZE: 1,
    Kind.FREEZE_COMMIT: 2,
    Kind.JOIN: 1,
    Kind.LEAVE: 1,
    Kind.BROKER_STOP: 1,
    Kind.BROKER_KILL: 1,
    Kind.LEADER_KILL: 3,
    Kind.LEADER_FREEZE: 2,
    Kind.LEADER_ISOLATE: 2,
    Kind.LEADER_HIDE: 1,
    Kind.TWO_DOWN: 1,
    Kind.ROLL: 2,
    Kind.DISK: 1,
    Kind.PARTITION: 1,
    Kind.CUT: 2,
    Kind.REFUSE: 1,
    Kind.STALL: 1,
    Kind.SLOW: 1,
    Kind.PUBLISHER_KILL: 2,
    Kind.ARTIFACT: 1,
    Kind.CLOCK: 1,
    Kind.POISON: 1,
}

# Cards of each deck that are reserved for rounds of one: in 500 faults, each of the 22 kinds of a
# single broker twice, each of the 30 of a cluster once or more.
RESERVED = 4

# Mutually exclusive kinds: a round has at most one of each set, so no fault undoes another.
EXCLUSIVE = (
    # Two of these at a time could cost two replicas. A publisher that is killed looks for the end
    # of the input, which only a cluster whose replicas follow knows.
    {Kind.BROKER_STOP, Kind.BROKER_KILL, *CLUSTER, Kind.PUBLISHER_KILL},
    {Kind.CUT, Kind.REFUSE, Kind.STALL, Kind.SLOW},
    {Kind.FREEZE, Kind.FREEZE_COMMIT},
    {Kind.JOIN, Kind.LEAVE},
    {Kind.ARTIFACT},
    {Kind.CLOCK},
)


class Schedule:
    """Deals rounds of faults, deterministically for a given seed and sequence of calls.

    Args:
        random: the source of randomness.
        kinds: the kinds to schedule.
        sizes: possible sizes of a round, chosen at random.
    """

    def __init__(self, random: Random, kinds: Collection[Kind], sizes: Sequence[int]) -> None:
        self._random = random
        self._kinds = kinds
        self._sizes = sizes
        self._cards: list[Kind] = []
        self._put_back: list[Kind] = []
        self._reserved: list[Kind] = []
        self._alone: Counter[Kind] = Counter()

    def rounds(self) -> Iterator[list[Kind]]:
        """Yield rounds indefinitely."""
        while True:
            yield self.deal(self._random.choice(self._sizes))

    def deal(self, size: int) -> list[Kind]:
        """Return a round of that size, or a smaller one at the end of the deck.

        Each deck is dealt completely before the next one is shuffled, so every kind occurs. Some
        cards, of the kinds that least often came alone, are reserved for rounds of one, so every
        kind's recovery time is measured.
        """
        if not self._cards and not self._reserved:
            self._shuffle()
        if self._reserved and (size == 1 or not self._cards):
            chosen = [self._reserved.pop()]
        else:
            chosen = self._take(size)
        if len(chosen) == 1:
            self._alone.update(chosen)
        return chosen

    def _shuffle(self) -> None:
        fresh = [kind for kind in self._kinds for _ in range(DECK[kind])]
        self._cards, self._put_back = self._put_back + fresh, []
        self._random.shuffle(self._cards)
        rarest = sorted(dict.fromkeys(self._cards), key=self._alone.__getitem__)
        self._reserved = rarest[:RESERVED]
        for card in self._reserved:
            self._cards.remove(card)

    def _take(self, size: int) -> list[Kind]:
        chosen: list[Kind] = []
        for card in list(self._cards):
            if len(chosen) == size:
                break
            if not any(card in kinds and kinds & set(chosen) for kinds in EXCLUSIVE):
                chosen.append(card)
                self._cards.remove(card)
        return chosen

    def put_back(self, kind: Kind) -> None:
        """Return a card whose fault could not be injected; the next deck includes it."""
        self._put_back.append(kind)
