"""Questions asked in the background: an answer counts until the next one is overdue."""

from marketplace.errors import Unavailable
from marketplace.runtime.probes import Probe


class Dependency:
    """Answers after a while, or not at all; brings its own clock."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.takes_s = 0.0
        self.problem: Exception | None = None
        self.asked = 0

    def ask(self) -> int:
        self.asked += 1
        self.now_s += self.takes_s
        if self.problem:
            raise self.problem
        return self.asked

    def probe(self, rest: float = 10.0) -> Probe[int]:
        return Probe("it", self.ask, every_s=2.0, patience_s=5.0, rest=rest, clock_s=lambda: self.now_s)


def test_nothing_is_known_before_the_first_answer() -> None:
    probe = Dependency().probe()
    assert (probe.answers, probe.newest) == (False, None)


def test_an_answer_is_forgotten_when_the_next_is_overdue() -> None:
    it = Dependency()
    probe = it.probe()
    assert probe.ask() == 2.0
    it.now_s += 6.9
    assert (probe.answers, probe.newest) == (True, 1)
    it.now_s += 0.2
    assert (probe.answers, probe.newest) == (False, None)
    probe.ask()
    assert (probe.answers, probe.newest) == (True, 2)


def test_an_answer_is_forgotten_when_the_next_question_fails() -> None:
    it = Dependency()
    probe = it.probe()
    probe.ask()
    for problem in (Unavailable(), OSError("no route"), ValueError("a defect of ours")):
        it.problem = problem
        probe.ask()
        assert (probe.answers, probe.newest) == (False, None)
        it.problem = None
        probe.ask()
        assert probe.answers


def test_what_takes_long_to_answer_is_asked_seldom() -> None:
    it = Dependency()
    it.takes_s = 3.0
    assert it.probe().ask() == 30.0
    assert it.probe(rest=1.0).ask() == 3.0
