"""Which faults come when: cards of a shuffled deck, dealt in rounds of one or several."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from random import Random

from tests.chaos.faults import Kind

# How often a kind is in the deck. Of its 40 cards 22 kill a detector with -9.
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
    Kind.CUT: 2,
    Kind.REFUSE: 1,
    Kind.STALL: 1,
    Kind.SLOW: 1,
    Kind.PUBLISHER_KILL: 2,
    Kind.ARTIFACT: 1,
    Kind.CLOCK: 1,
    Kind.POISON: 1,
}

# How many of a deck's 40 cards come alone, at least: in 500 faults, each of the 22 kinds twice.
KEPT = 4

# Of kinds that turn the same knob there is one in a round, and so nobody heals another's fault.
KNOBS = (
    {Kind.BROKER_STOP, Kind.BROKER_KILL},
    {Kind.CUT, Kind.REFUSE, Kind.STALL, Kind.SLOW},
    {Kind.FREEZE, Kind.FREEZE_COMMIT},
    {Kind.JOIN, Kind.LEAVE},
    {Kind.ARTIFACT},
    {Kind.CLOCK},
)


class Schedule:
    """Deals rounds: the same ones for the same seed and the same returns.

    Args:
        random: what shuffles.
        kinds: those that there are.
        sizes: of rounds, one of which is drawn each time.
    """

    def __init__(self, random: Random, kinds: Collection[Kind], sizes: Sequence[int]) -> None:
        self._random = random
        self._kinds = kinds
        self._sizes = sizes
        self._cards: list[Kind] = []
        self._put_back: list[Kind] = []
        self._kept: list[Kind] = []
        self._alone: Counter[Kind] = Counter()

    def rounds(self) -> Iterator[list[Kind]]:
        """Yield rounds without end."""
        while True:
            yield self.deal(self._random.choice(self._sizes))

    def deal(self, size: int) -> list[Kind]:
        """Return a round of that size, or a smaller one at the end of the deck.

        A deck is dealt to its end before the next one is shuffled: so every kind comes. Some of it
        are kept to come alone, of kinds that did so least often: so every kind's recovery is seen.
        """
        if not self._cards and not self._kept:
            self._shuffle()
        if self._kept and (size == 1 or not self._cards):
            chosen = [self._kept.pop()]
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
        self._kept = rarest[:KEPT]
        for card in self._kept:
            self._cards.remove(card)

    def _take(self, size: int) -> list[Kind]:
        chosen: list[Kind] = []
        for card in list(self._cards):
            if len(chosen) == size:
                break
            if not any(knob & {card} and knob & set(chosen) for knob in KNOBS):
                chosen.append(card)
                self._cards.remove(card)
        return chosen

    def put_back(self, kind: Kind) -> None:
        """Take back a card that could not be played; it comes again with the next deck."""
        self._put_back.append(kind)
